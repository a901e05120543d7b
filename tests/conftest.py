"""What every test starts from: fixed seeds, a screen, no trace of the user's own."""

import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Before anything imports Qt, napari or torch. pytest-xvfb starts a display of its own
# where it can; without one, widgets work off the screen, pictures of them do not.
if sys.platform == "linux" and not (
    os.environ.get("DISPLAY")
    or os.environ.get("WAYLAND_DISPLAY")
    or shutil.which("Xvfb")
):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_HOME = tempfile.TemporaryDirectory(prefix="napari-unet-tests-")
os.environ["NAPARI_CONFIG"] = str(Path(_HOME.name) / "settings.yaml")
# The first example of a test may have to import half of napari.
settings.register_profile("napari-unet", deadline=None, derandomize=True)
settings.load_profile("napari-unet")


def pytest_configure(config):
    config.addinivalue_line("markers", "gl: draws, so it needs a display and OpenGL")


def pytest_collection_modifyitems(items):
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        for item in items:
            if item.get_closest_marker("gl"):
                item.add_marker(pytest.mark.skip(reason="no display to draw on"))


def pytest_unconfigure(config):
    _HOME.cleanup()


@pytest.fixture(autouse=True)
def seeded():
    """Let random numbers be the same in every run and in every order of tests."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that use the old state
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def models_folder(tmp_path, monkeypatch):
    """Keep the models of a test out of the user's folder."""
    monkeypatch.setenv("NAPARI_UNET_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture(scope="session")
def nuclei_folder(tmp_path_factory):
    """Train a model of synthetic nuclei for some seconds; return its folder."""
    from napari_unet import (
        Example,
        Image,
        ModelSettings,
        NetworkConfig,
        TrainConfig,
        fine_tune,
        run,
    )
    from napari_unet.samples import fluorescence_nuclei

    samples = [fluorescence_nuclei((192, 192), seed=seed) for seed in (1, 2, 3)]
    examples = [
        Example(
            Image(np.asarray(sample.image)[None], None, f"nuclei{number}"),
            sample.labels.astype(np.int32),
        )
        for number, sample in enumerate(samples)
    ]
    config = TrainConfig(
        seconds=None, iterations=110, patch_size=96, batch_size=4, validations=1
    )
    settings = ModelSettings(network=NetworkConfig(base_channels=6, levels=3))
    folder = tmp_path_factory.mktemp("models") / "nuclei"
    run(
        fine_tune(
            examples,
            folder,
            config=config,
            settings=settings,
            device="cpu",
            precision="float32",
        )
    )
    return folder


@pytest.fixture
def starters_folder(tmp_path, monkeypatch):
    """Let the program come with the models of this folder, which has none yet."""
    folder = tmp_path / "starters"
    monkeypatch.setattr("napari_unet.core.model_folders.STARTERS_FOLDER", folder)
    return folder


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command in this process; return exit code, output and error text."""
    from napari_unet.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["napari-unet", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


@pytest.fixture
def done(call):
    """Run a command that must go well; return the JSON of its last line."""

    def run(*arguments):
        code, out, err = call(*arguments, "--json")
        assert code == 0, err
        return json.loads(out.strip().splitlines()[-1])

    return run


@pytest.fixture
def refused(call):
    """Run a command that must end with code 2 and one sentence; return that."""

    def run(*arguments):
        code, _, err = call(*arguments)
        assert code == 2
        assert "Traceback" not in err
        return err.splitlines()[-1]

    return run


@pytest.fixture
def qtbot(qapp, request):
    """Wait longer than pytest-qt would: a busy machine is no fault of a test."""
    from pytestqt.qtbot import QtBot

    class PatientBot(QtBot):
        def waitUntil(self, callback, *, timeout=60_000):
            super().waitUntil(callback, timeout=timeout)

    return PatientBot(request)


@pytest.fixture
def person(qtbot, make_napari_viewer):
    """Show a viewer with the dock, and someone who uses it."""
    from person import Person

    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1200, 800)
    person = Person(qtbot, viewer)
    yield person
    person.leave()


@pytest.fixture(autouse=True)
def no_window_left():
    """Fail a test that leaves a window open."""
    before = _visible_windows()
    yield
    left = _visible_windows() - before
    assert not left, f"windows left open: {left}"


def _visible_windows():
    widgets = sys.modules.get("qtpy.QtWidgets")
    app = widgets and widgets.QApplication.instance()
    if not app:
        return set()
    app.processEvents()
    return {str(window) for window in app.topLevelWidgets() if window.isVisible()}
