"""ImageJ ROI sets: a zip of outlines for the ROI Manager, and back to labels."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError
from napari_unet.formats.drawings import Area, Drawing, Mark, Place, paint_objects
from napari_unet.formats.outlines import Outline, Ring, trace_outlines
from napari_unet.formats.roi_shapes import CLOSE, LINE, MOVE, rings_of
from napari_unet.formats.stored import refuse_damaged
from napari_unet.formats.whole_file import require_same, write_whole

if TYPE_CHECKING:
    from roifile import ImagejRoi

# The label, and in a stack the plane: '00012 z003', with time '00012 t002 z003'. ImageJ
# names its own '0123-0456'.
_NAME = re.compile(r"(\d+)(?: t\d+)?(?: z\d+)?")
# ImageJ stores coordinates in 16 bits and takes larger ones for negative.
_FARTHEST = 60_535
_LARGEST_ROI = 2**28
_ROI = b"Iout"
_AREAS = ("polygon", "rect", "oval", "freehand", "traced")
_NOUNS = {
    "line": "line",
    "freeline": "line",
    "polyline": "line",
    "angle": "angle",
    "text": "text",
    "image": "picture",
    "noroi": "empty ROI",
}


def write_rois(path: Path | str, labels: NDArray[np.integer]) -> None:
    """Write the outline of every object as a ROI of ImageJ.

    An outline follows the edges of the pixels, as that of ImageJ's wand does, so the
    area that ImageJ measures is the number of pixels. An object with holes or in
    several pieces is one composite ROI.

    Parameters
    ----------
    path : Path or str
        The zip file; an existing one is replaced in one step.
    labels : ndarray of int, shape (Y, X), (Z, Y, X) or (T, Z, Y, X)
        0 is background. In a stack an object has one ROI on each of its planes.

    Raises
    ------
    InputError
        If the file cannot be written or reads back differently, or the image is
        larger than ImageJ's coordinates.
    """
    if labels.ndim not in (2, 3, 4) or max(labels.shape[-2:]) > _FARTHEST:
        raise InputError(
            f"'{Path(path).name}' cannot be saved: ROIs of ImageJ fit images (Y, X) or "
            f"(Z, Y, X) up to {_FARTHEST} pixels wide, not {labels.shape}. Save the "
            "labels as TIFF or GeoJSON."
        )
    with write_whole(path) as unfinished:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for roi in _make_rois(labels):
                entry = zipfile.ZipInfo(f"{roi.name}.roi")
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, roi.tobytes())
        back, _ = paint_objects(read_rois(unfinished), labels.shape)
        require_same(np.array_equal(back, labels), path)


def read_rois(path: Path | str) -> Drawing:
    """Read a set of ImageJ ROIs.

    Parameters
    ----------
    path : Path or str
        A zip file, or a single ``.roi`` file.

    Returns
    -------
    Drawing
        Polygons, rectangles, ovals, freehand, traced and composite ROIs are areas; a
        name that is a number asks for this label. The group of a ROI is its class. Of
        points, the class is the number of their counter, where there are several.
        Lines, angles, texts and pictures are left out.

    Raises
    ------
    InputError
        If the file is missing or damaged, or a zip file of something else.
    """
    path = Path(path)
    found = Drawing()
    with refuse_damaged(path):
        for roi in _read_stored(path):
            _sort_in(roi, found)
    return found


def _read_stored(path: Path) -> list["ImagejRoi"]:
    from roifile import ImagejRoi

    data = path.read_bytes()
    if data.startswith(_ROI):
        return [ImagejRoi.frombytes(data)]
    with zipfile.ZipFile(path) as archive:
        entries = [
            entry
            for entry in archive.infolist()
            if entry.filename.lower().endswith(".roi")
            and not entry.filename.startswith("__MACOSX")
        ]
        if archive.namelist() and not entries:
            raise InputError(
                f"'{path.name}' holds no ROI of ImageJ; save them by More > Save in "
                "ImageJ's ROI Manager."
            )
        return [ImagejRoi.frombytes(_unpack(archive, entry)) for entry in entries]


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > _LARGEST_ROI:
        raise ValueError(f"{entry.filename} is too large for a ROI")
    return archive.read(entry)


def _sort_in(roi: "ImagejRoi", found: Drawing) -> None:
    """Add a ROI to what was found."""
    from roifile import ROI_SUBTYPE, ROI_TYPE

    kind = roi.roitype.name.lower()
    if roi.subtype in (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE):
        found.left_out[_NOUNS[roi.subtype.name.lower()]] += 1
    elif roi.roitype == ROI_TYPE.POINT:
        found.marks.extend(_marks_of(roi))
    elif kind not in _AREAS:
        found.left_out[_NOUNS.get(kind, "unknown ROI")] += 1
    elif rings := rings_of(roi):
        match = _NAME.fullmatch(roi.name)
        number = int(match[1]) if match else None
        group = f"group {roi.group}" if roi.group else ""
        found.areas.append(Area((tuple(rings),), number, group, _place_of(roi)))
    else:
        found.left_out["empty ROI"] += 1


def _marks_of(roi: "ImagejRoi") -> Iterator[Mark]:
    """Return the points of a ROI, which ImageJ counts from the corner of a pixel."""
    counters = roi.counters if roi.counters is not None else ()
    several = len({*counters}) > 1
    frames = roi.counter_positions if roi.counter_positions is not None else ()
    exact = roi.subpixel_coordinates is not None
    for index, (x, y) in enumerate(np.asarray(roi.coordinates(), float)):
        # Whole numbers mean pixels, fractions mean places in them.
        shift = 0.5 if exact else 0
        place = _place_of(roi)
        if index < len(frames) and frames[index]:
            place = Place(frame=int(frames[index]) - 1)
        name = f"counter {counters[index]}" if several else ""
        yield Mark(float(x) - shift, float(y) - shift, name, place)


def _place_of(roi: "ImagejRoi") -> Place:
    """Return the plane; ImageJ counts from 1, and 0 is none."""
    if roi.position > 0:
        return Place(frame=roi.position - 1)
    time, z = roi.t_position, roi.z_position
    return Place(time=time - 1 if time > 0 else None, z=z - 1 if z > 0 else None)


def _make_rois(labels: NDArray[np.integer]) -> Iterator["ImagejRoi"]:
    if labels.ndim == 2:
        for outline in trace_outlines(labels):
            yield _make_roi(outline, f"{outline.label:05d}")
        return
    for place in np.ndindex(labels.shape[:-2]):
        plane = place[-1] + 1
        for outline in trace_outlines(labels[place]):
            name = f"{outline.label:05d}"
            if len(place) == 2:
                time = place[0] + 1
                roi = _make_roi(outline, f"{name} t{time:03d} z{plane:03d}")
                roi.c_position, roi.z_position, roi.t_position = 1, plane, time
            else:
                roi = _make_roi(outline, f"{name} z{plane:03d}")
                roi.position = plane
            yield roi


def _make_roi(outline: Outline, name: str) -> "ImagejRoi":
    from roifile import ROI_TYPE, ImagejRoi

    rings = [ring for part in outline.parts for ring in part]
    corners = np.concatenate(rings)
    roi = ImagejRoi()
    roi.version, roi.name = 227, name
    roi.left, roi.top = map(int, corners.min(axis=0))
    roi.right, roi.bottom = map(int, corners.max(axis=0))
    if len(rings) == 1:
        roi.roitype = ROI_TYPE.TRACED
        roi.n_coordinates = len(corners)
        roi.integer_coordinates = corners - corners.min(axis=0)
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = np.concatenate([_draw_path(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _draw_path(ring: Ring) -> NDArray[np.float32]:
    """Return a ring as ImageJ's drawing commands: move, line, line, ..., close."""
    commands = np.full((len(ring), 3), LINE, np.float32)
    commands[0, 0] = MOVE
    commands[:, 1:] = ring
    return np.append(commands.ravel(), np.float32(CLOSE))
