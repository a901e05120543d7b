"""What the user painted, turned into what the loss sees: classes, labels, known."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.annotation.finding import first_pixel
from napari_unet.core.annotation.points import Points, check_inside, fold_points
from napari_unet.core.annotation.separation_border import cut_separation_border
from napari_unet.core.annotation.shapes import explain_shapes
from napari_unet.core.config import AnnotationKind
from napari_unet.core.errors import InputError, PlacedError
from napari_unet.core.frames import fold_times
from napari_unet.core.image import Image

Role = Literal["training", "validation"]


@dataclass(frozen=True, slots=True)
class Region:
    """A box of pixels that the user declares fully annotated.

    Parameters
    ----------
    start, stop : tuple of int, one per axis (Y, X)
        First pixel, and the one after the last; they may lie outside the image.
    role : str
        What the region is for.

    Raises
    ------
    InputError
        If it holds no pixel.
    """

    start: tuple[int, ...]
    stop: tuple[int, ...]
    role: Role = "training"

    def __post_init__(self) -> None:
        """Check once, at the door."""
        if len(self.start) != len(self.stop) or any(
            first >= end for first, end in zip(self.start, self.stop, strict=True)
        ):
            raise InputError(
                f"A region from pixel {self.start} to before pixel {self.stop} holds "
                "no pixel; draw it larger or remove it."
            )

    @property
    def box(self) -> tuple[slice, ...]:
        """The part inside the image, as an index; empty if it lies outside."""
        return tuple(
            slice(max(first, 0), max(end, 0))
            for first, end in zip(self.start, self.stop, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Example:
    """An image and what the user painted on it.

    Parameters
    ----------
    image : Image
        Of shape (C, Y, X), or a stack (C, Z, Y, X).
    annotation : ndarray of int, shape ([Z,] Y, X)
        Objects or classes, as painted; 0 is background. Never modified. Of a stack with
        depth and time also (T, Z, Y, X).
    regions : tuple of Region
        Where the annotation is complete; none means everywhere.
    ignore_label : int, optional
        The number painted on ground that shall not count.
    role : str
        What the image is for if it has no regions; with regions, each says so itself.
    points : Points, optional
        Objects marked by points ([Z,] Y, X). Then `annotation` says only which ground
        to leave out: it holds nothing but 0 and the ignore label.
    seen : tuple of Region
        Ground that is fully annotated, too, but not to be learned from: it hides no
        objects, so weights near it are known.
    values : ndarray, shape (T, [Z,] Y, X), optional
        The image to predict, for a network with a regression head; nothing is painted
        then.

    Raises
    ------
    InputError
        If image and annotation do not fit, or the annotation holds no labels.
    """

    image: Image
    annotation: NDArray[np.integer]
    regions: tuple[Region, ...] = ()
    ignore_label: int | None = None
    role: Role = "training"
    points: Points | None = None
    seen: tuple[Region, ...] = ()
    values: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        """Check once, at the door."""
        name = self.image.name
        self._fold_times()
        if self.annotation.shape != self.image.shape:
            raise InputError(explain_shapes(self.image, self.annotation.shape))
        if self.values is not None and self.values.shape[1:] != self.image.shape:
            raise InputError(
                f"The target of '{name}' has the shape {self.values.shape[1:]}, the "
                f"image {self.image.shape}; both must be the same. Choose the target "
                "that belongs to it, or crop one of the two."
            )
        object.__setattr__(
            self, "annotation", check_labels(self.annotation, f"The labels of '{name}'")
        )
        if self.points is not None:
            check_inside(self.points, self.image.shape, f"The points of '{name}'")
            painted = self.annotation != 0
            if (self.annotation[painted] != self.ignore_label).any():
                raise PlacedError(
                    f"'{name}' has painted objects and points; keep one of both: a "
                    "model learns either to segment or to detect. Ground to be left "
                    "out may be painted beside points.",
                    tuple(np.round(self.points.positions[0]).astype(int).tolist())
                    if len(self.points)
                    else first_pixel(painted),
                )
        for region in self.regions:
            if len(region.start) != len(self.image.shape):
                raise InputError(
                    f"A region of '{name}' has {len(region.start)} axes, the image "
                    f"{len(self.image.shape)}; give first and last pixel along each."
                )

    def _fold_times(self) -> None:
        """Let time points follow each other along Z, as in the image."""
        shape = self.image.full_shape
        if self.annotation.shape == shape:
            object.__setattr__(self, "annotation", fold_times(self.annotation))
        if self.points is not None:
            object.__setattr__(self, "points", fold_points(self.points, shape))

    @property
    def annotated_planes(self) -> list[int]:
        """Planes of a stack with anything painted, set or framed; none for an image.

        All of them where an image is to be predicted.
        """
        if len(self.image.shape) == 2:
            return []
        if self.values is not None and not self.regions:
            return list(range(len(self.annotation)))
        planes = set(np.flatnonzero(self.annotation.any(axis=(1, 2))).tolist())
        if self.points is not None:
            planes = set(np.round(self.points.positions[:, 0]).astype(int).tolist())
        for region in self.regions:
            planes |= set(range(len(self.annotation))[region.box[0]])
        return sorted(planes)

    def plane(self, index: int) -> "Example":
        """Return plane `index` of a stack as an example of its own."""
        image = self.image.plane(index)
        return replace(
            self,
            image=replace(image, name=f"{image.name} [{index}]"),
            annotation=self.annotation[index],
            regions=on_plane(self.regions, index),
            points=None if self.points is None else self.points.plane(index),
            values=None if self.values is None else self.values[:, index],
        )


@dataclass(frozen=True, slots=True)
class Target:
    """What the loss sees.

    Parameters
    ----------
    classes : ndarray of int64, shape ([Z,] Y, X)
        The class to learn, separation border cut out; 0 is background.
    labels : ndarray of int32, shape of `classes`
        The objects before the border was cut: distances are measured from them, as far
        as they are visible.
    known : ndarray of bool, shape of `classes`
        False where the annotation says nothing.
    seen : ndarray of bool, shape of `classes`, optional
        True where it is annotated, though perhaps not to be learned from; by default
        where it is known.
    border : int
        Width in pixels of the separation border that was cut; 0 for classes.
    """

    classes: NDArray[np.int64]
    labels: NDArray[np.int32]
    known: NDArray[np.bool_]
    seen: NDArray[np.bool_] | None = None
    border: int = 0

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Where it is known or seen, shape of `classes`."""
        return self.known if self.seen is None else self.seen


