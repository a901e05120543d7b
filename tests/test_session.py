"""The session says who may start what, and passes on what jobs bring."""

from types import SimpleNamespace

import numpy as np
import pytest

import napari_unet.core
from napari_unet.core.annotation.target import Example
from napari_unet.core.config import ModelSettings, ObjectConfig, PredictionConfig
from napari_unet.core.errors import InputError, ModelFolderError
from napari_unet.core.image import Image
from napari_unet.core.prediction.segment import Segmentation
from napari_unet.core.presets import PRESETS
from napari_unet.jobs import Status
from napari_unet.segmented import Segmented, TileLabels
from napari_unet.session import Session


@pytest.fixture
def workflow(monkeypatch):
    """Stand in for the network: bright pixels are objects, one tile per half."""
    calls = SimpleNamespace(fine_tune=None, segment=None, folder=None)

    def segment(image, model, **options):
        calls.segment = options
        bright = (image.array[0] > 0).astype(np.float32)
        probabilities = np.stack([1 - bright, bright])
        half = bright.shape[1] // 2
        for done, columns in enumerate([slice(0, half), slice(half, None)], start=1):
            box = (slice(0, bright.shape[0]), columns)
            yield SimpleNamespace(
                done=done,
                total=2,
                plane=None,
                box=box,
                foreground=bright[box],
                probabilities=probabilities[:, *box],
                news="",
                plan="",
            )
        whole = (slice(0, bright.shape[0]), slice(0, bright.shape[1]))
        return Segmentation(probabilities, whole, None)

    def fine_tune(examples, folder, **options):
        calls.fine_tune = options
        calls.folder = folder
        folder.mkdir(parents=True)
        yield "step"
        (folder / "settings.json").write_text("{}")
        return "trained"

    fake = SimpleNamespace(
        segment=segment,
        fine_tune=fine_tune,
        load_model=lambda folder: SimpleNamespace(settings=ModelSettings()),
        describe_device=lambda choice: f"device {choice}",
    )
    monkeypatch.setitem(__import__("sys").modules, "napari_unet.core.workflow", fake)
    monkeypatch.setattr(napari_unet.core, "workflow", fake, raising=False)
    return calls


@pytest.fixture
def image():
    array = np.zeros((1, 20, 30), np.uint8)
    array[0, 2:8, 2:8] = array[0, 12:18, 20:28] = 1
    return Image(array, (0.5, 0.5), "dish 1/a")


def two_objects(image):
    labels = image.array[0].astype(np.uint16)
    labels[12:] *= 2
    return labels


def finish(session, job):
    progress = []
    job.progressed.connect(progress.append)
    job.run()
    outcome = job.outcome
    session.finish(job, outcome)
    return progress, outcome


def test_without_a_model_segmenting_says_what_to_do(image, starters_folder):
    with pytest.raises(InputError, match="fine-tune one, or open a model folder"):
        Session().segment(image)


def test_segmenting_shows_tiles_and_keeps_the_probabilities(tmp_path, workflow, image):
    session = Session(model_folder=tmp_path)
    heard = []
    session.events.segmentation.connect(heard.append)
    progress, outcome = finish(session, session.segment(image))
    assert outcome.status is Status.DONE
    assert [(tile.done, tile.total) for tile in progress] == [(1, 2), (2, 2)]
    assert all(isinstance(tile, TileLabels) for tile in progress)
    assert session.segmentation.labels.max() == 2
    assert heard == [session.segmentation]
    assert workflow.segment == {
        "box": None,
        "planes": None,
        "tile": None,
        "scale": "auto",
        "averaging": "none",
        "device": "auto",
    }


def test_tile_and_zoom_are_handed_on(tmp_path, workflow, image):
    session = Session(model_folder=tmp_path)
    session.prediction = PredictionConfig(tile=512, scale=2.0)
    finish(session, session.segment(image))
    assert workflow.segment["tile"] == 512
    assert workflow.segment["scale"] == 2.0


def test_a_chosen_pixel_size_goes_into_a_new_model(image):
    session, examples = Session(), [Example(image, np.ones(image.shape, np.uint8))]
    # By default that of the images, which the training fills in.
    assert session.settings_for(examples).pixel_size_um is None
    session.pixel_size_um, session.pixel_size_z_um = 0.4, 2.0
    settings = session.settings_for(examples)
    assert (settings.pixel_size_um, settings.pixel_size_z_um) == (0.4, None)
    session.network = session.network.replaced(dimensions=3)
    assert session.settings_for(examples).pixel_size_z_um == 2.0


def test_sliders_find_objects_again_in_the_cached_probabilities(
    tmp_path, workflow, image
):
    session = Session(model_folder=tmp_path)
    finish(session, session.segment(image))
    workflow.segment = None
    session.objects = ObjectConfig(min_size=40)
    found = session.find_objects(session.segmentation)
    assert np.unique(found.labels).tolist() == [0, 1]
    assert found.probabilities is session.segmentation.probabilities
    assert workflow.segment is None


