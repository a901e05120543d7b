"""Networks with the training settings that suit them, named after their origin."""

from typing import Literal

from pydantic import Field

from napari_unet.core.config import (
    AUGMENTATIONS,
    AugmentationConfig,
    Config,
    NetworkConfig,
    Normalisation,
    SamplingConfig,
    TrainConfig,
    WeightMapConfig,
)

PresetName = Literal[
    "fast",
    "fast-3d",
    "paper-2015",
    "freiburg-2019",
    "keras-2016",
    "milesial",
    "mini",
    "mobile",
    "denoise",
]


class TrainingSettings(Config):
    """All that a training from scratch is told, but for the images."""

    preset: PresetName = "fast"  # where they come from
    network: NetworkConfig
    training: TrainConfig
    normalisation: Normalisation = "percentile"
    # None: those of the images
    pixel_size_um: float | None = Field(default=None, gt=0)
    pixel_size_z_um: float | None = Field(default=None, gt=0)


class Preset(Config):
    """A named pair of network and training settings."""

    network: NetworkConfig
    training: TrainConfig
    normalisation: Normalisation = "percentile"
    summary: str  # where it comes from: what it is

    @property
    def origin(self) -> str:
        """The beginning of its summary, in one line."""
        return self.summary.partition(":")[0]


# A wider line is learned in less time. Patches are centred on objects half of the time,
# which balances the classes; probabilities then mean what they say.
_FAST = TrainConfig(
    weight_map=WeightMapConfig(separation_border=2, class_balance="none")
)

_FREIBURG = AUGMENTATIONS["paper"]

PRESETS: dict[PresetName, Preset] = {
    "fast": Preset(
        network=NetworkConfig(),
        training=_FAST,
        summary="Ours, the default: small, batch-normalised, AdamW with warm-up and "
        "cosine decay; learns in a minute on a processor.",
    ),
    "fast-3d": Preset(
        network=NetworkConfig(dimensions=3, levels=2, levels_z=2),
        training=_FAST.replaced(patch_size=64, patch_depth=32),
        summary="The fast preset for volumes: objects that reach through planes, after "
        "Çiçek et al. (2016).",
    ),
    # The paper gives neither learning rate nor dropout rate; these are our choice.
    "paper-2015": Preset(
        network=NetworkConfig(
            base_channels=64, padding="valid", norm="none", dropout=0.5
        ),
        training=TrainConfig(
            patch_size=572,
            batch_size=1,
            optimizer="sgd",
            learning_rate=1e-3,
            fine_tuning_rate=1,
            momentum=0.99,
            weight_decay=0,
            schedule="constant",
            augmentation=_FREIBURG,
        ),
        summary="Ronneberger, Fischer & Brox (2015): 31 million parameters, valid "
        "convolutions, one 572² tile per step, SGD with momentum 0.99.",
    ),
    # Weights, solver and normalisation of the plugin; it trains for 600,000 iterations
    # at 1e-5, fine-tunes for 1,000 at 1e-4.
    "freiburg-2019": Preset(
        network=NetworkConfig(
            base_channels=64, padding="valid", norm="none", activation="leaky"
        ),
        training=TrainConfig(
            patch_size=540,
            batch_size=1,
            learning_rate=1e-4,
            fine_tuning_rate=1,
            weight_decay=0,
            schedule="constant",
            augmentation=_FREIBURG.replaced(elastic_spacing=150),
            weight_map=WeightMapConfig().in_form("2019"),
            sampling=SamplingConfig(rule="density"),
        ),
        normalisation="min-max",
        summary="The U-Net plugin for Fiji, Falk et al. (2019): leaky ReLU, weights, "
        "elastic grid and intensity curve of 2019, Adam at 1e-4.",
    ),
    "keras-2016": Preset(
        network=NetworkConfig(
            base_channels=64,
            upsampling="interpolated",
            norm="none",
            dropout=0.5,
            head="sigmoid",
            head_channels=2,
        ),
        training=TrainConfig(
            learning_rate=1e-4,
            fine_tuning_rate=1,
            weight_decay=0,
            schedule="constant",
            weight_map=WeightMapConfig(w0=0, class_balance="none", separation_border=1),
        ),
        normalisation="min-max",
        summary="The Keras port that many learned from (zhixuhao/unet): same padding, "
        "nearest-neighbour up-sampling, sigmoid, Adam at 1e-4, no weight map. It "
        "resized images to 256²; here they are tiled.",
    ),
    # Its momentum of 0.999 and batch of one whole image need some thousand iterations.
    "milesial": Preset(
        network=NetworkConfig(base_channels=64),
        training=TrainConfig(
            batch_size=1,
            optimizer="rmsprop",
            learning_rate=1e-5,
            fine_tuning_rate=1,
            momentum=0.999,
            weight_decay=1e-8,
            schedule="plateau",
            max_gradient=1,
            loss="cross-entropy + dice",
            weight_map=WeightMapConfig(w0=0, class_balance="none"),
        ),
        normalisation="min-max",
        summary="milesial/Pytorch-UNet: batch normalisation, cross-entropy plus Dice, "
        "RMSprop, a lower learning rate on a plateau, gradients cut at 1.",
    ),
    "mini": Preset(
        network=NetworkConfig(
            base_channels=32,
            levels=2,
            upsampling="interpolated",
            dropout=0.2,
            dropout_place="blocks",
        ),
        training=_FAST,
        summary="After unet_mini of divamgupta: two levels, 32 channels, dropout in "
        "the blocks. Sees little context: for small, simple objects.",
    ),
    "mobile": Preset(
        network=NetworkConfig(block="separable"),
        training=_FAST,
        summary="The fast preset with a MobileNet contracting path: half the weights, "
        "for slow machines.",
    ),
    # Grey values of image and target must stay related, so neither is changed alone.
    "denoise": Preset(
        network=NetworkConfig(head="regression"),
        training=TrainConfig(
            loss="mse",
            augmentation=AugmentationConfig(contrast=0, brightness=0, noise=0),
        ),
        summary="Predicts another image instead of objects: a denoiser, or with the "
        "image as its own target an auto-encoder. The fast network with a regression "
        "head; without skip connections by skip=none.",
    ),
}


def take_training(name: PresetName, old: TrainConfig, left: PresetName) -> TrainConfig:
    """Return a preset's way to train, but what is said of these images.

    That is the time to train, what unpainted ground means, and the user's ridge.

    Parameters
    ----------
    name : str
        Of the preset to take.
    old : TrainConfig
        The settings so far.
    left : str
        The preset they come from. Only a ridge that differs from its own is the user's;
        a preset without a ridge, or with another form of it, brings its own all the
        same.
    """
    training = PRESETS[name].training
    weight_map = training.weight_map
    if weight_map.w0 > 0:
        users = _users_ridge(old.weight_map, PRESETS[left].training.weight_map)
        if "form" in users or weight_map.form == old.weight_map.form:
            weight_map = weight_map.replaced(**users)
    return training.replaced(
        seconds=old.seconds,
        iterations=old.iterations,
        unpainted=old.unpainted,
        weight_map=weight_map.model_dump(),
    )


def _users_ridge(now: WeightMapConfig, brought: WeightMapConfig) -> dict[str, object]:
    """Return of the ridge what differs from that of a preset; of another form, all."""
    ridge: dict[str, object] = {"form": now.form, "w0": now.w0, "sigma": now.sigma}
    if now.form != brought.form:
        return ridge
    return {key: own for key, own in ridge.items() if own != getattr(brought, key)}
