"""What the user chose is there at the next start; a spoilt memory does no harm."""

import pytest

from napari_unet.choices import forget_choices, remember_choices
from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings
from napari_unet.core.presets import PRESETS
from napari_unet.session import Session


@pytest.fixture
def home(models_folder):
    return models_folder.parent


def begin():
    """A session as the dock begins it."""
    session = Session()
    remember_choices(session)
    return session


def save_model(folder):
    """Write what a model folder says about itself; nobody loads the weights here."""
    folder.mkdir(parents=True)
    manifest = Manifest(
        settings=ModelSettings(),
        card=Card(name=folder.name),
        weights=StoredFile(name="weights.safetensors", bytes=1, sha256=""),
    )
    (folder / "settings.json").write_text(manifest.model_dump_json())
    return folder


def test_choices_are_there_again(home, models_folder):
    mine, other = (save_model(models_folder / name) for name in ("mine", "other"))
    first = begin()
    first.choose_preset("paper-2015")
    first.train_config = first.train_config.replaced(seconds=None, iterations=700)
    first.averaging = "4 flips"
    first.prediction = first.prediction.replaced(tile=512, scale=2.0)
    first.model_folder = mine
    first.start_is_chosen, first.start_from = True, other

    again = begin()
    assert again.model_folder == mine
    assert (again.start_is_chosen, again.start_from) == (True, other)
    assert again.preset == "paper-2015"
    assert again.network == PRESETS["paper-2015"].network
    assert (again.train_config.iterations, again.train_config.seconds) == (700, None)
    assert again.averaging == "4 flips"
    assert again.prediction.tile == 512
    assert again.prediction.scale == 0  # the zoom belongs to the images
    assert [path.name for path in home.iterdir() if path.is_file()] == ["choices.json"]


def test_there_is_a_way_back(models_folder):
    session = begin()
    session.choose_preset("paper-2015")
    session.model_folder = save_model(models_folder / "mine")
    session.averaging = "8"
    session.train_config = session.train_config.replaced(patch_size=64, seconds=5.0)
    forget_choices(session)
    for each in (session, begin()):
        assert each.model_folder is None
        assert each.preset == "fast"
        assert each.train_config == PRESETS["fast"].training
        assert each.averaging == "none"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[1]",
        b'{"preset": ["x"], "seconds": -3, "iterations": null, "averaging": {},'
        b' "tile": "much", "model": 7, "start_is_chosen": true, "start_from": "/gone"}',
    ],
)
def test_a_damaged_memory_leaves_the_defaults(home, content):
    home.mkdir(parents=True)
    (home / "choices.json").write_bytes(content)
    session = begin()
    assert session.train_config == PRESETS["fast"].training
    assert session.averaging == "none"
    assert session.model_folder is None
    assert not session.start_is_chosen


def test_a_model_that_is_gone_is_not_chosen(models_folder):
    begin().model_folder = models_folder / "never"
    assert begin().model_folder is None
