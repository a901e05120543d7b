"""Dock widgets: thin views of a `Session`; the only code that knows napari and Qt."""
