"""An image at another pixel size, made where it is looked at and nowhere else."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

# Pixels of the image that are smoothed at once: a small tile may cover very many.
_AT_ONCE = 4_000_000


class Rescaled:
    """What `resample` makes of an image, without holding all of it.

    Parameters
    ----------
    array : ndarray, shape (C, [Z,] Y, X)
        Grey values.
    shape : sequence of int
        New length of each spatial axis.
    """

    def __init__(self, array: np.ndarray, shape: Sequence[int]) -> None:
        self._array = array
        self.shape = (len(array), *shape)
        lengths = zip(shape, array.shape[1:], strict=True)
        self._steps = [old / new for new, old in lengths]
        # As in `resample`: a blur where the array shrinks.
        self._sigma = [max(0.0, (step - 1) / 2) for step in self._steps]

    def part(self, box: Sequence[slice]) -> np.ndarray:
        """Return a part of it, float32 (C, ...); `box` lies inside."""
        out = np.empty((len(self._array), *(p.stop - p.start for p in box)), np.float32)
        self._fill(box, out)
        return out

    def _fill(self, box: Sequence[slice], out: np.ndarray) -> None:
        """Write a part, in halves where it covers much of the image."""
        covered = [
            (p.stop - p.start) * s for p, s in zip(box, self._steps, strict=True)
        ]
        axis = int(np.argmax(covered))
        length = box[axis].stop - box[axis].start
        if math.prod(covered) > _AT_ONCE and length > 1:
            middle = box[axis].start + length // 2
            for own in (slice(box[axis].start, middle), slice(middle, box[axis].stop)):
                half = [*box[:axis], own, *box[axis + 1 :]]
                inner = slice(own.start - box[axis].start, own.stop - box[axis].start)
                self._fill(half, out[(slice(None),) * (axis + 1) + (inner,)])
            return
        source, offset = [], []
        for part, step, sigma, length in zip(
            box, self._steps, self._sigma, self._array.shape[1:], strict=True
        ):
            # Pixel i lies at (i + 0.5) * step - 0.5 of the image; around it are the
            # pixels of interpolation and those of the blur, by SciPy to 4 sigma.
            margin = 2 + int(4 * sigma + 0.5)
            first = max(0, math.floor((part.start + 0.5) * step) - margin)
            last = min(length, math.ceil((part.stop + 0.5) * step) + margin)
            source.append(slice(first, last))
            offset.append((part.start + 0.5) * step - 0.5 - first)
        for channel, target in zip(self._array, out, strict=True):
            grey = channel[tuple(source)].astype(np.float32)
            if any(self._sigma):
                grey = ndimage.gaussian_filter(grey, self._sigma)
            ndimage.affine_transform(
                grey,
                self._steps,
                offset=offset,
                output_shape=target.shape,
                output=target,
                order=1,
                mode="nearest",
            )
