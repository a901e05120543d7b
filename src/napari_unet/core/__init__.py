"""Numerical core: NumPy, SciPy, scikit-image, PyTorch. No napari, no Qt, no files."""
