"""Random changes of the training patches, as settings."""

from types import MappingProxyType
from typing import Literal, Self

from pydantic import model_validator

from napari_unet.core.setting import Config, setting

# Random changes that go together, from none to strong.
AugmentationName = Literal["none", "light", "standard", "paper", "strong"]
# Between the nodes of an elastic deformation, in px.
_LEAST_SPACING = 8


class AugmentationConfig(Config):
    """Random changes of the training patches."""

    flip: bool = setting(True, "Mirror patches")
    shift: int = setting(
        0,
        "Largest shift of a patch along each axis, away from the pixel it is drawn for",
        unit="px",
        ge=0,
        le=1000,
    )
    rotation: float = setting(
        180.0, "Largest rotation either way", unit="°", ge=0, le=180
    )
    scale: float = setting(
        0.2, "Largest relative change of size", ge=0, lt=0.9, title="Zoom"
    )
    shear: float = setting(0.0, "Largest shear either way", unit="°", ge=0, le=45)
    elastic_px: float = setting(
        10.0,
        "Standard deviation of the nodes' displacement",
        title="Deformation",
        unit="px",
        ge=0,
        le=100,
    )
    elastic_nodes: int = setting(
        3,
        "Nodes of the deformation, per axis",
        title="Deformation nodes",
        ge=2,
        le=16,
    )
    elastic_spacing: int = setting(
        0,
        "Distance between the nodes of a cubic B-spline, 150 px in Falk et al. (2019); "
        "0: that many nodes span the patch, and the spline passes through them",
        title="Node distance",
        unit="px",
        ge=0,
        le=1000,
    )
    sharp: float = setting(
        0.5,
        "Share of patches that are only mirrored and turned by right angles, for "
        "interpolating blurs",
        title="Left sharp",
        ge=0,
        le=1,
    )
    curve: bool = setting(
        False,
        "Bend grey values by a random rising curve, as in Falk et al. (2019)",
        title="Intensity curve",
    )
    contrast: float = setting(0.25, "Largest relative change of contrast", ge=0, lt=1)
    gamma: float = setting(
        0.0, "Largest relative change of the exponent of grey values", ge=0, lt=1
    )
    brightness: float = setting(
        0.5,
        "Largest shift of the grey values, in standard deviations of the image",
        ge=0,
        le=2,
    )
    shading: float = setting(
        0.0,
        "Largest unevenness of the illumination across a patch, relative to its grey "
        "values, and as much haze, relative to their contrast",
        ge=0,
        lt=1,
    )
    noise: float = setting(
        8.0,
        "Largest standard deviation of added noise, relative to the image's own noise; "
        "at most its contrast",
        ge=0,
        le=20,
    )
    blur_px: float = setting(
        0.0,
        "Largest standard deviation of a blur, for images out of focus",
        title="Blur",
        unit="px",
        ge=0,
        le=10,
    )

    @model_validator(mode="after")
    def _nodes_can_be_counted(self) -> Self:
        """Refuse nodes so close that each patch would need thousands of them."""
        if 0 < self.elastic_spacing < _LEAST_SPACING:
            raise ValueError(
                f"`elastic_spacing` must be 0 or at least {_LEAST_SPACING} px"
            )
        return self


AUGMENTATIONS: MappingProxyType[AugmentationName, AugmentationConfig] = (
    MappingProxyType(
        {
            "none": AugmentationConfig(
                flip=False,
                rotation=0,
                scale=0,
                elastic_px=0,
                contrast=0,
                brightness=0,
                noise=0,
            ),
            # Nothing is interpolated: mirrors and right angles only.
            "light": AugmentationConfig(
                scale=0, elastic_px=0, sharp=1, contrast=0.1, brightness=0.2, noise=2
            ),
            "standard": AugmentationConfig(),
            # What paper and plugin name, no more: shift (half of what four poolings
            # shrink by), rotation, elastic deformation, grey values.
            "paper": AugmentationConfig(
                flip=False,
                shift=8,
                scale=0,
                sharp=0,
                curve=True,
                contrast=0,
                brightness=0,
                noise=0,
            ),
            "strong": AugmentationConfig(
                shift=8,
                scale=0.4,
                shear=15,
                elastic_px=15,
                sharp=0.25,
                contrast=0.5,
                gamma=0.3,
                brightness=1,
                shading=0.3,
                noise=12,
                blur_px=1.5,
            ),
        }
    )
)
