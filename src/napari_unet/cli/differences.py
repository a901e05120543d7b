"""Where a prediction and the truth differ, as images for `evaluate --differences`.

``<stem>_pixels.tif`` says for each pixel whether it is right, ``<stem>_objects.tif``
for each object what became of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.cli.app import warn
from napari_unet.cli.image_results import check_folder
from napari_unet.core.errors import InputError
from napari_unet.formats.images import stem_of
from napari_unet.formats.label_files import find_labels
from napari_unet.formats.tiff import was_written_here, write_labels

if TYPE_CHECKING:  # so that --help does not wait for what computes
    import numpy as np

PIXELS, OBJECTS = "_pixels.tif", "_objects.tif"
_OF_PIXELS = "1 agree, 2 false positive, 3 false negative"
_OF_CLASSES = f"{_OF_PIXELS}, 4 another class"
_OF_OBJECTS = "1 found, 2 missed, 3 invented, 4 split, 5 merged"


class Differences:
    """Writes the images of all pairs into one folder.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    true : Path
        The true labels: their stems name the files.
    classes : bool
        Whether the numbers are classes: then there are no objects.

    Raises
    ------
    InputError
        If a file that is not ours would be replaced.
    """

    def __init__(self, folder: Path, true: Path, *, classes: bool) -> None:
        self._folder, self._classes = folder, classes
        endings = [PIXELS] if classes else [PIXELS, OBJECTS]
        truths = find_labels(true)
        files = [folder / f"{stem_of(path)}{end}" for path in truths for end in endings]
        check_folder(folder, truths, files, was_written_here, option="--differences")

    def write(
        self,
        truth: Path,
        predicted: "np.ndarray",
        true: "np.ndarray",
        known: "np.ndarray",
        *,
        volume: bool = False,
    ) -> None:
        """Write the images of one pair, labels ([[T,] Z,] Y, X) of one shape."""
        from napari_unet.cli.annotation import pixel_size_of
        from napari_unet.core.evaluation.class_difference import map_difference

        pair = (predicted, true) if self._classes else (predicted > 0, true > 0)
        size = pixel_size_of(truth)
        if size is not None and len(size) != min(true.ndim, 3):
            warn(f"{truth.name}: its pixel size does not fit its axes; left out.")
            size = None
        pixels = map_difference(pair[0].astype(int), pair[1].astype(int), known=known)
        write_labels(self._folder / f"{stem_of(truth)}{PIXELS}", pixels, size)
        if not self._classes:
            kinds = _judge(predicted, true, known, volume=volume)
            write_labels(self._folder / f"{stem_of(truth)}{OBJECTS}", kinds, size)

    def describe(self) -> str:
        """Return what the numbers in the images mean."""
        if self._classes:
            return f"In '{self._folder}', <stem>{PIXELS}: {_OF_CLASSES}."
        return (
            f"In '{self._folder}', <stem>{PIXELS}: {_OF_PIXELS}; "
            f"<stem>{OBJECTS}: {_OF_OBJECTS}."
        )


def open_differences(
    folder: Path | None, true: Path, *, classes: bool, others: bool
) -> Differences | None:
    """Return what writes differences, if the user wants them."""
    if folder is None:
        return None
    if others:
        raise InputError(
            "--differences compares labels; leave it out with points and with "
            "--boundaries, which compares probabilities."
        )
    return Differences(folder, true, classes=classes)


def _judge(
    predicted: "np.ndarray", true: "np.ndarray", known: "np.ndarray", *, volume: bool
) -> "np.ndarray":
    """Tell for each pixel what became of its object: by plane, volume or time point."""
    import numpy as np

    from napari_unet.core.evaluation.error_map import map_errors

    axes = 3 if volume and true.ndim > 2 else 2
    kinds = np.zeros(true.shape, np.uint8)
    for place in np.ndindex(true.shape[:-axes]):
        errors = map_errors(predicted[place], true[place], known=known[place])
        kinds[place] = errors.kinds
    return kinds
