"""A viewer, a session and a stand-in for the network, for the tests of the docks."""

import sys
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel

import napari_unet.core
from napari_unet.core.config import ModelSettings
from napari_unet.session import Session


@pytest.fixture
def session(tmp_path):
    return Session()


@pytest.fixture
def viewer(qapp):
    """Make a viewer without a window: enough for a section, and much faster."""
    return ViewerModel()


@pytest.fixture
def nuclei(viewer):
    """Show two bright squares of 40 px each, in µm."""
    data = np.zeros((60, 90), np.uint8)
    data[10:30, 10:30] = data[35:55, 60:80] = 200
    return viewer.add_image(
        data,
        name="nuclei",
        scale=(0.5, 0.5),
        translate=(3, 4),
        units=("um", "um"),
    )


@pytest.fixture
def stack(viewer):
    """Show three slices; the middle one has an object."""
    data = np.zeros((3, 40, 50), np.uint8)
    data[1, 10:30, 10:30] = 200
    return viewer.add_image(data, name="stack", scale=(2, 1, 1))


@pytest.fixture
def workflow(monkeypatch):
    """Stand in for the network: bright pixels are objects, four tiles per plane."""
    fake = SimpleNamespace(calls=[], seconds_per_tile=0.0, error=None, plan="")

    def segment(
        image,
        model,
        *,
        box=None,
        planes=None,
        tile=None,
        scale=None,
        averaging="none",
        device="auto",
    ):
        fake.calls.append((box, planes))
        box = box or (slice(0, image.shape[-2]), slice(0, image.shape[-1]))
        chosen = [None]
        if image.array.ndim == 4:
            chosen = list(range(image.shape[0])) if planes is None else list(planes)
        results = []
        for z in chosen:
            plane = image.array[0] if z is None else image.array[0, z]
            bright = (plane > 0).astype(np.float32)
            for done, columns in enumerate(_quarters(box[1]), start=1):
                time.sleep(fake.seconds_per_tile)
                if fake.error is not None:
                    raise fake.error
                yield SimpleNamespace(
                    done=done,
                    total=4,
                    plane=z,
                    box=(box[0], columns),
                    foreground=bright[box[0], columns],
                    probabilities=fake.classify(bright[box[0], columns]),
                    news="",
                    plan=fake.plan,
                )
            results.append(fake.classify(bright[box]))
        return SimpleNamespace(
            probabilities=results[0] if chosen == [None] else np.stack(results, axis=1),
            box=box,
            planes=None if chosen == [None] else tuple(chosen),
            disagreement=None
            if averaging == "none"
            else np.full_like(results[0][0], 0.25),
            volume=False,
            times=image.times if planes is None else 1,
            spacing=None,
            zoom=None,
            enlargement=1.0,
            drift="",
        )

    fake.classify = lambda bright: np.stack([1 - bright, bright])
    fake.segment = segment
    fake.load_model = lambda folder: SimpleNamespace(settings=ModelSettings())
    fake.describe_device = lambda choice: f"device {choice}"
    monkeypatch.setitem(sys.modules, "napari_unet.core.workflow", fake)
    monkeypatch.setattr(napari_unet.core, "workflow", fake, raising=False)
    return fake


def _quarters(columns):
    edges = np.linspace(columns.start, columns.stop, 5).astype(int).tolist()
    return [slice(*pair) for pair in pairwise(edges)]
