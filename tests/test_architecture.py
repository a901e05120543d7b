"""Who imports what, on what Python really loads; how long files may be."""

import subprocess
import sys
from pathlib import Path

import pytest

import napari_unet

SOURCE = Path(napari_unet.__file__).parent
GUI = {"napari", "qtpy", "PyQt5", "PyQt6", "PySide6", "magicgui", "superqt", "vispy"}


def modules_loaded_by(module):
    code = f"import sys, {module}; print(*sys.modules)"
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    return {name.partition(".")[0] for name in out.split()}


@pytest.mark.parametrize(
    "module",
    [
        "napari_unet",
        "napari_unet.core.workflow",
        "napari_unet.formats.images",
        "napari_unet.jobs",
        "napari_unet.samples",
        "napari_unet.session",
        "napari_unet.cli",
    ],
)
def test_nothing_below_the_widgets_loads_a_gui(module):
    assert not modules_loaded_by(module) & GUI


@pytest.mark.parametrize(
    "module", ["napari_unet", "napari_unet.session", "napari_unet.widgets.dock"]
)
def test_opening_the_dock_does_not_load_torch(module):
    assert "torch" not in modules_loaded_by(module)


def test_the_command_line_answers_without_its_engine():
    """So that --help comes at once."""
    loaded = modules_loaded_by("napari_unet.cli.app, napari_unet.cli.showcase")
    heavy = {"torch", "scipy", "skimage", "tifffile", "numpy"}
    assert not loaded & heavy


def test_the_package_offers_its_verbs_without_loading_them():
    assert "torch" not in modules_loaded_by("napari_unet")
    for name in napari_unet.__all__:
        assert getattr(napari_unet, name) is not None
    assert set(napari_unet.__all__) <= set(dir(napari_unet))
    with pytest.raises(AttributeError, match="no attribute 'surprise'"):
        napari_unet.surprise  # noqa: B018


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name
)
def test_no_module_grows_beyond_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
