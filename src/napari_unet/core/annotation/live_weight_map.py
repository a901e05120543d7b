"""A weight map that follows the brush: only what a stroke touched is computed again."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotation.target import (
    Region,
    Target,
    make_target,
    mark_known,
)
from napari_unet.core.annotation.weight_map import (
    compute_weight_map,
    reach_px,
    weigh_classes,
)
from napari_unet.core.config import AnnotationKind, WeightMapConfig

_Box = tuple[slice, slice]


class LiveWeightMap:
    """The weight map of one plane, kept up to date while it is painted.

    Parameters
    ----------
    config : WeightMapConfig
        As for `compute_weight_map`.
    regions : sequence of Region
        Where the annotation is complete; none means everywhere.
    ignore_label : int, optional
        Pixels with this number are unknown.
    kind : str
        Whether the numbers are objects or classes. Of classes the whole plane is
        computed again: the pieces of a class have no numbers to tell them apart.
    classes : int
        How many there are, background included.
    """

    def __init__(
        self,
        config: WeightMapConfig,
        *,
        regions: Sequence[Region] = (),
        ignore_label: int | None = None,
        kind: AnnotationKind = "objects",
        classes: int = 2,
    ) -> None:
        self._config = config
        self._regions = tuple(regions)
        self._ignore_label = ignore_label
        self._kind, self._count = kind, classes
        self._reach = reach_px(config)
        self._painted: NDArray[np.integer] | None = None

    def update(self, annotation: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the map of an annotation (Y, X) as it is now.

        The same as `compute_weight_map` of the whole plane would return, in a time that
        follows from the part that changed since the last call.
        """
        annotation = self._leave_out_unknown(annotation)
        old = self._painted
        if old is None or old.shape != annotation.shape or self._kind == "classes":
            self._compute(annotation)
        else:
            changed = _bounding_box(old != annotation)
            if changed is not None and not self._replace(annotation, old, changed):
                self._compute(annotation)
        self._painted = annotation
        return self._assemble()

    def _leave_out_unknown(
        self, annotation: NDArray[np.integer]
    ) -> NDArray[np.integer]:
        """Return a copy without what is painted outside the regions."""
        painted = annotation.copy()
        if self._regions:
            painted[~mark_known(annotation.shape, self._regions)] = 0
        return painted

    def _compute(self, annotation: NDArray[np.integer]) -> None:
        """Compute the whole plane."""
        everything = slice(0, annotation.shape[0]), slice(0, annotation.shape[1])
        target = self._target(annotation, everything)
        self._classes, self._known = target.classes, target.known
        self._alike = self._weigh_alike(target)

    def _replace(
        self, annotation: NDArray[np.integer], old: NDArray[np.integer], changed: _Box
    ) -> bool:
        """Compute again what a change in a box has an effect on; say if that is enough.

        It is not where an object of the box may live on as a single pixel, kept so that
        it is not gone: which one that is depends on the object as a whole.
        """
        inner = _grow(changed, self._reach, annotation.shape)
        outer = _grow(inner, self._reach, annotation.shape)
        left = self._classes > 0
        left[inner] = False
        elsewhere, counts = np.unique(old[left], return_counts=True)
        target = self._target(annotation[outer], outer, elsewhere.tolist())
        here = tuple(
            slice(i.start - o.start, i.stop - o.start)
            for i, o in zip(inner, outer, strict=True)
        )
        present = np.union1d(old[inner], annotation[inner])
        kept = np.unique(annotation[inner][target.classes[here] > 0])
        lost = np.setdiff1d(present, [0, self._ignore_label or 0, *kept])
        if np.isin(lost, annotation).any():
            return False
        if np.isin(elsewhere[counts == 1], present).any():
            return False
        alike = self._weigh_alike(target)
        self._classes[inner] = target.classes[here]
        self._known[inner] = target.known[here]
        self._alike[inner] = alike[here]
        return True

    def _target(
        self,
        annotation: NDArray[np.integer],
        box: _Box,
        elsewhere: Sequence[int] = (),
    ) -> Target:
        corner = [axis.start for axis in box]
        regions = [
            replace(
                region,
                start=tuple(a - c for a, c in zip(region.start, corner, strict=True)),
                stop=tuple(a - c for a, c in zip(region.stop, corner, strict=True)),
            )
            for region in self._regions
        ]
        return make_target(
            annotation,
            kind=self._kind,
            classes=self._count,
            regions=regions,
            ignore_label=self._ignore_label,
            separation_border=self._config.separation_border,
            elsewhere=elsewhere,
        )

    def _weigh_alike(self, target: Target) -> NDArray[np.float32]:
        """Return the map without class balance, which depends on all pixels."""
        alike = np.ones(self._count)
        return compute_weight_map(target, self._config, class_weights=alike)

    def _assemble(self) -> NDArray[np.float32]:
        """Add the class balance, which one stroke changes everywhere."""
        config, weights = self._config, self._alike.copy()
        if config.form == "2015":
            counts = np.bincount(self._classes[self._known], minlength=self._count)
            more = weigh_classes(config, counts) - 1
            weights += more.astype(np.float32)[self._classes]
            weights[self._alike == 0] = 0
        return weights


def _bounding_box(mask: NDArray[np.bool_]) -> _Box | None:
    """Return the box around the true pixels, None if there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _grow(box: _Box, pixels: int, shape: tuple[int, ...]) -> _Box:
    """Grow a box on each side, as far as the image goes."""
    rows, columns = (
        slice(max(0, int(axis.start) - pixels), min(length, int(axis.stop) + pixels))
        for axis, length in zip(box, shape, strict=True)
    )
    return rows, columns