def test_only_one_job_at_a_time(tmp_path, workflow, image):
    session = Session(model_folder=tmp_path)
    job = session.segment(image)
    with pytest.raises(InputError, match="'Segment' is still running"):
        session.segment(image)
    finish(session, job)
    assert not session.is_busy
    session.segment(image)


def test_a_cancelled_segmentation_changes_nothing(tmp_path, workflow, image):
    session = Session(model_folder=tmp_path)
    job = session.segment(image)
    job.cancel()
    finish(session, job)
    assert session.segmentation is None


def test_fine_tuning_needs_an_annotation():
    with pytest.raises(InputError, match="Nothing is annotated"):
        Session().fine_tune([])


def test_fine_tuning_makes_a_new_model_and_takes_it(workflow, image):
    session = Session()
    example = Example(image, two_objects(image))
    _, outcome = finish(session, session.fine_tune([example]))
    assert outcome.result == "trained"
    assert session.model_folder == workflow.folder
    assert session.model_folder.parent == session.models_folder
    assert "dish 1 a" in session.model_folder.name
    settings = workflow.fine_tune["settings"]
    assert settings.network.in_channels == 1
    assert settings.pixel_size_um is None  # the engine fills in that of the images
    assert workflow.fine_tune["config"] == session.train_config


def test_a_stopped_fine_tuning_leaves_its_model(workflow, image, monkeypatch):
    session = Session()
    example = Example(image, two_objects(image))
    job = session.fine_tune([example])
    job.progressed.connect(
        lambda _: (
            (workflow.folder / "settings.json").write_text("{}"),
            job.cancel(),
        )
    )
    finish(session, job)
    assert session.model_folder == workflow.folder


def test_new_model_folders_never_exist_yet():
    session = Session()
    first = session.new_model_folder("a/b: c")
    first.mkdir(parents=True)
    second = session.new_model_folder("a/b: c")
    assert first != second
    assert first.parent == second.parent == session.models_folder


@pytest.mark.parametrize("there", PRESETS)
def test_presets_stepped_through_give_their_own_ridges(there):
    session = Session()
    for back in PRESETS:
        for name in (there, back):
            session.choose_preset(name)
            assert session.train_config == PRESETS[name].training, (there, back)


def test_the_users_own_ridge_stays_where_a_preset_has_one_of_that_form():
    session = Session()

    def ridge():
        weights = session.train_config.weight_map
        return weights.form, weights.w0, weights.sigma

    def change(**changes):
        weights = session.train_config.weight_map.replaced(**changes)
        session.train_config = session.train_config.replaced(weight_map=weights)

    change(w0=20)
    session.choose_preset("mini")
    assert ridge() == ("2015", 20, 5)
    session.choose_preset("freiburg-2019")
    assert ridge() == ("2019", 50, 6)
    change(sigma=8)
    session.choose_preset("milesial")
    assert ridge() == ("2015", 0, 5)
    session.choose_preset("fast")
    assert ridge() == ("2015", 10, 5)
    change(form="2019", w0=50, sigma=5)
    session.choose_preset("mobile")
    assert ridge() == ("2019", 50, 5)


def test_a_preset_keeps_the_time_to_train():
    session = Session()
    session.train_config = session.train_config.replaced(seconds=90.0)
    session.choose_preset("paper-2015")
    assert session.train_config.seconds == 90
    assert session.train_config.optimizer == "sgd"
    assert session.network.base_channels == 64


def test_a_foreign_folder_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(ModelFolderError, match="is not a model folder"):
        Session().read_model(tmp_path)


def test_the_weight_map_takes_the_settings_of_the_session():
    annotation = np.zeros((30, 30), np.uint16)
    annotation[5:25, 3:13] = 1
    annotation[5:25, 16:26] = 2
    session = Session()
    high = session.live_weight_map().update(annotation)
    session.train_config = session.train_config.replaced(
        weight_map=session.train_config.weight_map.replaced(w0=0)
    )
    low = session.live_weight_map().update(annotation)
    assert high[15, 14] > low[15, 14] + 5


def test_the_device_is_described_for_the_choice(workflow):
    assert Session(device="cpu").describe_device() == "device cpu"


def test_stacks_are_labelled_plane_by_plane():
    probabilities = np.zeros((2, 3, 8, 8), np.float32)
    probabilities[1, 0, :3, :3] = probabilities[1, 2, 4:, 4:] = 1
    probabilities[0] = 1 - probabilities[1]
    box = (slice(0, 8), slice(0, 8))
    segmented = Segmented(probabilities, np.zeros((3, 8, 8)), box, (0, 1, 2))
    labels = segmented.relabelled(ObjectConfig(min_size=0)).labels
    assert labels.shape == (3, 8, 8)
    assert labels.max(axis=(1, 2)).tolist() == [1, 0, 1]


def test_foreground_is_everything_but_background():
    probabilities = np.array([[[0.25]], [[0.5]], [[0.25]]], np.float32)
    box = (slice(0, 1), slice(0, 1))
    segmented = Segmented(probabilities, np.ones((1, 1)), box, None)
    assert segmented.foreground[0, 0] == 0.75
