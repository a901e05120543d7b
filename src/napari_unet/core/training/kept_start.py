"""Taking what was learned although it is no better than what was there before."""

from pathlib import Path

from napari_unet.core.card import now
from napari_unet.core.checkpoint import Model, load_last, load_model, save_model
from napari_unet.core.errors import InputError
from napari_unet.core.training.state import LEARNED, weights_in


def use_learned(folder: Path) -> Model:
    """Give a model the weights that were learned, where it has kept those before.

    `fine_tune` leaves a model as it was unless training made it better on the
    validation ground. Who knows better, for that ground is small, takes what was
    learned.

    Parameters
    ----------
    folder : Path
        The model folder that the training has written; it is written again.

    Returns
    -------
    Model
        As it is now.

    Raises
    ------
    InputError
        If the folder holds what was learned already.
    ModelFolderError
        If it is no model folder, or damaged.
    """
    model = load_model(folder)
    learned = model.card.learned
    if learned is None:
        raise InputError(
            f"'{folder}' holds what was learned already; there is nothing to exchange."
        )
    last = load_last(folder)
    weights = weights_in(last, LEARNED) or {}
    kept = {n: v for n, v in last.items() if not n.startswith(f"{LEARNED}.")}
    settings = model.settings.replaced(objects=learned.objects.model_dump())
    card = model.card.replaced(created=now(), scores=learned.scores, learned=None)
    save_model(folder, settings, card, weights, kept)
    return load_model(folder)
