"""Labels that are not of the size of their image: one sentence, wherever it shows."""

from napari_unet.core.image import Image


def explain_shapes(image: Image, labels: tuple[int, ...]) -> str:
    """Return what is wrong with labels of another shape than the image, and what to do.

    Parameters
    ----------
    image : Image
        (C, Y, X) or (C, Z, Y, X).
    labels : tuple of int
        The shape of its labels.
    """
    text = (
        f"The labels of '{image.name}' have the shape {labels}, the image "
        f"{image.shape}; both must be the same. Make new labels for this image, or "
        "choose the image they belong to."
    )
    if labels == (image.channels, *image.shape):
        text += (
            f" If the first axis of the image, of length {image.channels}, is depth or "
            "time and not channels, save it so that the file says so (Fiji: Image > "
            "Properties)."
        )
    elif labels == image.shape[1:]:
        text += (
            " If the planes of the image are channels of one picture, say so (on the "
            "command line: --planes-as-channels)."
        )
    return text
