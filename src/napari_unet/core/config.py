"""Every setting, declared once: checks, JSON, forms and command line all read it here.

Lengths named ``_px`` are pixels of the *model* (its pixel size), not of the image.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_unet.core.augmentation_settings import (
    AUGMENTATIONS as AUGMENTATIONS,
)
from napari_unet.core.augmentation_settings import (
    AugmentationConfig as AugmentationConfig,
)
from napari_unet.core.augmentation_settings import (
    AugmentationName as AugmentationName,
)
from napari_unet.core.network_settings import NetworkConfig as NetworkConfig
from napari_unet.core.prediction_settings import PredictionConfig as PredictionConfig
from napari_unet.core.seen_settings import Seen as Seen
from napari_unet.core.setting import Config as Config
from napari_unet.core.setting import setting
from napari_unet.core.weight_settings import SamplingConfig as SamplingConfig
from napari_unet.core.weight_settings import WeightMapConfig as WeightMapConfig

Normalisation = Literal[
    "percentile", "min-max", "min-max-joint", "mean-std", "vector-norm", "none"
]
# What a network learns: objects, classes of pixels, where objects are, another image.
AnnotationKind = Literal["objects", "classes", "points", "values"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
# In the environment: how many threads compute on a processor, by default as torch
# decides. A matter of the machine, not of a model.
THREADS_VARIABLE = "NAPARI_UNET_THREADS"
# Over which versions of the image to average a prediction: one of these, or another
# number of angles (`core.prediction.averaging`).
Averaging = str
AVERAGES: tuple[Averaging, ...] = ("none", "4 flips", "4 rotations", "8", "7 angles")

# Usual learning rates of each optimizer, from and to. Below, a training of minutes
# learns nothing; above, the loss grows beyond all numbers.
_USUAL_RATES = {
    "adamw": (1e-5, 3e-2),
    "sgd": (1e-4, 1.0),
    "rmsprop": (1e-6, 1e-2),
    "adagrad": (1e-4, 1.0),
}


class TrainConfig(Config):
    """How to train."""

    iterations: int | None = setting(
        None, "Optimizer steps to take", ge=1, le=10_000_000
    )
    seconds: float | None = setting(
        60.0, "Time to train, validation included", unit="s", gt=0
    )
    patch_size: int = setting(256, "Edge of a training patch", unit="px", ge=4, le=4096)
    patch_depth: int = setting(
        32, "3D: planes of a training patch", unit="px", ge=1, le=1024
    )
    batch_size: int = setting(
        2,
        "Patches per step; where images are smaller than a patch, so many more that a "
        "step sees as much, up to 16 times",
        ge=1,
        le=256,
    )
    loss: Literal["cross-entropy", "dice", "cross-entropy + dice", "mse", "l1"] = (
        setting(
            "cross-entropy",
            "Weighted cross-entropy; the Dice loss, which knows no weights; or a "
            "mixture. For grey values: mean squared or absolute error",
        )
    )
    dice_share: float = setting(
        0.5,
        "Share of the Dice loss in the mixture",
        title="Share of Dice",
        counts_where={"loss": "cross-entropy + dice"},
        ge=0,
        le=1,
    )
    optimizer: Literal["adamw", "sgd", "rmsprop", "adagrad"] = setting(
        "adamw", "Optimizer; AdamW without weight decay is Adam"
    )
    learning_rate: float = setting(4e-3, "Largest step size", gt=0, le=1000)
    fine_tuning_rate: float = setting(
        0.25,
        "Part of the learning rate with which a model to start from learns: the less, "
        "the less it forgets",
        title="Part of it for fine-tuning",
        gt=0,
        le=1,
    )
    momentum: float = setting(
        0.9, "Momentum (SGD, RMSprop) or first beta (AdamW)", ge=0, lt=1
    )
    weight_decay: float = setting(1e-4, "Weight decay", ge=0, le=1)
    schedule: Literal["cosine", "constant", "plateau"] = setting(
        "cosine",
        "Warm-up and cosine decay of the learning rate; constant; or a tenth of it "
        "after more than five validations that are no better",
    )
    max_gradient: float = setting(
        5.0,
        "The gradient's norm is cut here, so that one odd patch cannot undo the rest; "
        "0 leaves it as it is",
        title="Largest gradient",
        ge=0,
    )
    validations: int = setting(
        10, "How many times to validate during the training", ge=1, le=10_000
    )
    held_back: float = setting(
        0.0,
        "Share of the annotated ground that is held back to validate on, where you "
        "named none for it; 0: a fifth for each image or region there is, at most half "
        "of one of them, of five and more a whole one. Ground beside it is left out",
        title="Held back",
        ge=0,
        le=0.9,
    )
    unpainted: Literal["auto", "background", "unknown"] = setting(
        "auto",
        "What ground left unpainted means where no region is drawn: background; "
        "unknown, but for the surroundings of painted objects; or as the model says: "
        "unknown where it finds more objects than are painted",
        title="Unpainted ground",
    )
    leave_one_out: bool = setting(
        False,
        "In the end, train again without each image or region in turn, and judge each "
        "by a model that has not seen it: the most honest scores of a few images, for "
        "as many times the time. The model itself learns from all of them",
        title="Leave one out",
    )
    point_radius: float = setting(
        2.0,
        "Objects marked by points: radius of the disks that are learned; up to twice "
        "as far the ground counts as unknown",
        title="Radius of points",
        unit="px",
        ge=0.5,
        le=50,
    )
    patience: int = setting(
        0,
        "Stop early, after so many validations in a row that are no better than the "
        "best before; 0 goes on to the end",
        title="Stop after",
        unit="validations",
        ge=0,
        le=10_000,
    )
    seed: int = setting(0, "Seed of sampling and augmentation", ge=0)
    weight_map: WeightMapConfig = Field(default_factory=WeightMapConfig)
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)

    @property
    def doubt(self) -> str:
        """A sentence on a learning rate that is far from usual; else nothing."""
        low, high = _USUAL_RATES[self.optimizer]
        if low <= self.learning_rate <= high:
            return ""
        small = self.learning_rate < low
        what = "little will be learned" if small else "the training may break down"
        return (
            f"A learning rate of {self.learning_rate:g} is very "
            f"{'small' if small else 'large'} for {self.optimizer}: {what}. From "
            f"{low:g} to {high:g} is usual."
        )

    @model_validator(mode="after")
    def _has_one_end(self) -> Self:
        if (self.iterations is None) == (self.seconds is None):
            raise ValueError("give either `iterations` or `seconds`, not both or none")
        return self


class ObjectConfig(Config):
    """How probabilities become objects. Lengths are pixels of the image."""

    threshold: float = setting(
        0.5, "Probability from which a pixel belongs to an object", gt=0, lt=1
    )
    min_size: int = setting(
        20,
        "Smaller objects are removed; in pixels at the zoom that the model was made "
        "for: where objects are larger, so is the smallest one",
        title="Smallest object",
        unit="px",
        ge=0,
    )
    fill_holes: bool = setting(True, "Fill holes inside objects")
    recover_border: bool = setting(
        True, "Give the line between touching objects back to them"
    )
    split: float = setting(
        0.25,
        "Cut objects in two where a waist is narrower than this part of the narrower "
        "body (watershed): 0 never cuts, 0.25 mends leaks, 0.75 parts touching discs",
        title="Split at waists",
        ge=0,
        le=1,
    )

    def enlarged(self, factor: float) -> Self:
        """Return the same for objects that are so many times as long and as wide."""
        return self.replaced(min_size=round(self.min_size * factor**2))


class ModelSettings(Config):
    """What a model must know about itself to be used on a new image.

    `pixel_size_um` is the model's pixel size, one value for Y and X; an image with
    another one is rescaled to it. So it is along Z in 3D.
    """

    network: NetworkConfig = Field(default_factory=NetworkConfig)
    normalisation: Normalisation = setting(
        "percentile",
        "How grey values are brought to a common range: by percentiles, by minimum and "
        "maximum of each channel or of all jointly, by mean and standard deviation, or "
        "by the longest vector of channels, which keeps colours as they are",
    )
    pixel_size_um: float | None = setting(
        None, "Edge of a pixel the model was trained with", unit="µm", gt=0
    )
    pixel_size_z_um: float | None = setting(
        None, "3D: distance of planes the model was trained with", unit="µm", gt=0
    )
    annotation: AnnotationKind = setting(
        "objects", "Whether it learned objects, classes of pixels, points or values"
    )
    # (low, high) of each channel of the target: what the network gives as -1 and 1
    value_range: tuple[tuple[float, float], ...] = ()
    class_names: tuple[str, ...] = setting(
        ("background", "object"), "Name of each class, background first"
    )
    class_values: tuple[int | str, ...] = setting(
        (),
        "What stood for each class in the labels it learned from: numbers, or colours "
        "as #rrggbb, with a plus between those of one class; none where they were "
        "0, 1, 2, ...",
    )
    channels: tuple[int | str, ...] = setting(
        (),
        "The channels it reads, in this order: positions from 0 on, or names of "
        "layers; all of them where none is named",
    )
    planes_as_channels: bool = setting(
        False, "Take the planes of a stack as channels of one image"
    )
    objects: ObjectConfig = Field(default_factory=ObjectConfig)
    seen: Seen | None = None  # unknown of models that earlier versions trained

    @property
    def zoom(self) -> float:
        """Factor for images whose pixel size, or the model's, is unknown."""
        return 1.0 if self.seen is None else self.seen.zoom

    @property
    def pixel_sizes_um(self) -> tuple[float, ...] | None:
        """Pixel size along ([Z,] Y, X); None where it is unknown."""
        sizes = [self.pixel_size_um] * 2
        if self.network.dimensions == 3:
            sizes.insert(0, self.pixel_size_z_um)
        known = tuple(size for size in sizes if size is not None)
        return known if len(known) == len(sizes) else None

    @model_validator(mode="after")
    def _names_every_class(self) -> Self:
        if len(self.class_names) != self.network.classes:
            raise ValueError(
                f"{self.network.classes} classes need as many names, "
                f"got {len(self.class_names)}"
            )
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError(f"two classes have one name: {self.class_names}")
        if self.class_values and len(self.class_values) != len(self.class_names):
            raise ValueError("each class needs one value in `class_values`")
        if (self.network.head == "regression") != (self.annotation == "values"):
            raise ValueError(
                "a network with the head 'regression' learns values, and no other "
                f"does: this one has the head '{self.network.head}' and shall learn "
                f"{self.annotation}"
            )
        return self
