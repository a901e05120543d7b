"""What ground left unpainted counts while one paints: the model is asked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # qtpy's own

from napari_unet.core.errors import InputError
from napari_unet.widgets.background import LatestAnswer
from napari_unet.widgets.layers import IGNORE_LABEL, image_of, pixel_size_um

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_unet.core.image import Image
    from napari_unet.core.training.unpainted import Found
    from napari_unet.session import Session

_ASKING = "Whether all ground counts is not known yet: the model is asked."


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What is known of an image whose ground may have been left unpainted.

    Parameters
    ----------
    image : Image
        Its shape and pixel size; nothing else is looked at.
    found : Found, optional
        What the model finds in it.
    is_start : bool
        Whether that is the model to start from.
    is_asking : bool
        Whether an answer is still to come.
    """

    image: Image
    found: Found | None = None
    is_start: bool = False
    is_asking: bool = False

    def learn(
        self, painted: NDArray[Any], how: Literal["auto", "background", "unknown"]
    ) -> tuple[NDArray[Any], str]:
        """Return what is painted with unknown ground ignored, and what to say."""
        from napari_unet.core.annotation.target import Example
        from napari_unet.core.training.unpainted import learn_ground

        example = Example(self.image, painted, ignore_label=IGNORE_LABEL)
        learned, why = learn_ground(example, how, self.found, is_start=self.is_start)
        return learned.annotation, _ASKING if self.is_asking else why


class GroundWitness(QObject):
    """Asks the model to start from which objects an image holds, once for each image.

    What it finds does not depend on what is painted: so the brush never waits.

    Parameters
    ----------
    session : Session
        Whose next training is meant.
    owner : QWidget
        Whoever shows the answer.
    """

    answered = Signal()

    def __init__(self, session: Session, owner: QWidget) -> None:
        super().__init__(owner)
        self._session = session
        self._answers = LatestAnswer(owner, "Unpainted ground")
        self._answers.answered.connect(self._on_answered)
        self._about: tuple[object, ...] = ()
        self._ground: Ground | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._answers.is_busy

    def ask(
        self, layer: ImageLayer, plane: int | None, painted: NDArray[np.integer]
    ) -> Ground | None:
        """Return what is known now; `answered` tells when more is.

        Parameters
        ----------
        layer : Image layer
            What is painted on.
        plane : int or None
            Which plane of a stack; None for a 2D image or a volume.
        painted : ndarray of int, shape ([Z,] Y, X)
            Objects; without regions.

        Returns
        -------
        Ground or None
            None where all ground counts, whatever a model says.
        """
        from napari_unet.core.annotation.unpainted import is_sparse

        session = self._session
        if session.train_config.unpainted == "background" or not painted.any():
            return None
        # A starter is asked only while little is painted.
        start = session.start_from
        asks = painted.ndim == 2 and (start is not None or is_sparse(painted))
        about = (layer, layer.data, plane, start, asks)
        if _is_same(about, self._about):
            return self._ground
        self._about = about
        self._ground = Ground(_outline(layer, painted.shape), is_asking=asks)
        if asks:
            self._start(layer, plane, painted)
        return self._ground

    def _start(
        self, layer: ImageLayer, plane: int | None, painted: NDArray[np.integer]
    ) -> None:
        """Ask on another thread."""
        from napari_unet.core.annotation.target import Example

        session, known = self._session, self._ground
        folder, config = session.start_from, session.train_config
        device = session.device
        try:
            image = image_of(layer)
            if plane is not None:
                image = image.plane(plane)
            example = Example(image, painted, ignore_label=IGNORE_LABEL)
            settings = session.settings_for([example])
        except InputError:  # said by others
            self._ground = Ground(_outline(layer, painted.shape))
            return

        def compute() -> tuple[Ground | None, Found | None, bool]:
            from napari_unet.fine_tuned import load_start
            from napari_unet.inspected import find_objects_of

            try:
                start = load_start(folder, [example], settings)
                found = find_objects_of(
                    example, settings, config, start_from=start, device=device
                )
            except InputError:
                return known, None, False
            return known, found, start is not None

        self._answers.ask(compute)

    def _on_answered(self, answer: tuple[Ground | None, Found | None, bool]) -> None:
        known, found, is_start = answer
        if known is None or known is not self._ground:  # of another image
            return
        self._ground = Ground(known.image, found, is_start)
        self.answered.emit()


def _outline(layer: ImageLayer, shape: tuple[int, ...]) -> Image:
    """Return the image of a plane or a volume, one black pixel for all of them."""
    from napari_unet.core.image import Image

    size = pixel_size_um(layer)
    black = np.broadcast_to(np.uint8(0), (1, *shape))
    return Image(black, None if size is None else size[-len(shape) :], layer.name)


def _is_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Tell whether both are about the same: arrays are not compared."""
    return len(one) == len(other) and all(
        a is b or (not hasattr(a, "shape") and a == b)
        for a, b in zip(one, other, strict=True)
    )
