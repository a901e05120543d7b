"""What `segment` and `detect` share: options, prediction, and the folder."""

import math
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_unet.cli.app import count, fail, warn
from napari_unet.core.config import AVERAGES, Averaging, DeviceChoice
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.image import Image
    from napari_unet.core.prediction.zoom import Zoom as FoundZoom
    from napari_unet.core.workflow import Model, Segmentation

# As `core.workflow.segment` takes it.
Scale = float | Literal["auto"] | None
# Options of the commands that use a model on images.
UsedModel = Annotated[str, typer.Option(help="A model folder, or a model's name.")]
Results = Annotated[Path, typer.Option(help="Folder for the results.")]
TileEdge = Annotated[
    str, typer.Option(help="Edge of a tile in px, or 'auto' (from free memory).")
]
Zoom = Annotated[
    str,
    typer.Option(
        help="Zoom before the network: a factor, 1 for none; 'auto' (by the pixel "
        "sizes, where they are unknown by a look at how large objects are); "
        "'pixel-size' (never by a look)."
    ),
]
Versions = Annotated[
    str,
    typer.Option(
        help="Average over mirrored or turned versions (slower): none, 4-flips, "
        "4-rotations, 8, 7-angles or another number of angles."
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(help="Probability of an object.", show_default="the model's, 0.5"),
]


def read_tile(tile: str) -> int | None:
    """Return the edge of a tile, None for 'auto'."""
    if tile == "auto":
        return None
    if not tile.isdecimal():
        raise InputError(f"--tile {tile}: give a number of pixels, or 'auto'.")
    return int(tile)


def read_scale(scale: str) -> Scale:
    """Return the zoom before the network, None for 'pixel-size'."""
    if scale == "pixel-size":
        return None
    if scale == "auto":
        return "auto"
    try:
        factor = float(scale)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise InputError(
            f"--scale {scale}: give a factor above 0, 'auto' to look at how large "
            "objects are, or 'pixel-size' to go by the pixel sizes alone."
        )
    return factor


def read_average(tta: str) -> Averaging:
    """Return what to average over: '4 flips' for '4-flips'."""
    from napari_unet.core.prediction.averaging import list_versions

    averaging = tta.replace("-", " ")
    try:
        list_versions(averaging)
    except InputError:
        names = ", ".join(name.replace(" ", "-") for name in AVERAGES)
        raise InputError(
            f"--tta {tta}: choose one of {names}, or another number of angles, for "
            "example 12-angles."
        ) from None
    return averaging


def check_folder(
    out: Path,
    images: list[Path],
    results: list[Path],
    is_ours: Callable[[Path], bool],
    *,
    option: str = "--out",
) -> None:
    """Refuse a folder in which a result would replace what we did not write."""
    if out.exists() and not out.is_dir():
        raise InputError(f"'{out}' is a file; {option} needs a folder.")
    if any(out.resolve() == path.parent.resolve() for path in images):
        raise InputError(
            f"The images themselves lie in '{out}'; their labels would replace them. "
            f"Choose another folder for {option}."
        )
    foreign = [path for path in results if path.exists() and not is_ours(path)]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InputError(
            f"'{foreign[0]}'{more} would be replaced, and was not written by this "
            f"program. Choose another folder for {option}, or move it away."
        )
    place = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise InputError(
            f"The folder '{out}' cannot be written to; choose another one for "
            f"{option}, where you may write."
        )


@contextmanager
def telling_stop(
    written: Collection[str], images: Sequence[Path], out: Path
) -> Iterator[None]:
    """End with exit code 130 on Ctrl-C, and say how many of the images are written."""
    try:
        yield
    except KeyboardInterrupt:
        done = f"{len(written)} of {count(len(images), 'image')}"
        warn(f"Stopped; the results of {done} are in '{out}'.")
        raise typer.Exit(130) from None


def fail_for(faults: Mapping[str, str], count: int, out: Path) -> None:
    """End with exit code 2 if there were images of which nothing came.

    Parameters
    ----------
    faults : mapping of str to str
        The reason, by the name of the file; each was said before.
    count : int
        How many images there were.
    out : Path
        Where the results of the others are.
    """
    if faults:
        names = ", ".join(f"'{name}'" for name in faults)
        fail(
            f"{len(faults)} of {count} images gave no result: {names}. The reasons are "
            f"above; the others are in '{out}'."
        )


def predict(
    image: "Image",
    model: "Model",
    tile: int | None,
    averaging: Averaging,
    device: DeviceChoice,
    scale: "Scale | FoundZoom" = None,
    *,
    background_only: bool = False,
) -> "Segmentation":
    """Predict one image: what it will take, then a progress bar over its tiles.

    Says before how it is zoomed, where that is looked for here, and afterwards if it
    is unlike all that the model has seen. With `background_only` the probabilities of
    the other classes are not kept.
    """
    from tqdm import tqdm

    from napari_unet.core.device import choose_compute, free_bytes
    from napari_unet.core.prediction.plan import plan_prediction
    from napari_unet.core.prediction.tiling import largest_interior
    from napari_unet.core.workflow import propose_zoom
    from napari_unet.core.workflow import segment as segment_image

    if scale == "auto":
        scale = propose_zoom(image, model, device=device)
        if scale.said:
            tqdm.write(f"{image.name}: {scale.said}", file=sys.stderr)
    factor = scale if scale is None or isinstance(scale, float) else scale.scale
    where = choose_compute(device).device
    plan = plan_prediction(
        image,
        model.settings,
        tile=tile,
        scale=factor,
        averaging=averaging,
        memory=free_bytes(where),
        largest=largest_interior(where.type),
    )
    tqdm.write(f"{image.name}: {plan.describe()}", file=sys.stderr)
    steps = segment_image(
        image,
        model,
        tile=tile,
        scale=scale,
        averaging=averaging,
        device=device,
        background_only=background_only,
    )
    unit = "tile" if averaging == "none" else "step"  # one version of one tile
    with tqdm(desc=image.name, total=plan.steps, unit=unit, file=sys.stderr) as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                segmentation: Segmentation = end.value
                break
            bar.total = progress.total
            bar.update(progress.done - bar.n)
            if progress.news:
                bar.write(progress.news, file=sys.stderr)
    if segmentation.drift:
        warn(f"{image.name}: {segmentation.drift}")
    return segmentation


def describe_zoom(segmentation: "Segmentation") -> dict[str, float | str]:
    """Return how an image was zoomed, why, and whether it is unlike all that was seen.

    For ``--json``; the sentences are empty where there is nothing to say.
    """
    zoom = segmentation.zoom
    return {
        "factor": segmentation.factor,
        "because": "" if zoom is None else zoom.said,
        "unlike": segmentation.drift,
    }
