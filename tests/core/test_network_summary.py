"""A network is named after the preset it is, or is closest to."""

import pytest

from napari_unet.core.card import Card, Manifest, StoredFile, describe
from napari_unet.core.config import ModelSettings, NetworkConfig
from napari_unet.core.network_summary import describe_parts, summarise_network
from napari_unet.core.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_the_network_of_a_preset_has_its_name(name):
    network = PRESETS[name].network.replaced(in_channels=3)
    summary = summarise_network(network, name)
    assert (summary.preset, summary.changes) == (name, ())
    assert str(summary) == f"preset '{name}'"
    assert summary.short == name


def test_what_differs_is_named():
    network = PRESETS["keras-2016"].network.replaced(levels=3, base_channels=8)
    summary = summarise_network(network, "fast")
    assert str(summary) == (
        "preset 'keras-2016', but base channels 8 instead of 64, levels 3 instead of 4"
    )
    assert summary.short == "keras-2016, 2 changes"


def test_a_card_shows_preset_normalisation_and_skip_connections():
    network = NetworkConfig(levels=2, norm="none", skip="add")
    card = describe(
        Manifest(
            settings=ModelSettings(network=network),
            card=Card(preset="fast"),
            weights=StoredFile(name="w", bytes=1, sha256="0"),
        )
    )
    assert "preset 'fast', but levels 2 instead of 4, skip add instead" in card
    assert "no normalisation layers, skip connections 'add'" in card
    assert "Grey values brought to a common range by: percentile" in card
    assert "no skip connections" in describe_parts(network.replaced(skip="none"))
