"""Training patches that follow the annotation."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.annotation.sampling import share_on_objects
from napari_unet.core.annotation.target import Target
from napari_unet.core.config import AugmentationConfig, SamplingConfig
from napari_unet.core.device import channels_last
from napari_unet.core.errors import InputError
from napari_unet.core.training.augmentation import (
    Deformation,
    GreyStatistics,
    change_grey_values,
    draw_deformation,
    measure_grey_values,
    no_deformation,
    read_patch,
)
from napari_unet.core.training.patch_shape import describe_patch

_DEFAULT = SamplingConfig()

# Changes a patch (C, [Z,] Y, X) of normalised grey values, with random numbers that are
# those of its batch.
ChangePatch = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """An image, its target and weights, on the training device.

    Parameters
    ----------
    grey : Tensor, shape (C, [Z,] Y, X)
        Normalised grey values at the model's pixel size.
    statistics : GreyStatistics
        Of `grey`.
    truth : Tensor, shape (2, [Z,] Y, X)
        Classes and loss weights, float32.
    values : Tensor, shape (T, [Z,] Y, X), optional
        Normalised grey values to predict.
    known, foreground : ndarray of int
        Flat indices of the pixels that count, and of those that belong to an object.
    """

    grey: Tensor
    statistics: GreyStatistics
    truth: Tensor
    known: np.ndarray
    foreground: np.ndarray
    values: Tensor | None = None

    def to(self, device: torch.device) -> "TrainingImage":
        """Return it on another device."""
        statistics = GreyStatistics(
            self.statistics.spread.to(device), self.statistics.noise.to(device)
        )
        return replace(
            self,
            grey=self.grey.to(device),
            statistics=statistics,
            truth=self.truth.to(device),
            values=None if self.values is None else self.values.to(device),
        )


def prepare_image(
    grey: np.ndarray,
    target: Target,
    weights: np.ndarray,
    device: torch.device,
    values: np.ndarray | None = None,
) -> TrainingImage:
    """Bring an image (C, [Z,] Y, X), its target and weights to the device."""
    truth = np.stack([target.classes.astype(np.float32), weights])
    counts = weights.ravel() > 0
    return TrainingImage(
        grey=torch.from_numpy(np.ascontiguousarray(grey, np.float32)).to(device),
        statistics=measure_grey_values(grey, device),
        truth=torch.from_numpy(truth).to(device),
        known=np.flatnonzero(counts),
        foreground=np.flatnonzero(counts & (target.classes.ravel() > 0)),
        values=None if values is None else torch.from_numpy(values).to(device),
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one optimizer step sees: (N, C, [Z,] Y, X), and (N, [z,] y, x) twice.

    Target and weights are smaller than the image where the network's output is.
    """

    image: Tensor
    classes: Tensor
    weights: Tensor
    values: Tensor | None = None  # (N, T, [z,] y, x): what a regression head predicts

    def parts(self, patches: int) -> Iterator["Batch"]:
        """Yield it in parts of so many patches at most."""
        for first in range(0, len(self.image), patches):
            part = slice(first, first + patches)
            yield Batch(
                self.image[part],
                self.classes[part],
                self.weights[part],
                None if self.values is None else self.values[part],
            )


