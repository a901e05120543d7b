"""The annotator's desk: all that is annotated, in step with a journal on disk."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.annotation.change import (
    ArrayBox,
    Change,
    PixelChange,
    StateChange,
    find_change,
)
from napari_unet.core.errors import InputError
from napari_unet.formats.journal import Journal, NewLayer, Record, Step


class Desk:
    """Notes every change of annotations in a journal, and steps back and forward.

    It keeps a copy of each annotated array, as the journal says it is: what a tool did
    is the difference, whichever tool it was.

    Parameters
    ----------
    path : Path
        The journal. What it holds is annotated again: `arrays` and `states` are as they
        were after the last change that was noted, and all of it can still be undone.

    Raises
    ------
    InputError
        If it is no journal, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self.arrays: dict[str, np.ndarray] = {}
        self.states: dict[str, Any] = {}
        self._done: list[int] = []
        self._undone: list[int] = []
        for number, record in enumerate(self._journal):
            self._replay(number, record)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back and nothing was done since."""
        return bool(self._undone)

    @property
    def steps(self) -> int:
        """How many steps were done, and not taken back."""
        return len(self._done)

    def begin(self, layer: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """Note an empty array that is annotated from now on.

        One that is known already goes on; it may have another data type.

        Raises
        ------
        InputError
            If it is known with another shape, or cannot be noted.
        """
        known = self.arrays.get(layer)
        if known is not None and known.shape != tuple(shape):
            raise InputError(
                f"'{layer}' has {shape} pixels, but was annotated with {known.shape}."
            )
        if known is None or known.dtype != dtype:
            new = NewLayer(layer, tuple(shape), np.dtype(dtype).str)
            self._journal.append(new)
            self._open(new)

    def note(
        self,
        layer: str,
        array: np.ndarray,
        box: ArrayBox | None = None,
        what: str = "paint",
    ) -> PixelChange | None:
        """Note how an array has changed, and return that; None if it has not.

        Parameters
        ----------
        layer : str
            Its key, which `begin` knows.
        array : ndarray
            As it is now; not modified.
        box : tuple of (int, int), optional
            Where it can have changed; anywhere by default.
        what : str
            What was done, in a word or two.

        Raises
        ------
        InputError
            If it cannot be written; the next call notes it too.
        """
        known = self.arrays[layer]
        change = find_change(
            layer, known, array.astype(known.dtype, copy=False), box, what
        )
        if change is not None:
            self._do(change)
            change.apply(self.arrays[layer])
        return change

    def note_state(
        self, layer: str, state: Any, what: str = "draw"
    ) -> StateChange | None:
        """Note what is no array, as JSON knows it; None if it has not changed."""
        before = self.states.get(layer)
        if state == before:
            return None
        change = StateChange(layer, before, state, what)
        self._do(change)
        self.states[layer] = state
        return change

    def undo(self) -> Change | None:
        """Take the last step back, and return it; None if there is none."""
        return self._step(Step("undo")) if self._done else None

    def redo(self) -> Change | None:
        """Take the step that was taken back last again; None if there is none."""
        return self._step(Step("redo")) if self._undone else None

    def sync(self) -> None:
        """Force all that was noted onto the disk."""
        self._journal.sync()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _do(self, change: Change) -> None:
        self._done.append(self._journal.append(change))
        self._undone.clear()

    def _step(self, step: Step) -> Change:
        change = self._change(step)
        self._journal.append(step)
        self._take(step, change)
        return change

    def _change(self, step: Step) -> Change:
        """Return the change that a step takes back or makes again."""
        numbers = self._done if step.word == "undo" else self._undone
        change = self._journal[numbers[-1]]
        assert isinstance(change, PixelChange | StateChange)
        return change

    def _take(self, step: Step, change: Change) -> None:
        back = step.word == "undo"
        source, target = (
            (self._done, self._undone) if back else (self._undone, self._done)
        )
        if isinstance(change, StateChange):
            self.states[change.layer] = change.before if back else change.after
        elif back:
            change.revert(self.arrays[change.layer])
        else:
            change.apply(self.arrays[change.layer])
        target.append(source.pop())

    def _replay(self, number: int, record: Record) -> None:
        """Do what a record says once more."""
        match record:
            case NewLayer():
                self._open(record)
            case Step():
                self._take(record, self._change(record))
            case PixelChange() | StateChange():
                if isinstance(record, PixelChange):
                    record.apply(self.arrays[record.layer])
                else:
                    self.states[record.layer] = record.after
                self._done.append(number)
                self._undone.clear()

    def _open(self, new: NewLayer) -> None:
        known = self.arrays.get(new.layer)
        self.arrays[new.layer] = (
            np.zeros(new.shape, new.dtype) if known is None else known.astype(new.dtype)
        )
