"""What a model that is given to others tells about itself, beyond its training."""

from typing import Any

from napari_unet.core.setting import Config

# Of the scores of a set, in columns of the card.
_SHOWN = {"f1": "F1", "iou": "IoU", "ap": "AP", "seg": "SEG"}


class HeldOutScores(Config):
    """How good a model is on images that it has never learned from.

    Parameters
    ----------
    name : str
        Of the set of images.
    images, objects : int
        How many of them were looked at.
    scores : dict of str to float
        As of a validation: ``f1`` at IoU 0.5, ``iou``, ``ap``, ``seg``.
    remark : str
        What one must know to read them, e.g. that nothing like it was learned.
    """

    name: str
    images: int
    objects: int
    scores: dict[str, float]
    remark: str = ""


class ModelNotes(Config):
    """What others must know before they trust a model.

    Parameters
    ----------
    purpose : str
        In a few words what it segments: "nuclei in fluorescence".
    made_for : str
        Pixel sizes, sizes of objects and kinds of images, in sentences.
    data : tuple of str
        Each set it learned from: name, origin, how many images.
    licence : str
        Of the data, and so of the weights.
    held_out : tuple of HeldOutScores
        Of each set.
    known_failures : tuple of str
        Where it is wrong, a sentence each.
    recipe : str
        The command that trains it again.
    """

    purpose: str
    made_for: str
    data: tuple[str, ...]
    licence: str
    held_out: tuple[HeldOutScores, ...] = ()
    known_failures: tuple[str, ...] = ()
    recipe: str = ""

    @property
    def headline(self) -> str:
        """The lowest and highest F1 of all sets, for little room; '' without one.

        Examples
        --------
        >>> held = [
        ...     HeldOutScores(name=name, images=2, objects=9, scores={"f1": f1})
        ...     for name, f1 in (("A", 0.95), ("B", 0.8))
        ... ]
        >>> ModelNotes(
        ...     purpose="nuclei", made_for="", data=(), licence="CC0", held_out=held
        ... ).headline
        'F1 0.80 to 0.95'
        """
        found = sorted(
            f"{each.scores['f1']:.2f}" for each in self.held_out if "f1" in each.scores
        )
        if not found:
            return ""
        return "F1 " + " to ".join(dict.fromkeys((found[0], found[-1])))


def describe_notes(notes: ModelNotes) -> list[str]:
    """Return notes as lines of Markdown: the chapters of the card that people need."""
    lines = ["", "## What it was made for", "", notes.made_for]
    if notes.known_failures:
        lines += ["", "## Where it fails", ""]
        lines += [f"- {failure}" for failure in notes.known_failures]
    if notes.held_out:
        lines += ["", "## Scores on images it has never seen", ""]
        lines += _table_of_scores(notes.held_out)
    lines += ["", "## Data and licence", ""]
    lines += [f"- {data}" for data in notes.data]
    lines += [f"- Licence: {notes.licence}"]
    if notes.recipe:
        lines += ["", "## The same training once more", "", f"    {notes.recipe}"]
    return lines


def _table_of_scores(sets: tuple[HeldOutScores, ...]) -> list[str]:
    """Return scores as a table in Markdown, its columns aligned."""
    names = [name for name in _SHOWN if any(name in each.scores for each in sets)]
    rows = [["set", "images", "objects", *(_SHOWN[name] for name in names)]]
    for each in sets:
        scores: list[Any] = [
            f"{each.scores[name]:.3f}" if name in each.scores else "–" for name in names
        ]
        rows.append([each.name, str(each.images), str(each.objects), *scores])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = [
        [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    rule = [
        "-" * (width + 1) + (":" if column else "-")
        for column, width in enumerate(widths)
    ]
    shown = [f"| {' | '.join(row)} |" for row in aligned]
    shown.insert(1, f"|{'|'.join(rule)}|")
    remarks = [f"- {each.name}: {each.remark}" for each in sets if each.remark]
    return [*shown, *([""] if remarks else []), *remarks]
