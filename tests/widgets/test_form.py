"""A form shows what the settings declare, and changes only what the user changes."""

import pytest
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox
from superqt import QLabeledDoubleSlider

from napari_unet.core.config import (
    NetworkConfig,
    ObjectConfig,
    SamplingConfig,
    TrainConfig,
    WeightMapConfig,
)
from napari_unet.widgets.form import Form


@pytest.fixture
def make_form(qtbot):
    def make(*args, **options):
        form = Form(*args, **options)
        qtbot.addWidget(form)
        return form

    return make


def test_each_kind_of_setting_gets_its_control(make_form):
    form = make_form(NetworkConfig())
    assert isinstance(form.control("levels"), QSpinBox)
    assert isinstance(form.control("padding"), QComboBox)
    assert isinstance(form.control("dropout"), QDoubleSpinBox)
    assert isinstance(make_form(ObjectConfig()).control("fill_holes"), QCheckBox)


def test_limits_units_and_help_come_from_the_declaration(make_form):
    form = make_form(TrainConfig(), ["patch_size", "learning_rate"])
    patch = form.control("patch_size")
    assert (patch.minimum(), patch.maximum()) == (4, 4096)
    assert patch.suffix() == " px"
    assert patch.toolTip() == "Edge of a training patch"
    assert patch.accessibleName() == "Patch size"
    assert form.control("learning_rate").minimum() > 0


@pytest.mark.parametrize(
    ("config", "name", "changes"),
    [
        (TrainConfig(), "dice_share", {"loss": "cross-entropy + dice"}),
        (NetworkConfig(), "levels_z", {"dimensions": 3}),
        (NetworkConfig(), "deep_supervision", {"architecture": "unet++"}),
        (WeightMapConfig(), "class_weights", {"class_balance": "weights"}),
        (WeightMapConfig(), "background_sigma", {"form": "2019"}),
        (SamplingConfig(), "background", {"rule": "density"}),
        (SamplingConfig(rule="density"), "objects", {"rule": "share"}),
    ],
)
def test_only_what_has_an_effect_can_be_edited(make_form, config, name, changes):
    form = make_form(config, list(dict.fromkeys([name, *changes])))
    assert not form.control(name).isEnabled()
    for other, value in changes.items():
        control = form.control(other)
        if isinstance(control, QComboBox):
            control.setCurrentText(value)
        else:
            control.setValue(value)
    assert form.control(name).isEnabled()


def test_an_edit_changes_one_setting_and_keeps_the_rest(qtbot, make_form):
    form = make_form(WeightMapConfig(w0=7), ["sigma"])
    with qtbot.waitSignal(form.valueChanged) as changed:
        form.control("sigma").setValue(3.5)
    assert changed.args == [WeightMapConfig(w0=7, sigma=3.5)]
    assert form.value() == WeightMapConfig(w0=7, sigma=3.5)


@pytest.mark.parametrize(
    ("name", "edit", "expected"),
    [
        ("fill_holes", lambda c: c.setChecked(False), False),
        ("min_size", lambda c: c.setValue(99), 99),
        ("threshold", lambda c: c.setValue(0.25), 0.25),
    ],
)
def test_every_control_reports_its_edit(make_form, name, edit, expected):
    form = make_form(ObjectConfig(), sliders={"threshold": (0.02, 0.98)})
    edit(form.control(name))
    assert getattr(form.value(), name) == expected


def test_showing_is_not_changing(qtbot, make_form):
    form = make_form(ObjectConfig())
    with qtbot.assertNotEmitted(form.valueChanged):
        form.setValue(ObjectConfig(threshold=0.8, fill_holes=False))
    assert not form.control("fill_holes").isChecked()


def test_a_slider_widens_for_a_rare_value(make_form):
    form = make_form(WeightMapConfig(), ["sigma"], sliders={"sigma": (1, 20)})
    assert isinstance(form.control("sigma"), QLabeledDoubleSlider)
    form.setValue(WeightMapConfig(sigma=55))
    assert form.control("sigma").value() == 55
    assert form.value().sigma == 55


def test_a_setting_that_is_not_given_cannot_be_edited(make_form):
    form = make_form(TrainConfig(), ["iterations", "seconds"])
    assert not form.control("iterations").isEnabled()
    assert form.control("seconds").isEnabled()
    form.setValue(TrainConfig(iterations=5, seconds=None))
    assert form.control("iterations").value() == 5
    assert not form.control("seconds").isEnabled()


def test_a_combination_that_is_refused_is_not_taken(make_form):
    form = make_form(TrainConfig(), ["iterations"])
    form.control("iterations").setValue(7)  # besides `seconds`: one must be None
    assert form.value() == TrainConfig()


def test_every_setting_of_the_program_can_be_shown(make_form):
    for config in (NetworkConfig(), TrainConfig(), ObjectConfig(), WeightMapConfig()):
        assert make_form(config).value() == config
