"""Regions and points as JSON knows them, and back into their layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points, Shapes


def state_of(layer: Points | Shapes) -> dict[str, Any] | None:
    """Return all that is drawn in a layer; None if nothing is."""
    if not len(layer.data):
        return None
    features = {name: list(column) for name, column in layer.features.items()}
    state: dict[str, Any] = {
        "data": [np.asarray(each).tolist() for each in layer.data],
        "features": {
            name: [_plain(v) for v in each] for name, each in features.items()
        },
    }
    if isinstance(layer, Shapes):
        state["types"] = list(layer.shape_type)
    return state


def apply_state(layer: Points | Shapes, state: dict[str, Any] | None) -> None:
    """Draw in a layer what was there, and nothing else."""
    layer.selected_data = set()
    if isinstance(layer, Shapes):
        layer.data = []
        if state is not None:
            shapes = [np.asarray(each) for each in state["data"]]
            layer.add(shapes, shape_type=state["types"])
    else:
        layer.data = np.zeros((0, layer.ndim)) if state is None else state["data"]
    if state is not None:
        features = layer.features.copy()
        for name, values in state["features"].items():
            features[name] = np.asarray(values, object)
        layer.features = features
    layer.refresh()


def _plain(value: Any) -> Any:
    """Return a value of a feature as JSON knows it; None for what is no number."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value != value:
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)