def check_labels(
    labels: NDArray[np.generic], name: str = "The labels"
) -> NDArray[np.signedinteger]:
    """Return labels as int32, or as int64 if the numbers need it.

    Parameters
    ----------
    labels : ndarray of int or bool
        Not below 0.
    name : str
        How the message begins, e.g. "The labels of 'nuclei'".

    Returns
    -------
    ndarray of int32 or int64, shape of `labels`
        `labels` itself if it is already one of them.

    Raises
    ------
    InputError
        If `labels` is empty, does not hold integers, or holds negative ones or some
        beyond 63 bits.
    """
    if labels.size == 0:
        raise InputError(f"{name} are empty: their shape is {labels.shape}.")
    if labels.dtype.kind == "f" and (labels == np.trunc(labels)).all():
        raise InputError(
            f"{name} are whole numbers stored as {labels.dtype}; convert them to "
            "integers first (in napari: right-click the layer, Convert to Labels)."
        )
    if labels.dtype.kind not in "bui":
        raise InputError(
            f"{name} hold {labels.dtype} values; labels need one integer per object. "
            "Did you choose an image or a probability map?"
        )
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0:
        raise InputError(
            f"{name} hold negative numbers (lowest: {lowest}); objects are numbered "
            "from 1, and 0 is background. To leave ground out, give it a number of its "
            "own and name that as the ignore label."
        )
    if highest > np.iinfo(np.int64).max:
        raise InputError(f"{name} go up to {highest}; renumber the objects from 1.")
    fits = np.can_cast(labels.dtype, np.int32)
    return labels.astype(np.int32 if fits else np.int64, copy=False)


