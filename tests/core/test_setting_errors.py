"""What is wrong with a setting is said in our words, for every setting there is."""

import pytest
from pydantic import ValidationError

from napari_unet.core.card import Manifest
from napari_unet.core.config import (
    ModelSettings,
    NetworkConfig,
    ObjectConfig,
    TrainConfig,
)
from napari_unet.core.presets import PRESETS
from napari_unet.core.setting_errors import describe_limits, explain_setting, suggest

LIBRARY = ("Input", "Extra inputs", "validation", "pydantic", "type=")


def explained(settings, **values):
    with pytest.raises(ValidationError) as caught:
        settings.model_validate(values)
    return explain_setting(caught.value, settings)


@pytest.mark.parametrize(
    ("settings", "values", "name", "said"),
    [
        (NetworkConfig, {"levels": 9}, "levels", "a whole number from 0 to 6"),
        (NetworkConfig, {"levels": 2.5}, "levels", "a whole number from 0 to 6"),
        (ObjectConfig, {"threshold": 1}, "threshold", "a number above 0 and below 1"),
        (ObjectConfig, {"min_size": -1}, "min_size", "a whole number not below 0"),
        (ObjectConfig, {"fill_holes": "perhaps"}, "fill_holes", "true or false"),
        (
            TrainConfig,
            {"momentum": "x"},
            "momentum",
            "a number not below 0 and below 1",
        ),
        (TrainConfig, {"learning_rate": float("nan")}, "learning_rate", "above 0"),
        (TrainConfig, {"seconds": 0}, "seconds", "a number above 0"),
        (TrainConfig, {"weight_map": {"sigma": 0}}, "weight_map.sigma", "above 0"),
        (TrainConfig, {"weight_map": 3}, "weight_map", "several settings"),
        (TrainConfig, {"optimizer": "adam"}, "optimizer", "the closest is 'adamw'"),
        (TrainConfig, {"batchsize": 3}, "batchsize", "the closest is 'batch_size'"),
        (
            TrainConfig,
            {"weight_map": {"form": 5}},
            "weight_map.form",
            "'2015' or '2019'",
        ),
        (
            TrainConfig,
            {"augmentation": {"flipp": 1}},
            "augmentation.flipp",
            "the closest is 'flip'",
        ),
        (TrainConfig, {"iterations": 3}, "", "give either `iterations` or `seconds`"),
        (ModelSettings, {"class_names": 3}, "class_names", "several values"),
        (ModelSettings, {"network": {"levels": -1}}, "network.levels", "from 0 to 6"),
        (Manifest, {}, "settings", "it is missing"),
    ],
)
def test_the_setting_and_its_limits_are_named(settings, values, name, said):
    found, sentence = explained(settings, **values)
    assert found == name
    assert said in sentence
    assert not any(word in sentence for word in LIBRARY)


@pytest.mark.parametrize("settings", [NetworkConfig, TrainConfig, ObjectConfig])
def test_every_setting_has_limits_that_can_be_said(settings):
    for name in settings.model_fields:
        said = describe_limits(settings.model_fields[name])
        assert said
        found, sentence = explained(settings, **{name: object()})
        if found:  # a list of values has a check of its own
            assert not any(word in sentence for word in LIBRARY), (name, sentence)


def test_without_a_close_name_all_are_listed():
    assert suggest("zzz", ["levels", "skip"]) == "; there are levels, skip"
    assert (
        suggest("w0", ["weight_map.w0", "levels"]) == "; the closest is 'weight_map.w0'"
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_the_learning_rates_of_presets_are_not_doubted(preset):
    training = PRESETS[preset].training
    assert training.doubt == ""
    large = training.replaced(learning_rate=20)
    assert "very large" in large.doubt
    assert "very small" in training.replaced(learning_rate=1e-9).doubt
