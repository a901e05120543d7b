"""The command line: whatever the docks do, a script can do too.

Heavy imports stay inside the commands, so that ``--help`` answers at once.
"""

from napari_unet.cli.app import main

__all__ = ["main"]
