"""How an image goes through the network, as settings."""

from napari_unet.core.setting import Config, setting


class PredictionConfig(Config):
    """How an image goes through the network; 0 leaves the choice to the program."""

    tile: int = setting(
        0,
        "Edge of the network's input, in pixels of the model: smaller tiles need less "
        "memory and more time, the result is the same. 0 chooses it from the memory "
        "that is free",
        title="Edge of a tile",
        unit="px",
        ge=0,
        le=16_384,
    )
    scale: float = setting(
        0.0,
        "Factor by which the image is enlarged before the network, and the result "
        "brought back: 1 takes it as it is, 2 helps where objects are half as large as "
        "those the model learned. 0 goes by the pixel sizes of image and model; where "
        "one is unknown, by a look at how large the objects are",
        title="Zoom",
        ge=0,
        le=64,
    )
