"""For how long a stopped training can go on, and with what it cannot."""

import pytest

from napari_unet.core.card import Card, Manifest, StoredFile
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.resumed import check_annotation, for_another, to_its_end

STEPS = TrainConfig(seconds=None, iterations=100, optimizer="sgd")
MINUTE = TrainConfig(seconds=60)
FILE = StoredFile(name="last", bytes=1, sha256="")


@pytest.mark.parametrize(
    ("card", "goes_on"),
    [
        (Card(training=STEPS, iterations=99), True),
        (Card(training=STEPS, iterations=100), False),
        (Card(training=MINUTE, seconds=30), True),
        (Card(training=MINUTE, seconds=59.5), False),  # as long as a validation takes
        (Card(training=MINUTE, seconds=50, ended=True), False),
        (Card(), False),
    ],
)
def test_only_a_training_before_its_end_goes_on_to_it(card, goes_on):
    assert to_its_end(card) == (card.training if goes_on else None)


def test_more_comes_on_top_of_what_was_taken_with_its_own_settings():
    card = Card(training=STEPS, iterations=40, seconds=12)
    assert for_another(card, MINUTE) == STEPS.replaced(iterations=None, seconds=72)
    more = TrainConfig(seconds=None, iterations=5)
    assert for_another(card, more) == STEPS.replaced(iterations=45)
    assert for_another(Card(), MINUTE) is None


def manifest(kind="objects", names=("background", "object"), last=FILE):
    settings = ModelSettings(
        annotation=kind,
        class_names=names,
        network=NetworkConfig(classes=len(names)),
    )
    return Manifest(settings=settings, card=Card(name="m"), weights=FILE, last=last)


def test_another_kind_of_annotation_is_refused():
    check_annotation(manifest(), "objects", ("background", "class 1"))
    with pytest.raises(InputError, match="'m' was learning objects, and classes are"):
        check_annotation(manifest(), "classes", ("background", "class 1"))


def test_other_classes_are_refused():
    of_classes = manifest("classes", ("background", "cell", "nucleus"))
    check_annotation(of_classes, "classes", ("background", "cell", "nucleus"))
    with pytest.raises(InputError, match="the classes background, cell, nucleus, and"):
        check_annotation(of_classes, "classes", ("background", "cell"))


def test_a_folder_without_a_state_is_refused():
    with pytest.raises(InputError, match="no state to go on from"):
        check_annotation(manifest(last=None), "objects", ())
