"""A long name keeps its end on the screen."""

from qtpy.QtWidgets import QComboBox

from napari_unet.widgets.elided_combo import ElidedCombo


def picture(kind, qtbot, text):
    combo = kind()
    qtbot.addWidget(combo)
    combo.addItem(text)
    combo.setFixedSize(150, 30)
    return combo.grab().toImage()


def test_names_that_differ_at_their_end_look_different(qtbot):
    one = picture(ElidedCombo, qtbot, "a rather long name of an image annotation")
    other = picture(ElidedCombo, qtbot, "a rather long name of an image prediction")
    assert one != other


def test_a_short_name_is_drawn_as_ever(qtbot):
    elided, plain = (
        picture(kind, qtbot, "nuclei") for kind in (ElidedCombo, QComboBox)
    )
    assert elided == plain
