"""What the README shows works as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import copy_weights, save_model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.network.unet import build_network
from napari_unet.formats.tiff import write_labels
from napari_unet.samples import fluorescence_nuclei

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate("abcd"):
        sample = fluorescence_nuclei((96, 96), seed=number)
        for kind, array in (("images", sample.image), ("labels", sample.labels)):
            (tmp_path / kind).mkdir(exist_ok=True)
            write_labels(tmp_path / kind / f"{name}.tif", array, sample.pixel_size_um)
    return tmp_path


@pytest.fixture
def starter(starters_folder):
    network = NetworkConfig(base_channels=2, levels=2)
    weights = copy_weights(build_network(network))
    settings = ModelSettings(network=network)
    save_model(starters_folder / "nuclei", settings, Card(name="nuclei"), weights)


def examples():
    return re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_python_example_with_a_starter_model_runs(folders, starter):
    scope = {}
    exec(compile(examples()[0], str(README), "exec"), scope)  # our own text
    assert scope["labels"].shape == (96, 96)
    assert scope["nu"].choose_starter(scope["image"]).model.card.name == "nuclei"


def test_the_python_example_runs(folders):
    code = examples()[1]
    short = code.replace("seconds=60", "seconds=2, patch_size=64, batch_size=2")
    assert short != code
    scope = {}
    exec(compile(short, str(README), "exec"), scope)  # our own text
    assert (folders / "my_model" / "settings.json").exists()
    assert (folders / "d_labels.tif").exists()
    assert scope["labels"].shape == (96, 96)
    assert np.issubdtype(scope["labels"].dtype, np.unsignedinteger)


def test_every_command_it_names_exists():
    from typer.main import get_command

    from napari_unet.cli import (  # noqa: F401
        annotation,
        check,
        detection,
        exporting,
        importing,
        prediction,
        showcase,
        tools,
        training,
    )
    from napari_unet.cli.app import app

    known = set(get_command(app).commands)
    named = set(re.findall(r"^napari-unet ([\w-]+)", README.read_text("utf-8"), re.M))
    assert named
    assert named <= known


def test_every_picture_it_shows_exists():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text("utf-8"))
    assert pictures
    assert [p for p in pictures if not (README.parent / p).exists()] == []
