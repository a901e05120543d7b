"""Several layers, or the planes of a stack, as the channels of one image."""

import numpy as np
import pytest
from qtpy.QtCore import QModelIndex, Qt

from napari_unet.core.card import Card
from napari_unet.core.checkpoint import save_model
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.network.unet import build_network
from napari_unet.widgets.annotation_layers import examples_of
from napari_unet.widgets.channel_layers import channels_of
from napari_unet.widgets.channel_picker import ChannelPicker
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.image_model import ImageModelSection
from napari_unet.widgets.layers import add_labels, image_of


@pytest.fixture
def layers(viewer):
    def add(name, value, **options):
        return viewer.add_image(
            np.full((30, 40), value, np.uint8), name=name, **options
        )

    add("other size", 9).data = np.zeros((5, 5), np.uint8)
    return [add("dapi", 1), add("gfp", 2), add("brightfield", 3)]


@pytest.fixture
def section(qtbot, session, viewer, layers):
    choose_image(viewer, layers[0])
    section = ImageModelSection(session, viewer)
    qtbot.addWidget(section)
    section.show()
    return section


def items(section):
    picked = section._channels._list
    return {picked.item(row).text(): picked.item(row) for row in range(picked.count())}


def tick(section, name, on=True):
    state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
    items(section)[name].setCheckState(state)


def values(layer):
    return image_of(layer).array[:, 0, 0].tolist()


def test_an_image_is_its_own_channel(section, layers):
    assert list(items(section)) == ["dapi", "gfp", "brightfield"]
    assert values(layers[0]) == [1]
    assert image_of(layers[0]).channel_names == ()


def test_ticked_layers_are_channels_of_the_chosen_image_only(section, layers):
    tick(section, "brightfield")
    assert values(layers[0]) == [1, 3]
    assert image_of(layers[0]).channel_names == ("dapi", "brightfield")
    assert "channels: dapi, brightfield" in section._image_line.text()
    assert values(layers[1]) == [2]


def test_the_order_is_that_of_the_list(section, layers):
    tick(section, "gfp")
    tick(section, "brightfield")
    model = section._channels._list.model()
    assert model.moveRow(QModelIndex(), 0, QModelIndex(), 3)
    assert values(layers[0]) == [2, 3, 1]


def test_without_any_tick_it_is_its_own_channel_again(section, layers):
    tick(section, "dapi", on=False)
    assert values(layers[0]) == [1]
    assert items(section)["dapi"].checkState() == Qt.CheckState.Checked


def test_a_removed_layer_is_no_channel_any_more(section, viewer, layers):
    tick(section, "gfp")
    tick(section, "brightfield")
    viewer.layers.remove("gfp")
    assert values(layers[0]) == [1, 3]
    assert list(items(section)) == ["dapi", "brightfield"]


def test_colour_beside_grey_has_four_channels(section, viewer, layers):
    viewer.add_image(np.zeros((30, 40, 3), np.uint8), rgb=True, name="stain")
    choose_image(viewer, layers[0])
    tick(section, "stain")
    names = image_of(layers[0]).channel_names
    assert names == ("dapi", "stain red", "stain green", "stain blue")


def test_the_first_axis_is_split_into_channels(section, viewer):
    stack = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)
    viewer.add_image(stack, name="z", scale=(2, 0.5, 0.5), units=("um",) * 3)
    assert not section._channels._split.isHidden()
    section._channels._split.click()
    image = chosen_layers(viewer).image
    assert image.name == "z [0]"
    assert [layer.name for layer in channels_of(image)] == [
        f"z [{i}]" for i in range(5)
    ]
    np.testing.assert_array_equal(image_of(image).array, stack)
    assert image_of(image).pixel_size_um == (0.5, 0.5)
    assert not viewer.layers["z"].visible
    assert section._channels._split.isHidden()


def test_annotated_images_are_learned_with_their_channels(
    section, session, viewer, layers
):
    tick(section, "gfp")
    annotation = add_labels(viewer, layers[0], "annotation")
    annotation.data[5:9, 5:9] = 1
    [example] = examples_of(viewer)
    assert example.image.channels == 2
    settings = session.settings_for([example])
    assert settings.network.in_channels == 2
    assert settings.channels == ("dapi", "gfp")


def save(folder, **settings):
    settings = ModelSettings(**settings)
    save_model(folder, settings, Card(), build_network(settings.network).state_dict())
    return folder


def test_what_a_model_needs_is_named(section, session, tmp_path):
    two = NetworkConfig(in_channels=2, base_channels=2, levels=1)
    session.model_folder = save(tmp_path / "a", network=two, channels=("x", "y"))
    line = section._model_line
    assert "Needs 2 channels (x, y); this image has 1." in line.text()
    tick(section, "gfp")
    assert "Needs" not in line.text()
    session.model_folder = save(tmp_path / "b", network=two, channels=(0, 2))
    assert "Needs 3 channels (0, 2); this image has 2." in line.text()
    tick(section, "brightfield")
    assert "Needs" not in line.text()


def test_a_model_of_volumes_says_so_beside_a_single_plane(section, session, tmp_path):
    volumes = NetworkConfig(dimensions=3, base_channels=2, levels=1, levels_z=1)
    session.model_folder = save(tmp_path / "a", network=volumes)
    assert "this image is a single plane" in section._model_line.text()


def test_a_colour_image_is_split_and_one_colour_is_read(qtbot, viewer):
    colours = np.zeros((6, 8, 3), np.uint8)
    colours[..., 1] = 7
    image = viewer.add_image(colours, name="he", rgb=True, scale=(0.5, 0.5))
    picker = ChannelPicker(viewer)
    qtbot.addWidget(picker)
    choose_image(viewer, image)
    assert not picker._split.isHidden()
    picker._split.click()
    chosen = chosen_layers(viewer).image
    assert [layer.name for layer in picker.value()] == [chosen.name] == ["he red"]
    green = viewer.layers["he green"]
    assert (green.data == 7).all()
    assert tuple(green.scale) == (0.5, 0.5)
    assert not image.visible
