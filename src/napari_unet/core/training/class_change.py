"""A model with other classes than it was trained with, to go on from."""

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from napari_unet.core.checkpoint import Model
from napari_unet.core.config import AnnotationKind
from napari_unet.core.errors import InputError
from napari_unet.core.network.unet import Network, build_network


def change_classes(
    model: Model,
    names: Sequence[str],
    *,
    values: Sequence[int | str] = (),
    annotation: AnnotationKind = "classes",
    seed: int = 0,
) -> Model:
    """Return the model with another set of classes.

    Classes that the model knows by name keep their row of the last convolution, the
    others get a new one after He et al.; everything before stays as it is.

    Parameters
    ----------
    model : Model
        Not changed.
    names : sequence of str
        Of the new classes, background first.
    values : sequence of int or str
        See `ModelSettings.class_values`.
    annotation : str
        What it is to learn.
    seed : int
        Of the new rows.

    Returns
    -------
    Model
        `model` itself if nothing changes.

    Raises
    ------
    InputError
        If one of old and new is grey values: their networks end otherwise.
    """
    old = model.settings
    if old.annotation != annotation and "values" in (old.annotation, annotation):
        kinds = dict.fromkeys(("objects", "classes", "points"), "objects or classes")
        kinds["values"] = "grey values"
        raise InputError(
            f"The model to start from, '{model.card.name}', predicts "
            f"{kinds[old.annotation]}, not {kinds[annotation]}. Start from scratch, or "
            f"from a model of {kinds[annotation]}."
        )
    settings = old.replaced(
        network=old.network.replaced(classes=len(names)).model_dump(),
        class_names=tuple(names),
        class_values=tuple(values),
        annotation=annotation,
    )
    if settings == old:
        return model
    network = build_network(settings.network, seed=seed)
    heads = set(_last_convolutions(network))
    state = dict(network.state_dict())
    for name, value in model.network.state_dict().items():
        if name.rpartition(".")[0] not in heads:
            state[name] = value
            continue
        rows, kept = state[name].clone(), _kept_rows(model, network, names)
        for new, source in kept:
            rows[new] = value[source]
        state[name] = rows
    network.load_state_dict(state)
    known = {new for new, _ in _kept_rows(model, network, names)}
    first = network.config.classes - network.config.outputs
    unknown = [n for row, n in enumerate(names[first:]) if row not in known]
    return replace(
        model, network=network.eval(), settings=settings, new_classes=tuple(unknown)
    )


def _kept_rows(
    model: Model, network: Network, names: Sequence[str]
) -> list[tuple[int, int]]:
    """Return which row of the new last convolution is which row of the old one."""
    # A sigmoid head has no row for the background.
    first = network.config.classes - network.config.outputs
    rows = {name: row for row, name in enumerate(model.settings.class_names[first:])}
    return [(row, rows[name]) for row, name in enumerate(names[first:]) if name in rows]


def _last_convolutions(network: nn.Module) -> list[str]:
    """Return the names of the convolutions whose outputs are the classes."""
    heads = [
        name
        for name, _ in network.named_modules()
        if name == "head" or (name.startswith("heads.") and name.count(".") == 1)
    ]
    named = dict(network.named_modules())
    return [
        f"{head}.{len(layers) - 1}"
        if isinstance(layers := named[head], nn.Sequential)
        else head
        for head in heads
    ]
