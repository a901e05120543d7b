"""`export-model`: a model as one file for other programs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.app import Json, app, report
from napari_unet.cli.model_folder import open_model
from napari_unet.core.errors import InputError


@app.command(name="export-model")
def export_model(
    model: Annotated[str, typer.Argument(help="A model folder, or a model's name.")],
    out: Annotated[
        Path, typer.Option(help="The .pt2 file to write; beside it goes a .json.")
    ],
    as_json: Json = False,
) -> None:
    """Write a model for programs that have PyTorch but not napari-unet.

    torch.export.load(FILE).module() maps normalised images to probabilities; the .json
    says how to normalise, which sizes fit, and what comes out.
    """
    from napari_unet.core.exported import check_target, describe_export, export_network
    from napari_unet.formats.whole_file import write_whole

    check_target(out)
    loaded = open_model(model)
    beside = out.with_suffix(".json")
    check_ours(beside, out)
    with write_whole(out) as unfinished:
        export_network(loaded, unfinished)
    description = describe_export(loaded) | {"file": out.name}
    with write_whole(beside) as unfinished:
        unfinished.write_text(json.dumps(description, indent=1), encoding="utf-8")
    result = {"model": str(out), "description": str(beside)}
    text = f"{out}: gives what the model gives; {beside.name} says how to use it"
    report(result, text, as_json=as_json)


def check_ours(beside: Path, out: Path) -> None:
    """Refuse to replace files that no export has written."""
    from napari_unet.core.exported import FORMAT

    if not beside.exists() and not out.exists():
        return
    try:
        if json.loads(beside.read_text(encoding="utf-8")).get("format") == FORMAT:
            return
    except (OSError, ValueError, AttributeError):
        pass
    there = beside if beside.exists() else out
    raise InputError(
        f"'{there}' would be replaced, and is no earlier export. Choose another name "
        "for --out, or move it away."
    )
