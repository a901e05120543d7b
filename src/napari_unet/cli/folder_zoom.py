"""One zoom for all images of a folder, on the command line."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.config import DeviceChoice
from napari_unet.core.errors import InputError

if TYPE_CHECKING:  # so that --help does not wait for torch
    from napari_unet.core.image import Image
    from napari_unet.core.prediction.zoom import Zoom
    from napari_unet.core.workflow import Model

# So many images of a folder are looked at.
_LOOKED_AT = 5

PixelSize = tuple[float, ...] | None
# What a look at an image said, and its pixel size.
Looked = tuple[PixelSize, "Zoom"]


class FolderZoom:
    """The zoom of images, the same for all that have the same pixel size.

    So results can be compared, and one image alone does not decide. It is looked for
    when the first image needs it. An image of another shape than those that were looked
    at is looked at when its turn comes; where it is of another kind, it keeps a zoom
    of its own.

    Parameters
    ----------
    paths : sequence of Path
        All images.
    model : Model
        That will segment them.
    device : str
        Where to look.
    looked : mapping of Path to Looked
        What was looked at before.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        model: "Model",
        device: DeviceChoice,
        looked: Mapping[Path, Looked],
    ) -> None:
        self._paths, self._model, self._device = paths, model, device
        self._looked = dict(looked)
        self._agreed: dict[PixelSize, Zoom] = {}
        self._shapes: set[tuple[int, ...]] = set()  # of what was looked at

    def find(self, path: Path, image: "Image") -> "Zoom":
        """Return the zoom of an image; say one of its own, and others the first time.

        Raises
        ------
        InputError
            If the image does not fit the model, or is constant.
        """
        from tqdm import tqdm

        from napari_unet.core.prediction.common_zoom import is_of_its_own

        agreed = self._agree(path, image)
        if path not in self._looked and image.shape not in self._shapes:
            self._look(path, image)
        if path not in self._looked:
            return agreed
        self._shapes.add(image.shape)
        own = self._looked[path][1]
        if len(self._paths) == 1 or not is_of_its_own(own, agreed):
            return agreed
        said = own.said or f"zoom {own.factor:.3g}, at which its objects fit the model"
        others = f"the zoom of the others is {agreed.factor:.3g}"
        tqdm.write(f"{image.name}: {said}; {others}", file=sys.stderr)
        return own

    def _agree(self, path: Path, image: "Image") -> "Zoom":
        """Return the zoom of images with the pixel size of this one."""
        from tqdm import tqdm

        from napari_unet.core.prediction.common_zoom import agree_on

        size = image.pixel_size_um
        if size not in self._agreed:
            if path not in self._looked:
                self._look(path, image)
            if not self._agreed:
                self._look_at_others()
            alike = [zoom for other, zoom in self._looked.values() if other == size]
            zoom = alike[0]
            who = image.name
            if len(self._paths) > 1:
                zoom = agree_on(alike, self._model.settings)
                who = (
                    "All images"
                    if len({s for s, _ in self._looked.values()}) == 1
                    else f"Images like {who}"
                )
            self._agreed[size] = zoom
            if zoom.said:
                tqdm.write(f"{who}: {zoom.said}", file=sys.stderr)
        return self._agreed[size]

    def _look(self, path: Path, image: "Image") -> None:
        from napari_unet.core.workflow import propose_zoom

        zoom = propose_zoom(image, self._model, device=self._device)
        self._looked[path] = image.pixel_size_um, zoom
        self._shapes.add(image.shape)

    def _look_at_others(self) -> None:
        """Look at a few images of the folder; faults are said at their turn."""
        from napari_unet.core.prediction.zoomed_look import known_diameter
        from napari_unet.formats.images import read_image

        if known_diameter(self._model.settings) is None:
            return
        for path in spread(self._paths):
            if path not in self._looked:
                with suppress(InputError):
                    self._look(path, read_image(path))


def spread(paths: Sequence[Path]) -> list[Path]:
    """Return a few of the images, spread evenly over all of them."""
    count = min(len(paths), _LOOKED_AT)
    last = max(1, count - 1)
    return [paths[round(i * (len(paths) - 1) / last)] for i in range(count)]


def read_some(paths: Sequence[Path]) -> "Iterator[tuple[Path, Image]]":
    """Yield a few images of a folder, one by one; of faults it is said at their turn.

    If none of these can be read, the first that can.

    Raises
    ------
    InputError
        If there is none.
    """
    from napari_unet.formats.images import read_image

    some = spread(paths)
    others = [path for path in paths if path not in some]
    found = 0
    refused: InputError | None = None
    for path in [*some, *others]:
        if found and path not in some:
            return
        try:
            image = read_image(path)
        except InputError as error:
            refused = refused or error
        else:
            found += 1
            yield path, image
    if not found and refused is not None:
        raise refused