def make_target(
    annotation: NDArray[np.generic],
    *,
    kind: AnnotationKind = "objects",
    regions: Sequence[Region] = (),
    seen: Sequence[Region] = (),
    ignore_label: int | None = None,
    separation_border: int = 1,
    elsewhere: Collection[int] = (),
    classes: int = 2,
) -> Target:
    """Turn what was painted into what the loss sees.

    Parameters
    ----------
    annotation : ndarray of int, shape ([Z,] Y, X)
        What was painted; 0 is background.
    kind : str
        ``objects``: one number per object, the class of all is 1. ``classes``: the
        numbers are classes.
    regions : sequence of Region
        Everything outside all of them is unknown; none means that everything is known.
    seen : sequence of Region
        Unknown ground that is annotated all the same: it hides no objects.
    ignore_label : int, optional
        Pixels with this number are unknown, and not an object.
    separation_border : int
        Width of the line of background that is cut between touching objects, 0 to 2
        pixels. Classes are left whole.
    elsewhere : collection of int
        See `cut_separation_border`.
    classes : int
        How many the network tells apart, background included.

    Returns
    -------
    Target
        Of classes, the labels are their pieces connected by edges. Objects that are
        painted on ground neither known nor seen stand there, but cut no border.

    Raises
    ------
    InputError
        If `annotation` does not hold labels, holds a class that the network lacks, or
        has other axes than the regions.
    """
    painted = check_labels(annotation)
    known = mark_known(painted.shape, regions)
    annotated = known | mark_known(painted.shape, seen) if seen else known
    if ignore_label is not None:
        ignored = painted == ignore_label
        known &= ~ignored
        annotated &= ~ignored
        painted = np.where(ignored, 0, painted)
    if kind == "classes":
        highest = int(painted.max())
        if highest >= classes:
            raise InputError(
                f"The labels hold class {highest}, but the model knows only the "
                f"classes 0 to {classes - 1}. Choose a model with {highest + 1} "
                "classes, or say that the labels are objects."
            )
        labels = split_components(painted)
        return Target(painted.astype(np.int64), labels, known, annotated)
    if painted.max() > np.iinfo(np.int32).max:
        numbers, inverse = np.unique(painted, return_inverse=True)
        painted = inverse.reshape(painted.shape) + (numbers[0] > 0)
    labels = painted.astype(np.int32, copy=False)
    kept = cut_separation_border(
        np.where(annotated, labels, 0), separation_border, elsewhere
    )
    objects = np.where(annotated, kept, labels) > 0
    return Target(objects.astype(np.int64), labels, known, annotated, separation_border)


def mark_known(shape: tuple[int, ...], regions: Sequence[Region]) -> NDArray[np.bool_]:
    """Return where an annotation of this shape is complete: in the regions, if any.

    Raises
    ------
    InputError
        If a region has another number of axes.
    """
    known = np.full(shape, not regions)
    for region in regions:
        if len(region.start) != len(shape):
            raise InputError(
                f"A region has {len(region.start)} axes, the labels have {len(shape)}; "
                "draw it on the labels' plane."
            )
        known[region.box] = True
    return known


def on_plane(regions: Sequence[Region], index: int) -> tuple[Region, ...]:
    """Return the boxes (Z, Y, X) that hold plane `index`, as boxes (Y, X) of it."""
    return tuple(
        replace(region, start=region.start[1:], stop=region.stop[1:])
        for region in regions
        if region.start[0] <= index < region.stop[0]
    )


def split_components(
    mask: NDArray[np.integer] | NDArray[np.bool_], *, corners: bool = False
) -> NDArray[np.int32]:
    """Number the pieces of a mask, or of each class of a class map.

    Parameters
    ----------
    mask : ndarray of bool or int, shape ([Z,] Y, X)
        0 is background.
    corners : bool
        Whether pixels that touch by a corner only belong together.

    Returns
    -------
    ndarray of int32, shape of `mask`
        1, 2, ... for pieces that are connected by edges (in 3D, faces).

    Examples
    --------
    >>> split_components(np.array([[1, 1, 0, 1], [0, 0, 2, 2]]))
    array([[1, 1, 0, 2],
           [0, 0, 3, 3]], dtype=int32)
    """
    out = np.zeros(mask.shape, np.int32)
    touching = ndimage.generate_binary_structure(mask.ndim, mask.ndim if corners else 1)
    count = 0
    for number in np.unique(mask[mask > 0]):
        pieces, found = ndimage.label(mask == number, touching)
        out[pieces > 0] = pieces[pieces > 0] + count
        count += found
    return out
