"""`demo`, `gui`, `presets` and `models`: see what there is and what it does."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_unet.cli.app import Json, app, report, table
from napari_unet.cli.model_folder import find_model
from napari_unet.core.card import Manifest, read_manifest
from napari_unet.core.model_folders import list_starters
from napari_unet.core.network_summary import summarise_network
from napari_unet.core.presets import PRESETS


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "demo_output"
    ),
    seconds: Annotated[
        float, typer.Option(help="Time to train, over all kinds of images.", min=1)
    ] = 90.0,
) -> None:
    """Train on the sample images, segment unseen ones, and show what changed."""
    from napari_unet.cli.demo import run_demo

    print(run_demo(out, seconds))


@app.command()
def gui(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Images to open; else a sample.")
    ] = None,
) -> None:
    """Open napari with the U-Net dock."""
    from napari_unet.widgets.launch import open_viewer

    open_viewer(images or [])


@app.command()
def presets(as_json: Json = False) -> None:
    """List the presets: a network with the training settings that suit it."""
    text = "\n\n".join(
        f"{name}\n"
        + textwrap.fill(preset.summary, 78, initial_indent="  ", subsequent_indent="  ")
        for name, preset in PRESETS.items()
    )
    result: dict[str, Any] = {
        name: preset.model_dump(mode="json") for name, preset in PRESETS.items()
    }
    report(result, text, as_json=as_json)


@app.command()
def models(
    name: Annotated[
        str | None,
        typer.Argument(help="A model folder, or a model's name: show its card."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the starter models and those in the user's models folder, or show a card."""
    from napari_unet.core.card import describe
    from napari_unet.core.model_folders import list_models, models_folder

    if name is not None:
        folder = find_model(name)
        manifest = read_manifest(folder)
        report(_show(folder, manifest), describe(manifest), as_json=as_json)
        return
    folder = models_folder()
    starters = [(path, read_manifest(path)) for path, _ in list_starters()]
    found = [(path, read_manifest(path)) for path, _ in list_models(folder)]
    own = _tabulate(found) if found else f"No models in '{folder}' yet."
    result = {
        "folder": str(folder),
        "starters": [_show(path, manifest) for path, manifest in starters],
        "models": [_show(path, manifest) for path, manifest in found],
    }
    told = [_tabulate_starters(starters)] if starters else []
    report(result, "\n\n".join([*told, own]), as_json=as_json)


def _tabulate_starters(starters: Sequence[tuple[Path, Manifest]]) -> str:
    """Return the models that come with the program, one line each."""
    rows = [["starter model", "F1", "for"]]
    for path, manifest in starters:
        notes = manifest.card.notes
        score = notes.headline.removeprefix("F1 ") if notes else ""
        rows.append([path.name, score or "-", notes.purpose if notes else "-"])
    return table(rows, left=(0, 2))


def _tabulate(found: Sequence[tuple[Path, Manifest]]) -> str:
    """Return the user's models, one line each."""
    rows = [["name", "saved", "objects", "F1", "IoU", "network"]]
    for path, manifest in found:
        card = manifest.card
        scores = card.scores or {}
        measured = [f"{scores[k]:.3f}" if k in scores else "-" for k in ("f1", "iou")]
        network = summarise_network(manifest.settings.network, card.preset).short
        row = [path.name, card.created[:16], str(card.objects), *measured, network]
        rows.append(row)
    return table(rows)


def _show(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return a model's card, ready for JSON."""
    network = manifest.settings.network
    return {
        "name": folder.name,
        "folder": str(folder),
        **manifest.card.model_dump(mode="json"),
        "network": network.model_dump(mode="json"),
        "network_summary": str(summarise_network(network, manifest.card.preset)),
    }
