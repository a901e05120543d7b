"""With no model chosen, a starter reads the channel in which it is surest."""

import numpy as np
import pytest
import tifffile
from discs import discs, learn_discs

from napari_unet.cli import prediction
from napari_unet.core.checkpoint import load_model, publish_model
from napari_unet.core.errors import InputError, ModelFolderError
from napari_unet.core.image import Image
from napari_unet.core.model_folders import find_model
from napari_unet.core.notes import ModelNotes
from napari_unet.core.workflow import choose_starter, make_labels, run, segment

NOTES = ModelNotes(
    purpose="Bright discs",
    made_for="Discs 14 px across.",
    data=("Discs of our own",),
    licence="CC0",
    held_out=(),
)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    return learn_discs(tmp_path_factory.mktemp("models") / "learned", 120)


@pytest.fixture
def starter(learned, starters_folder):
    """The only starter: it knows bright discs."""
    publish_model(learned, starters_folder / "nuclei", NOTES)
    return starters_folder / "nuclei"


def noise(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(500, 100, shape).astype(np.uint16)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_channel_with_objects_is_read_and_named(starter, place):
    grey, labels = discs(8, 8, 1)
    channels = [noise(grey.shape, seed) for seed in (1, 2)]
    channels.insert(place, grey)
    names = ("a", "b", "c")
    choice = choose_starter(Image(np.stack(channels), None, "x", names))
    assert choice.model.settings.channels == (place,)
    assert f"in the channel '{names[place]}'" in choice.why
    unnamed = choose_starter(Image(np.stack(channels), None, "x"))
    assert f"in channel {place} (the first is 0)" in unnamed.why
    image = Image(np.stack(channels), None, "x")
    found = run(segment(image, choice.model, scale=choice.zoom))
    assert make_labels(found, choice.model.settings).max() == labels.max()


def test_where_no_channel_holds_such_objects_the_user_is_asked(starter):
    both = np.stack([noise((192, 224), seed) for seed in (1, 2)])
    with pytest.raises(InputError, match=r"2-channel image.*--channels 0"):
        choose_starter(Image(both, None, "x"))


def test_a_black_channel_and_a_channel_of_noise_are_passed_over(starter):
    grey, _ = discs(8, 8, 1)
    three = np.stack([0 * grey, noise(grey.shape), grey])
    assert choose_starter(Image(three, None, "x")).model.settings.channels == (2,)


def test_a_channel_that_is_named_is_read(starter):
    grey, _ = discs(8, 8, 1)
    both = Image(np.stack([grey, noise(grey.shape)]), None, "x")
    assert choose_starter(both, channels=[1]).model.settings.channels == (1,)


def test_all_images_of_a_folder_are_read_in_the_same_channel(
    starter, tmp_path, monkeypatch, call
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two").mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        grey, _ = discs(8, 8, seed)
        tifffile.imwrite(
            tmp_path / "two" / f"{name}.tif",
            np.stack([noise(grey.shape), grey]),
            imagej=True,
            metadata={"axes": "CYX"},
        )
    code, out, said = call("segment", "two", "--out", "out")
    assert code == 0, said
    assert "'nuclei' is used for all images" in said
    assert "in channel 1 (the first is 0)" in said
    assert out.count("64 objects") == 2


def test_a_starter_goes_on_learning_in_the_channel_that_is_named(
    starter, tmp_path, done
):
    grey, labels = discs(8, 8, 1)
    for name, array in (("images", grey), ("labels", labels.astype(np.uint16))):
        (tmp_path / name).mkdir()
        stack = np.stack([noise(grey.shape), array]) if name == "images" else array
        axes = "CYX" if name == "images" else "YX"
        tifffile.imwrite(
            tmp_path / name / "a.tif", stack, imagej=True, metadata={"axes": axes}
        )
    folders = tmp_path / "images", tmp_path / "labels"
    options = ["--start-from", "nuclei", "--channels", 1]
    assert not done("check", *folders, *options)["errors"]
    done("train", *folders, "--model", tmp_path / "m", "--iterations", 1, *options)
    done("segment", folders[0], "--model", tmp_path / "m", "--out", tmp_path / "out")


def test_beside_grey_images_an_image_of_two_channels_is_read_as_it_is_alone(
    starter, tmp_path, monkeypatch, call
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixed").mkdir()
    grey, _ = discs(8, 8, 1)
    tifffile.imwrite(tmp_path / "mixed" / "a.tif", grey)
    both, axes = np.stack([noise(grey.shape), grey]), {"axes": "CYX"}
    tifffile.imwrite(tmp_path / "mixed" / "b.tif", both, imagej=True, metadata=axes)
    code, out, said = call("segment", "mixed", "--out", "out")
    assert code == 0, said
    assert "Images with 2 channels, as 'b', are read in channel 1" in said
    assert out.count("64 objects") == 2


def test_without_a_model_it_is_not_said_what_the_model_was_made_for(
    starter, tmp_path, call
):
    for channels, help_for in ((3, "Split into red, green and blue"), (9, "slices")):
        image = np.stack([noise((96, 96), seed) for seed in range(channels)])
        with pytest.raises(InputError) as refused:
            choose_starter(Image(image, None, "x"))
        assert "the model was made for" not in str(refused.value)
        assert help_for in str(refused.value)
        assert ("slices" in str(refused.value)) == (channels == 9)


def test_what_is_wrong_is_refused_before_any_image_is_looked_at(
    starter, tmp_path, call
):
    tifffile.imwrite(tmp_path / "a.tif", discs(8, 8, 1)[0])
    (tmp_path / "file").touch()
    segment_it = ["segment", tmp_path / "a.tif"]
    for wrong in (["--threshold", 2], ["--min-size", -3], ["--out", tmp_path / "file"]):
        out = [] if wrong[0] == "--out" else ["--out", tmp_path / "out"]
        code, _, said = call(*segment_it, *out, *wrong)
        assert code == 2
        assert "starter model" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Nuclei", "Did you mean 'nuclei'?"),
        ("cells_phase", "Did you mean 'cells-phase'?"),
        ("", "name of the model is empty"),
        ("no/where", "There is no folder 'no/where'"),
        ("bacteria", "There is no model 'bacteria'"),
    ],
)
def test_a_model_that_is_not_there_is_told_from_one_that_is_misspelt(name, said):
    with pytest.raises(ModelFolderError) as refused:
        find_model(name)
    assert said in str(refused.value).replace("\\", "/")
    assert ("Did you mean" in said) == ("Did you mean" in str(refused.value))


def test_a_starter_is_shown_in_a_line(starter):
    assert len(repr(load_model(starter))) < 300


def test_a_stop_says_how_many_images_are_done(starter, tmp_path, monkeypatch, call):
    (tmp_path / "two").mkdir()
    for name in "ab":
        tifffile.imwrite(tmp_path / "two" / f"{name}.tif", discs(8, 8, 1)[0])
    write_found = prediction.write_found

    def write_and_be_stopped(name, *found):
        if name == "b.tif":
            raise KeyboardInterrupt
        return write_found(name, *found)

    monkeypatch.setattr(prediction, "write_found", write_and_be_stopped)
    code, _, said = call("segment", tmp_path / "two", "--out", tmp_path / "out")
    assert code == 130
    assert "the results of 1 of 2 images" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.tif"]
