"""The manifest: importable, in menus that napari shows, and true."""

import pytest

npe2 = pytest.importorskip("npe2")
pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

PLUGIN = "napari-unet-live"


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_distribution(PLUGIN)


def test_everything_it_names_can_be_imported(manifest):
    manifest.validate_imports()


def test_every_menu_is_one_that_napari_shows(manifest):
    from napari._app_model.constants import MenuId

    contributable = {menu.value for menu in MenuId.contributables()}
    assert set(manifest.contributions.menus) <= contributable
    assert {"napari/layers/segment", "napari/layers/annotate"} <= set(
        manifest.contributions.menus
    )


def test_every_command_is_used(manifest):
    contributions = manifest.contributions
    used = {widget.command for widget in contributions.widgets}
    used |= {reader.command for reader in contributions.readers}
    used |= {sample.command for sample in contributions.sample_data}
    assert used == {command.id for command in contributions.commands}


def test_every_section_has_a_dock_of_its_own(manifest):
    from napari_unet.widgets.dock import SECTIONS

    names = {widget.display_name for widget in manifest.contributions.widgets}
    assert names == {"U-Net", *SECTIONS}


def test_the_preferences_offer_the_devices_of_the_program(manifest):
    from typing import get_args

    from napari_unet.core.config import DeviceChoice

    compute = manifest.contributions.configurations["compute"]
    device = compute.properties["device"]
    assert tuple(device.enum) == get_args(DeviceChoice)
    assert device.default == "auto"
