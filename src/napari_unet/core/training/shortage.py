"""What a training says where its patches do not fit into memory."""

from contextlib import AbstractContextManager

from napari_unet.core.memory import explain_shortage
from napari_unet.core.training.state import Training


def explain_training_shortage(training: Training) -> AbstractContextManager[None]:
    """Turn running out of memory into a sentence with patch and batch size."""
    config = training.config
    edges = f"{config.patch_size} × {config.patch_size}"
    if training.network.config.dimensions == 3:
        edges += f" × {config.patch_depth}"
    noun = "patch" if config.batch_size == 1 else "patches"
    return explain_shortage(
        training.compute.device,
        f"{config.batch_size} {noun} of {edges} px at a time",
        "Make 'Patch size' or 'Batch size' smaller (on the command line: --set "
        "patch_size=128 or --set batch_size=1; in the dock: More settings, Training), "
        "or compute on another device.",
    )
