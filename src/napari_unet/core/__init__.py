"""Numerical core: NumPy, SciPy, scikit-image and PyTorch. No napari, no Qt, no files."""
