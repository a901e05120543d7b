"""Learning from pairs of images: what a network with a regression head trains on."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from napari_unet.core.annotation.target import Example, Region, Role
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.evaluation.value_scores import ValueScores, score_values
from napari_unet.core.image import Image, check_contrast, measure_intensity, resample
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.predict import predict
from napari_unet.core.prediction.values import restore_values, value_range
from napari_unet.core.training.patches import TrainingImage, prepare_image
from napari_unet.core.training.prepared import Prepared
from napari_unet.core.training.state import Training
from napari_unet.core.training.validation import Validate, Validation
from napari_unet.core.training.validation_loss import MeanLoss, ground_of

_LOSSES = ("mse", "l1")


def pair_images(
    image: Image,
    target: Image,
    *,
    regions: tuple[Region, ...] = (),
    role: Role = "training",
) -> Example:
    """Return an image with the image that shall be predicted from it.

    Parameters
    ----------
    image, target : Image
        Of one shape; for an auto-encoder, the same one.
    regions : tuple of Region
        Ground to learn from; none means everywhere.
    role : str
        What the pair is for.
    """
    nothing = np.zeros(image.shape, np.uint8)
    return Example(image, nothing, regions, role=role, values=target.array)


def check_values(
    examples: Sequence[Example], settings: ModelSettings, config: TrainConfig
) -> None:
    """Refuse a loss that does not go with the head, and targets that do not fit.

    That all have targets, or none, `check_kind` has seen to.

    Raises
    ------
    InputError
        Saying which, and what to do.
    """
    wants = settings.annotation == "values"
    if wants != (config.loss in _LOSSES):
        raise InputError(
            f"The loss '{config.loss}' does not go with a network that predicts "
            f"{settings.annotation}. Choose "
            + (" or ".join(f"'{x}'" for x in _LOSSES) if wants else "'cross-entropy'")
            + "."
        )
    if not wants:
        return
    for example in examples:
        check_contrast(example.image)
        channels = len(example.values) if example.values is not None else 0
        if settings.value_range and channels != settings.network.target_channels:
            raise InputError(
                f"The target of '{example.image.name}' has {channels} channels, the "
                f"network predicts {settings.network.target_channels}."
            )


def complete_values(
    settings: ModelSettings, examples: Sequence[Example]
) -> ModelSettings:
    """Fill in how many channels the targets have, and their range of grey values.

    The range is the widest of what the normalisation finds in each target: predicted
    values come back in the grey values of the targets, whatever the input.
    """
    targets = [
        Image(e.values, None, e.image.name) for e in examples if e.values is not None
    ]
    channels = {target.channels for target in targets}
    if len(channels) != 1:
        raise InputError(
            f"The targets have different numbers of channels ({sorted(channels)}); "
            "give images of one kind."
        )
    ranges = [measure_intensity(t, settings.normalisation) for t in targets]
    low = np.min([r.low for r in ranges], axis=0)
    high = np.max([r.high for r in ranges], axis=0)
    if (low >= high).any():
        raise InputError(
            "The targets are constant: there is nothing to predict. Check how they "
            "were exported."
        )
    network = settings.network.replaced(target_channels=channels.pop())
    return settings.replaced(
        network=network.model_dump(),
        value_range=tuple(zip(low.tolist(), high.tolist(), strict=True)),
    )


def prepare_pair(
    example: Example, prepared: Prepared, settings: ModelSettings, device: torch.device
) -> TrainingImage:
    """Bring an image and its target to the device; known ground counts alike."""
    return prepare_image(
        prepared.intensity.apply(prepared.grey),
        prepared.target,
        weigh_alike(prepared),
        device,
        value_range(settings).apply(_target(example, prepared)),
    )


def weigh_alike(prepared: Prepared) -> np.ndarray:
    """Return the weights of a pair, ([Z,] Y, X) float32: 1 where it is known."""
    return prepared.target.known.astype(np.float32)


def _target(example: Example, prepared: Prepared) -> np.ndarray:
    """Return the image to predict (T, [Z,] Y, X) at the model's pixel size."""
    # Checked before any training: `check_values`.
    values: np.ndarray = example.values  # type: ignore[assignment]
    return resample(values, prepared.target.known.shape)


def make_value_validation(
    examples: Sequence[Example],
    prepared: Sequence[Prepared],
    network: Network,
    settings: ModelSettings,
    training: Training,
    config: TrainConfig,
) -> Validate:
    """Return a function that scores the network on the validation pairs.

    As `make_validation`, with `ValueScores` in grey values of the targets; how objects
    are made is never chosen.
    """
    pairs = [(p, _target(e, p)) for e, p in zip(examples, prepared, strict=True)]
    normalise = value_range(settings).apply
    grounds = [ground_of(p.target, weigh_alike(p), normalise(t)) for p, t in pairs]

    def validate(choosing: bool) -> Iterator[Validation]:
        scores, loss = ValueScores(), MeanLoss(network, config)
        for (pair, target), ground in zip(pairs, grounds, strict=True):
            out = np.zeros(target.shape, np.float32)
            for part in predict(
                network,
                pair.grey,
                pair.intensity,
                training.compute,
                room=training.room,
            ):
                out[(slice(None), *part.interior)] = part.probabilities
                training.tell(part.news)
                yield Validation(scores, settings.objects)
            loss.add(out, ground)
            restored = restore_values(out, settings)
            scores += score_values(restored, target, pair.target.known)
        yield Validation(scores, settings.objects, loss.value())

    return validate
