"""Points in stacks as `detect` writes them: with time, and counted for each plane."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that --help does not wait for torch
    from numpy.typing import NDArray

    from napari_unet.core.workflow import Segmentation


def place_in_time(
    positions: "NDArray[Any]", segmentation: "Segmentation"
) -> "NDArray[Any]":
    """Return positions (T, Z, Y, X) where the image has depth and time."""
    from napari_unet.core.frames import unfold_positions

    if segmentation.planes is None or segmentation.times == 1:
        return positions
    return unfold_positions(positions, len(segmentation.planes) // segmentation.times)


def count_planes(
    stem: str,
    positions: "NDArray[Any]",
    classes: Sequence[str],
    names: Sequence[str],
    segmentation: "Segmentation",
) -> list[dict[str, Any]]:
    """Return a row for each plane of a stack, also for those without a point.

    Parameters
    ----------
    stem : str
        Name of the image.
    positions : ndarray of float, shape (N, 3) or (N, 4)
        Of the points, ([T,] Z, Y, X).
    classes : sequence of str
        Of each point.
    names : sequence of str
        Of all classes of the model.
    segmentation : Segmentation
        Says which planes there are; of a single image there are no rows.
    """
    if segmentation.planes is None:
        return []
    depth = len(segmentation.planes) // segmentation.times
    places = positions[:, :-2].round().astype(int).tolist()
    found = Counter(
        (tuple(place), name) for place, name in zip(places, classes, strict=True)
    )
    rows = []
    for number in range(len(segmentation.planes)):
        time, plane = divmod(number, depth)
        place = (time, plane) if segmentation.times > 1 else (plane,)
        counts = {name: found[place, name] for name in names}
        rows.append(
            {
                "image": stem,
                "points": sum(counts.values()),
                "time": time if segmentation.times > 1 else "",
                "plane": plane,
                **(counts if len(names) > 1 else {}),
            }
        )
    return rows


def write_plane_counts(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows of all images as CSV; without time where none has it."""
    from napari_unet.formats.table import write_table

    columns = {name: [row[name] for row in rows] for name in rows[0]}
    if not any(time != "" for time in columns["time"]):
        del columns["time"]
    write_table(path, columns)
