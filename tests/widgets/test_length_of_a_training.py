"""How long a training was, was to be and can still be is said in one notation."""

import pytest

from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings, TrainConfig
from napari_unet.session import Session
from napari_unet.widgets.go_on import GoOnButton
from napari_unet.widgets.training_result import describe_result


def trained(asked, taken):
    """Return what a training for so many seconds has written."""
    config = TrainConfig(seconds=asked)
    card = Card(name="run", seconds=taken, iterations=12, training=config)
    stored = StoredFile(name="weights.safetensors", bytes=1, sha256="")
    return Manifest(settings=ModelSettings(), card=card, weights=stored, last=stored)


@pytest.mark.parametrize(
    ("asked", "taken", "said"),
    [
        (25, 21, "21 s of 25 s"),
        (150, 133, "2:13 min of 2:30 min"),
        (60, 60.2, "1:00 min"),
        (60, 59.8, "1:00 min"),
    ],
)
def test_what_was_taken_and_what_was_asked_for(asked, taken, said):
    told = describe_result(trained(asked, taken), stopped=False, in_use="run")
    assert told.startswith(f"Trained for {said} (12 iterations)")


def test_what_is_left_and_what_can_be_added(qtbot):
    session = Session()
    folder = session.models_folder / "run"
    folder.mkdir(parents=True)
    manifest = trained(150, 40)
    (folder / "settings.json").write_text(manifest.model_dump_json())
    session.train_config = session.train_config.replaced(seconds=90, iterations=None)
    button = GoOnButton(session)
    qtbot.addWidget(button)
    button.setFolder(folder)
    button._fill()
    offered = [action.text() for action in button._menu.actions()]
    assert offered == ["To its end: 1:50 min left", "For another 1:30 min"]
