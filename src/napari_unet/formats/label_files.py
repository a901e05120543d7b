"""Which files of a folder are the labels: images, and what other programs drew."""

from pathlib import Path

from napari_unet.formats.images import (
    ANNOTATION_ENDS,
    DRAWN_SUFFIXES,
    SUFFIXES,
    find_images,
    pair_by_stem,
    stem_of,
)

_SEG, _MASKS = "_seg.npy", "_cp_masks"


def is_drawn(path: Path) -> bool:
    """Tell whether a file holds an annotation as another program saves it."""
    return path.suffix.lower() in DRAWN_SUFFIXES


def find_labels(labels: Path | str, images: Path | str | None = None) -> list[Path]:
    """Return the files of labels that a path stands for.

    Parameters
    ----------
    labels : Path or str
        A file, or a folder of label images, ROIs of ImageJ, GeoJSON of QuPath and
        masks of Cellpose. Where there are several of one name, label images count
        before ``_seg.npy``, this before ``_cp_masks``, and outlines last.
    images : Path or str, optional
        Where the images lie. If that is the same folder, only what Cellpose and
        others have put beside them are labels.

    Raises
    ------
    InputError
        If there is no such file or folder, or nothing of that kind in it.
    """
    labels = Path(labels)
    if labels.is_file() and is_drawn(labels):
        return [labels]
    if not labels.is_dir():
        return find_images(labels)
    files = sorted(f for f in labels.iterdir() if not f.name.startswith("."))
    pictures = [f for f in files if f.suffix.lower() in SUFFIXES]
    masks = [f for f in pictures if stem_of(f).endswith(_MASKS)]
    segs = [f for f in files if f.name.lower().endswith(_SEG)]
    outlines = [f for f in files if is_drawn(f) and f.suffix.lower() != ".npy"]
    is_beside = images is not None and Path(images).resolve() == labels.resolve()
    if not (segs or masks or outlines):
        return find_images(labels)
    painted = [] if is_beside else [f for f in pictures if f not in masks]
    kept = find_images(labels) if painted else []
    kept = [f for f in kept if f not in masks]
    for more in (segs, masks, outlines):
        taken = {_name(f) for f in kept}
        kept += [f for f in more if _name(f) not in taken]
    return kept


def pair_labels(images: Path | str, labels: Path | str) -> list[tuple[Path, Path]]:
    """Return each image with its labels; see `images.pair_files` and `find_labels`."""
    return pair_by_stem(
        (Path(images), find_images(images)),
        (Path(labels), find_labels(labels, images)),
    )


def pair_compared(predicted: Path | str, true: Path | str) -> list[tuple[Path, Path]]:
    """Return labels that belong together, both of them as `find_labels` finds them."""
    return pair_by_stem(
        (Path(predicted), find_labels(predicted)), (Path(true), find_labels(true))
    )


def _name(file: Path) -> str:
    """Return the name of the image that labels belong to."""
    name = stem_of(file)
    for end in ANNOTATION_ENDS:
        name = name.removesuffix(end)
    return name
