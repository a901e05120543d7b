"""A person teaches the dock to predict one image from another, in a real viewer."""

import shlex

import numpy as np
import pytest
from qtpy.QtWidgets import QTableWidget

from napari_unet.core.card import read_manifest
from napari_unet.core.evaluation.value_scores import compare_images
from napari_unet.formats.images import read_image
from napari_unet.formats.tiff import write_grey

pytestmark = pytest.mark.gl


def waves(noise):
    """Return a smooth image with noise, and the same without, ten times as bright."""
    y, x = np.mgrid[:96, :120]
    clean = 200 + 100 * np.sin(y / 6) * np.cos(x / 8)
    noisy = clean + np.random.default_rng(0).normal(0, noise, clean.shape)
    return noisy.astype(np.float32), (10 * clean).astype(np.float32)


def open_pair(person, noise=30):
    geometry = {"scale": (0.5, 0.5), "units": ("um", "um")}
    noisy, clean = waves(noise)
    person.viewer.add_image(clean, name="clean", **geometry)
    person.viewer.add_image(noisy, name="noisy", **geometry)
    return noisy, clean


def choose_target(person, name="clean"):
    person.choose("another image", "Learn", "Annotate")
    person.choose(name, "Target", "Annotate")


def test_choose_a_target_train_predict_compare_and_repeat(person, tmp_path, call):
    noisy, clean = open_pair(person)
    assert person.dock.section("Annotate")._target.isHidden()
    choose_target(person)
    person.wait_for("learns to predict <b>clean</b> from <b>noisy</b>", "Annotate")
    person.wait_for("all of the image is learned from", "Annotate")
    for control in ("_layer", "_new", "_points", "_elsewhere"):
        assert not getattr(person.dock.section("Annotate"), control).isVisible()

    section = person.dock.section("Fine-tune")
    person.open("Fine-tune")
    assert section._form._preset.currentData() == "denoise"
    assert section._examples.horizontalHeaderItem(1).text() == "Target"
    person.wait(lambda: section._examples.item(0, 1).text() == "clean")
    person.make_it_quick(60)
    person.press("Preview patches", "Fine-tune")
    person.wait(lambda: "noisy patch targets" in person.viewer.layers)
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    assert not person.problems()
    assert "PSNR" in person.reads("Fine-tune")
    psnr = section._curves._scores["PSNR (dB)"][1]
    assert psnr[-1] > 20
    assert [label.text for _, label in section._curves._legend.items] == ["PSNR (dB)"]
    # Normalised, not grey values; early in a training it overshoots.
    assert person.layer("noisy image preview").data.max() < clean.max() / 4
    person.wait_for("Trained on pairs of images", "Image and model")
    person.wait_for("PSNR", "Image and model")

    person.press("Predict", "Segment")
    person.wait_for_the_job()
    predicted = person.layer("noisy predicted image")
    assert not person.layer("noisy image preview").visible
    expected = compare_images(predicted.data[None], clean[None])
    assert expected.mse < compare_images(10 * noisy[None], clean[None]).mse / 2

    person.choose("Grey values", "What is compared", "Evaluate")
    person.press("Compare", "Evaluate")
    person.wait(lambda: "clean signed error" in person.viewer.layers)
    table = person.find(QTableWidget, "Scores of the grey values", "Evaluate")
    rows = dict(line.split("\t") for line in table.as_text(range(5)).split("\n"))
    assert rows["PSNR (dB)"] == f"{expected.psnr:.2f}"
    assert rows["SSIM"] == f"{expected.ssim:.4f}"
    error = person.layer("clean signed error")
    np.testing.assert_allclose(error.data, predicted.data - clean, atol=1e-3)
    low, high = error.contrast_limits
    assert low == -high

    repeat(person.session.model_folder, tmp_path, call, noisy, clean)


def repeat(folder, tmp_path, call, noisy, clean):
    """The command in the model folder learns the same from files."""
    command = read_manifest(folder).card.command
    assert "train IMAGES TARGETS" in command
    assert "--annotation values" in command
    places = {"NEW_MODEL": tmp_path / "repeated"}
    for name, array in (("IMAGES", noisy), ("TARGETS", clean)):
        places[name] = tmp_path / name
        places[name].mkdir()
        write_grey(places[name] / "noisy.tif", array, (0.5, 0.5))
        assert read_image(places[name] / "noisy.tif").channels == 1
    words = shlex.split(command)[1:]
    code, _, err = call(*(places.get(word, word) for word in words))
    assert code == 0, err
    first, second = (read_manifest(m) for m in (folder, tmp_path / "repeated"))
    assert second.settings == first.settings
    assert second.card.training == first.card.training
    assert second.card.scores["psnr"] == pytest.approx(
        first.card.scores["psnr"], abs=0.5
    )


def test_an_image_is_its_own_target_and_regions_are_learned(person):
    open_pair(person)
    choose_target(person, "noisy")
    assert "auto-encoder" in person.reads("Annotate")
    person.draw_region((slice(4, 90), slice(4, 70)), "Training region")
    person.wait_for("Only the regions are learned from", "Annotate")
    person.make_it_quick(4)
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    assert not person.problems()
    card = read_manifest(person.session.model_folder).card
    regions = person.session.model_folder / "regions"
    assert f'--regions "{regions}"' in card.command
    assert (regions / "noisy.geojson").is_file()
    assert read_manifest(person.session.model_folder).settings.annotation == "values"

    person.choose("The model in use", "Start from", "Fine-tune")
    person.press("Start training", "Fine-tune")
    person.wait_for_the_job()
    assert not person.problems()
    assert " → " in person.reads("Fine-tune")
    second = read_manifest(person.session.model_folder).card
    assert second.started_from == card.name
    assert "--start-from" in second.command


def test_what_does_not_go_together_is_said(person):
    open_pair(person)
    person.viewer.add_image(np.zeros((50, 60)), name="small")
    person.choose("noisy", "Image", "Image and model")
    person.choose("another image", "Learn", "Annotate")
    person.press("Start training", "Fine-tune")
    assert "no ticked image with a target" in person.problems()[-1]
    person.choose("small", "Target", "Annotate")
    assert "'small' has 60 × 50 px, 'noisy' 120 × 96 px" in person.problems()[-1]
    target = person.dock.section("Annotate")._target._target
    assert target.value() is None
    person.choose("Grey values", "What is compared", "Evaluate")
    person.choose("small", "Predicted image", "Evaluate")
    person.choose("clean", "True image", "Evaluate")
    person.press("Compare", "Evaluate")
    person.wait(lambda: "they must be of the same image" in person.problems()[-1])


def test_presets_and_what_is_learned_follow_each_other(person):
    open_pair(person)
    person.choose("denoise", "Preset", "Fine-tune")
    assert person.session.annotation == "values"
    learn = person.dock.section("Annotate")._classes._kind
    assert learn.currentText() == "another image"
    person.choose("mini", "Preset", "Fine-tune")
    assert person.session.annotation == "objects"
    assert person.session.train_config.loss == "cross-entropy"
    assert person.dock.section("Annotate")._target.isHidden()
