"""True labels as `evaluate` reads them: by which convention, and where they count."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_unet.cli.examples import counted_regions
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for what computes
    import numpy as np

    from napari_unet.core.annotation.target import Region


@dataclass(frozen=True)
class Truth:
    """The true labels of a comparison.

    Parameters
    ----------
    path : Path
        A file or a folder.
    ignore_label : int, optional
        Pixels with this number do not count.
    zero : str
        Whether 0 is background, or, as in the Fiji plugin, ground that does not count
        while 1 is background.
    regions : Path, optional
        Folder of rectangles outside of which nothing counts.

    Raises
    ------
    InputError
        If two numbers are named that do not count.
    """

    path: Path
    ignore_label: int | None = None
    zero: Literal["background", "ignore"] = "background"
    regions: Path | None = None

    def __post_init__(self) -> None:
        """Check once, at the door."""
        if self.zero == "ignore" and self.ignore_label is not None:
            raise InputError(
                "--zero ignore says already that 0 does not count; leave "
                "--ignore-label out."
            )

    @property
    def ignored_class(self) -> int | None:
        """The number of no class, where numbers are classes and stay what they are."""
        return 0 if self.zero == "ignore" else self.ignore_label

    def read(
        self, path: Path, shape: tuple[int, ...] | None = None
    ) -> tuple["np.ndarray", int | None]:
        """Return the objects of a file, 0 between them, and what does not count.

        Outlines need the shape of their image.
        """
        import numpy as np

        from napari_unet.cli.drawn_labels import read_painted, refuse_zero

        refuse_zero(path, self.zero)
        labels = read_painted(path, shape=shape)
        if self.zero == "background":
            return labels, self.ignore_label
        number = int(labels.max(initial=0)) + 1
        moved = labels.astype(np.int64) - 1
        return np.where(labels == 0, number, moved), number

    def read_beside(
        self, predicted: Path, true: Path
    ) -> tuple["np.ndarray", "np.ndarray", int | None]:
        """Return predicted and true objects, and what does not count.

        One of both may be outlines: the other tells the size of their image.
        """
        from napari_unet.cli.drawn_labels import read_painted
        from napari_unet.formats.label_files import is_drawn

        if is_drawn(predicted):
            right, ignored = self.read(true)
            return read_painted(predicted, shape=right.shape), right, ignored
        found = read_painted(predicted)
        return found, *self.read(true, found.shape)

    def boxes(self, path: Path, axes: int) -> "tuple[Region, ...]":
        """Return the regions of a file; say if there are none though a folder is."""
        return counted_regions(self.regions, path, axes)