class PatchSampler:
    """Draws batches; batch number `i` is always the same.

    Parameters
    ----------
    images : sequence of TrainingImage
        At least one must have a known pixel.
    size, output_size : tuple of int
        ([Z,] Y, X) of the patch and of the network's output for it, in pixels.
    batch_size : int
        Patches per batch.
    augmentation : AugmentationConfig
        Random changes.
    sampling : SamplingConfig
        Where patches are centred.
    seed : int
        Together with the batch number it determines a batch.
    change_patch : callable, optional
        Changes the image of each patch last of all; see `fine_tune`.

    Raises
    ------
    InputError
        If no image has a known pixel.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        *,
        size: Sequence[int],
        output_size: Sequence[int],
        batch_size: int,
        augmentation: AugmentationConfig,
        sampling: SamplingConfig = _DEFAULT,
        seed: int = 0,
        change_patch: ChangePatch | None = None,
    ) -> None:
        self._change_patch = change_patch
        self._images = [image for image in images if len(image.known)]
        if not self._images:
            raise InputError(
                "Nothing is annotated: every pixel is unknown or ignored. Paint a few "
                "objects, or draw a region around ground that is fully annotated."
            )
        self._set_size(size, output_size, batch_size)
        self._augmentation = augmentation
        self._sampling = sampling
        self._seed = seed
        areas = np.array([len(image.known) for image in self._images], float)
        # The square root lets small annotated areas be seen more than their share.
        self._shares = np.sqrt(areas) / np.sqrt(areas).sum()

    def _set_size(
        self, size: Sequence[int], output_size: Sequence[int], batch_size: int
    ) -> None:
        self.size, self.batch_size = tuple(size), batch_size
        self.described = describe_patch(size, output_size)
        self._inner = tuple(
            slice((n - m) // 2, (n - m) // 2 + m)
            for n, m in zip(size, output_size, strict=True)
        )

    def resized(
        self, size: Sequence[int], output_size: Sequence[int], batch_size: int
    ) -> "PatchSampler":
        """Return one that draws patches of another size, from the same random numbers.

        Parameters
        ----------
        size, output_size, batch_size
            As of the class.
        """
        other = copy.copy(self)
        other._set_size(size, output_size, batch_size)
        return other

    def to(self, device: torch.device) -> "PatchSampler":
        """Return one that draws on another device."""
        other = copy.copy(self)
        other._images = [image.to(device) for image in self._images]
        return other

    def draw(self, iteration: int, count: int | None = None) -> Batch:
        """Return batch number `iteration`, or `count` patches of it."""
        rng = np.random.default_rng((self._seed, iteration))
        parts = [self._draw_patch(rng) for _ in range(count or self.batch_size)]
        grey = torch.stack([grey for grey, _ in parts])
        truth = torch.stack([truth for _, truth in parts])
        return Batch(
            image=channels_last(grey),
            classes=truth[:, 0].long(),
            weights=truth[:, 1],
            values=truth[:, 2:] if truth.shape[1] > 2 else None,
        )

    def _draw_patch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw image, place and deformation; never a patch with nothing known."""
        image = self._images[rng.choice(len(self._images), p=self._shares)]
        centre = self._draw_centre(image, rng)
        deformation = draw_deformation(self._augmentation, rng, self.size)
        inside = self._keep_inside(self._shift(centre, rng), image)
        patch, truth = self._read(image, inside, deformation)
        if not bool((truth[1] > 0).any()):
            # Deformed away from the known ground: take the drawn pixel as the centre.
            patch, truth = self._read(image, centre, no_deformation())
        changed = change_grey_values(patch, image.statistics, self._augmentation, rng)
        return self._change(changed, rng), truth

    def _change(self, patch: Tensor, rng: np.random.Generator) -> Tensor:
        """Let the user's own function change a patch (C, [Z,] Y, X), if there is one.

        Raises
        ------
        InputError
            If what it returns is not such a patch.
        """
        if self._change_patch is None:
            return patch
        changed = np.asarray(self._change_patch(patch.cpu().numpy().copy(), rng))
        if changed.shape != tuple(patch.shape) or changed.dtype.kind not in "fiu":
            raise InputError(
                f"`change_patch` returned {changed.dtype} numbers of the shape "
                f"{changed.shape} for a patch of the shape {tuple(patch.shape)}; let "
                "it return real numbers of the same shape."
            )
        if not np.isfinite(changed).all():
            raise InputError(
                "`change_patch` returned numbers that are not finite; let it return "
                "grey values."
            )
        return torch.from_numpy(changed.astype(np.float32)).to(patch.device)

    def _draw_centre(
        self, image: TrainingImage, rng: np.random.Generator
    ) -> tuple[float, ...]:
        """Draw a known pixel, often one of an object."""
        pixels, objects = image.known, image.foreground
        share = share_on_objects(self._sampling, len(objects), len(pixels))
        if len(objects) and rng.random() < share:
            pixels = objects
        place = np.unravel_index(int(rng.choice(pixels)), tuple(image.grey.shape[1:]))
        return tuple(float(c) for c in place)

    def _shift(
        self, centre: tuple[float, ...], rng: np.random.Generator
    ) -> tuple[float, ...]:
        """Move a centre by whole pixels, which blurs nothing."""
        largest = self._augmentation.shift
        if largest == 0:
            return centre
        dy, dx = rng.integers(-largest, largest, size=2, endpoint=True).tolist()
        return (*centre[:-2], centre[-2] + dy, centre[-1] + dx)

    def _keep_inside(
        self, centre: tuple[float, ...], image: TrainingImage
    ) -> tuple[float, ...]:
        """Shift a patch so that its output lies inside the image, where it can.

        The middle of an even number of pixels lies between two of them: there, pixels
        are read as they are, not interpolated.
        """
        inside = []
        for c, n, part in zip(centre, image.grey.shape[1:], self._inner, strict=True):
            half = (part.stop - part.start - 1) / 2
            c += half % 1
            fits = n - 1 >= 2 * half
            middle = (n - 1) // 2 + half % 1
            inside.append(min(max(c, half), n - 1 - half) if fits else middle)
        return tuple(inside)

    def _read(
        self,
        image: TrainingImage,
        centre: tuple[float, ...],
        deformation: Deformation,
    ) -> tuple[Tensor, Tensor]:
        """Read image and truth with one deformation; values follow in the truth."""
        offsets = deformation.source(self.size[-2:], image.grey.device)
        inner = offsets[(slice(None), *self._inner[-2:])]
        grey, truth, values = image.grey, image.truth, image.values
        if len(self.size) == 3:
            planes = deformation.planes(centre[0], self.size[0], len(grey[0]))
            shown = planes[self._inner[0]]
            grey, truth = grey[:, planes], truth[:, shown]
            values = None if values is None else values[:, shown]
        truth = read_patch(truth, centre[-2:], inner, nearest=True)
        if values is not None:
            truth = torch.cat([truth, read_patch(values, centre[-2:], inner)])
        return read_patch(grey, centre[-2:], offsets), truth
