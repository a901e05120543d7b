"""Which member of the U-Net family, as settings."""

from typing import Literal, Self

from pydantic import model_validator

from napari_unet.core.setting import Config, setting


class NetworkConfig(Config):
    """Which member of the U-Net family."""

    architecture: Literal["unet", "unet++"] = setting(
        "unet", "U-Net, or the nested U-Net++ with a block at every crossing"
    )
    dimensions: int = setting(
        2, "2: planes one by one. 3: volumes, stacks of planes", ge=2, le=3
    )
    in_channels: int = setting(1, "Channels of the image", ge=1, le=256)
    classes: int = setting(2, "Classes, background included", ge=2, le=256)
    base_channels: int = setting(
        16, "Channels of the first level; each level doubles them", ge=1, le=256
    )
    levels: int = setting(
        4,
        "Poolings of the contracting path: more levels see more context; 0 is a plain "
        "block of convolutions",
        ge=0,
        le=6,
    )
    levels_z: int = setting(
        2,
        "3D: poolings along Z. Where these are fewer, the finest levels look at single "
        "planes: for planes further apart than pixels",
        title="Levels along Z",
        counts_where={"dimensions": 3},
        ge=0,
        le=6,
    )
    block: Literal["plain", "residual", "separable"] = setting(
        "plain",
        "Two convolutions; with their input added; or depth-wise separable ones in the "
        "contracting path, as in MobileNet, for slow machines",
    )
    skip: Literal["concat", "add", "attention", "none"] = setting(
        "concat", "How the contracting path is joined to the expanding one"
    )
    padding: Literal["same", "valid", "reflect", "partial"] = setting(
        "same",
        "'valid' as in the paper; or output as large as the input, with zeros beyond "
        "the edge ('same'), a mirror, or partial convolutions",
    )
    upsampling: Literal["transposed", "interpolated", "bilinear"] = setting(
        "transposed",
        "Transposed 2x2 convolution, doubling followed by a 2x2 one, or bilinear "
        "interpolation without one",
    )
    activation: Literal["relu", "leaky"] = setting(
        "relu", "ReLU, or one that lets a tenth of negative values through"
    )
    norm: Literal["batch", "instance", "none"] = setting(
        "batch",
        "Batch normalisation after each convolution, or none as in the paper. Instance "
        "normalisation depends on the tile: results change with the tiling",
    )
    dropout: float = setting(0.0, "Dropout rate", ge=0, lt=1)
    dropout_place: Literal["contracting-end", "blocks"] = setting(
        "contracting-end",
        "Dropout after the last two blocks of the contracting path, as in the paper, "
        "or between the convolutions of every block",
    )
    dropout_kind: Literal["values", "maps"] = setting(
        "values",
        "Drop single values, as in the paper, or whole feature maps (spatial dropout), "
        "whose neighbouring values say the same",
    )
    head: Literal["softmax", "sigmoid", "regression"] = setting(
        "softmax",
        "One distribution over the classes, one probability for each, or grey values "
        "of another image",
    )
    target_channels: int = setting(
        1, "Head 'regression': channels of the image to predict", ge=1, le=256
    )
    head_channels: int = setting(
        0, "Channels of one more 3x3 convolution before the last, 0 for none", ge=0
    )
    norm_place: Literal["everywhere", "contracting"] = setting(
        "everywhere",
        "Normalise after every convolution, or in the contracting path only (then "
        "convolutions keep their bias)",
    )
    deep_supervision: bool = setting(
        False,
        "U-Net++: the mean of all its outputs instead of the deepest",
        counts_where={"architecture": "unet++"},
    )

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        """Refuse what does not go together."""
        if self.dimensions == 3 and self.levels_z > self.levels:
            raise ValueError(
                f"`levels_z` is {self.levels_z}, but the network has only "
                f"{self.levels} levels; give at most as many along Z"
            )
        if self.padding == "valid" and self.head_channels:
            raise ValueError("`head_channels` needs a padding other than 'valid'")
        if self.architecture == "unet++" and (
            self.padding == "valid"
            or self.upsampling == "bilinear"
            or self.skip != "concat"
        ):
            raise ValueError(
                "U-Net++ concatenates, is padded, and halves the channels on its way "
                "up: choose skip 'concat', padding other than 'valid', and "
                "up-sampling other than 'bilinear'"
            )
        if self.architecture == "unet++" and self.levels == 0:
            raise ValueError("U-Net++ needs at least one level: `levels` is 0")
        if self.deep_supervision and self.architecture != "unet++":
            raise ValueError("`deep_supervision` belongs to the architecture 'unet++'")
        return self

    @property
    def outputs(self) -> int:
        """Channels of the last convolution: a sigmoid head has none for background."""
        if self.head == "regression":
            return self.target_channels
        return self.classes - (self.head == "sigmoid")

    @property
    def predictions(self) -> int:
        """Channels of what is predicted: probabilities of all classes, or values."""
        return self.target_channels if self.head == "regression" else self.classes
