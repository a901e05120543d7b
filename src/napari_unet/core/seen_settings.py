"""What a model has seen of images and objects, kept among its settings."""

from pydantic import Field

from napari_unet.core.setting import Config, setting


class Seen(Config):
    """What the images were like that a model learned from.

    Diameters are those of circles of equal area, in pixels of the model; the numbers in
    `looks` are those of `core.look`, from the lowest to the highest of any image.
    """

    # 5 %, 50 % and 95 % of the objects; only of objects in planes
    diameters_px: tuple[float, float, float] | None = None
    objects: int = setting(0, "Objects that were measured", ge=0)
    # the smallest and the largest of all images whose size was known
    pixel_sizes_um: tuple[float, float] | None = None
    zoom: float = setting(
        1.0,
        "Factor by which images grow before the network where their pixel size, or "
        "the model's, is unknown",
        gt=0,
    )
    looks: dict[str, tuple[float, float]] = Field(default_factory=dict)
