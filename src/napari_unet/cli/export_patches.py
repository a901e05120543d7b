"""`train --export-patches`: what a training would see, as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.cli.app import report
from napari_unet.cli.model_folder import check_new_name
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.training.patches import Batch


def choose_folder(
    model: Path | None, export_patches: Path | None, *, resume: bool
) -> Path:
    """Return the folder of the model; any will do where none is written.

    Raises
    ------
    InputError
        If there is none but is needed, if it is called like a starter model, or if
        patches of a resumed training are asked for.
    """
    if export_patches is not None:
        if resume:
            raise InputError(
                "--resume does not go with --export-patches, which trains nothing; "
                "leave one of them out."
            )
        return export_patches
    if model is None:
        raise InputError("Missing option '--model': name the model folder to write.")
    check_new_name(model)
    return model


def export_batch(folder: Path, batch: "Batch", *, as_json: bool) -> None:
    """Write the patches of a batch into a folder, and say so."""
    from napari_unet.formats.patches import write_patches

    target = batch.classes if batch.values is None else batch.values
    files = write_patches(
        folder, batch.image.numpy(), target.numpy(), batch.weights.numpy()
    )
    number = len(batch.classes)
    patches = "1 patch" if number == 1 else f"{number} patches"
    report(
        {"folder": str(folder), "patches": number, "files": [str(f) for f in files]},
        f"{folder}: image, target and weights of {patches}",
        as_json=as_json,
    )
