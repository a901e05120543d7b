"""What a file holds, before anyone has said which axis means what."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import InputError, MemoryShortageError
from napari_unet.core.memory import is_memory_shortage


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An array as it lies in a file.

    Parameters
    ----------
    path : Path
        Where it was read.
    array : ndarray
        The values, unchanged but for a dropped alpha channel.
    axes : str
        One letter per axis: Y, X, Z, T, C (channels), S (colours of one pixel). Any
        other letter says that the file does not tell; `axes` then is a guess.
    sizes_um : mapping of str to float
        Edge lengths of a pixel in µm along the axes X, Y, Z, where the file tells.
    palette : ndarray of uint8, shape (n, 3), optional
        The colours that the values stand for.
    """

    path: Path
    array: NDArray[np.generic]
    axes: str
    sizes_um: Mapping[str, float] = field(default_factory=dict)
    palette: NDArray[np.uint8] | None = None

    @property
    def layout(self) -> str:
        """Axes and their lengths for a sentence, such as 'TYX (3, 64, 64)'."""
        return f"{self.axes} {self.array.shape}"


@contextmanager
def refuse_damaged(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a sentence.

    The libraries that read files raise almost anything on a file that is cut short:
    struct.error, IndexError, KeyError, RuntimeError, SyntaxError...

    Raises
    ------
    InputError
        Names the file, says what is wrong and what to do.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"'{path}' does not exist; check the path.") from error
    except PermissionError as error:
        raise InputError(
            f"'{path}' may not be read by you; ask its owner, or copy it."
        ) from error
    except Exception as error:
        if is_memory_shortage(error):
            raise MemoryShortageError(
                f"'{path.name}' does not fit into the memory of this computer; crop "
                "it, or save its planes as files of their own."
            ) from error
        raise InputError(
            f"'{path.name}' cannot be read: it is damaged, cut short, or not what its "
            f"name says ({describe(error)}). Copy it again from its source, or open "
            "it in Fiji and save it as TIFF."
        ) from error


def describe(error: Exception | str) -> str:
    """Return the first words of a library's complaint, fit for a sentence."""
    text = " ".join(str(error).split()).rstrip(".")
    return (text[:117] + "...") if len(text) > 120 else text or type(error).__name__
