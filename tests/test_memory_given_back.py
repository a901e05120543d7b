"""When a job ends, however it ends, nothing of it stays in the device's memory."""

import gc
import warnings
import weakref

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.checkpoint import load_model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.network.unet import Network
from napari_unet.core.training.state import Training
from napari_unet.core.workflow import fine_tune, run, segment
from napari_unet.jobs import Job, Status
from napari_unet.session import Session

SETTINGS = ModelSettings(network=NetworkConfig(base_channels=2, levels=1))
QUICK = TrainConfig(
    seconds=None, iterations=3, patch_size=32, batch_size=2, validations=1
)
EXACT = {"device": "cpu", "precision": "float32"}


def example():
    labels = np.zeros((64, 96), np.uint8)
    labels[10:30, 10:30], labels[40:60, 50:80] = 1, 2
    noise = np.random.default_rng(0).normal(100, 10, labels.shape)
    return Example(Image((noise + 60 * (labels > 0))[None].astype(np.float32)), labels)


def live_tensors():
    """Return how many tensors live, and in how many numbers."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of modules that are looked at
        tensors = [o for o in gc.get_objects() if isinstance(o, torch.Tensor)]
    return len(tensors), sum(t.numel() for t in tensors)


@pytest.fixture
def watched(monkeypatch):
    """Return weak references to all networks and trainings that are made."""
    seen = []
    for kind in (Network, Training):
        real = kind.__init__

        def note(self, *args, _real=real, **options):
            _real(self, *args, **options)
            seen.append(weakref.ref(getattr(self, "optimizer", self)))

        monkeypatch.setattr(kind, "__init__", note)
    return seen


def training(folder, **options):
    return fine_tune(
        [example()], folder, config=QUICK, settings=SETTINGS, **EXACT, **options
    )


@pytest.fixture
def model_folder(tmp_path):
    run(training(tmp_path / "model"))
    return tmp_path / "model"


def is_all_gone(watched):
    gc.collect()
    return bool(watched) and not any(reference() is not None for reference in watched)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_a_training_that_is_stopped_leaves_nothing(tmp_path, watched, steps):
    run(training(tmp_path / "warm"))
    watched.clear()
    before = live_tensors()
    running = training(tmp_path / "m")
    for _ in range(steps):
        next(running)
    running.close()
    del running
    assert is_all_gone(watched) or steps == 1
    # What tests before this one have left may go meanwhile; nothing may be added.
    after = live_tensors()
    assert all(now <= then for now, then in zip(after, before, strict=True))


def test_a_training_that_is_done_leaves_its_result_only(tmp_path, watched):
    run(training(tmp_path / "warm"))
    watched.clear()
    before = live_tensors()
    result = run(training(tmp_path / "m"))
    gc.collect()
    alive = [each() for each in watched if each() is not None]
    assert alive == [result.model.network]
    del result, alive
    assert live_tensors() == before
    assert is_all_gone(watched)


def _fail(*_args):
    raise RuntimeError("a bug")


def test_a_job_that_failed_holds_its_error_and_no_array(tmp_path, watched, monkeypatch):
    before = live_tensors()
    monkeypatch.setattr("napari_unet.core.training.train.compute_loss", _fail)
    job = Job("Fine-tune", lambda: training(tmp_path / "m"))
    job.run()
    assert job.outcome.status is Status.FAILED
    assert str(job.outcome.error) == "a bug"
    assert is_all_gone(watched)
    assert live_tensors() == before


@pytest.mark.parametrize("end", ["done", "stopped"])
def test_a_segmentation_leaves_no_tensor(model_folder, watched, end):
    before = live_tensors()
    image = example().image
    model = load_model(model_folder)
    steps = segment(image, model, tile=48, **EXACT)
    next(steps)
    if end == "done":
        for _ in steps:
            pass
    else:
        steps.close()
    del steps, model
    assert is_all_gone(watched)
    assert live_tensors() == before


@pytest.mark.parametrize("end", ["done", "stopped"])
def test_a_session_keeps_no_network(model_folder, watched, end):
    before = live_tensors()
    session = Session(models_folder=model_folder.parent / "models", device="cpu")
    session.train_config = QUICK
    session.network = SETTINGS.network
    session.model_folder = model_folder
    for job in (
        lambda: session.segment(example().image),
        lambda: session.fine_tune([example()]),
    ):
        running = job()
        if end == "stopped":
            running.progressed.connect(lambda _, job=running: job.cancel())
        running.run()
        session.finish(running, running.outcome)
        running.forget()
    assert is_all_gone(watched)
    assert live_tensors() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")
def test_a_graphics_card_is_empty_after_a_segmentation(model_folder):
    before = torch.cuda.memory_allocated()
    model = load_model(model_folder)
    run(segment(example().image, model, device="cuda"))
    assert torch.cuda.memory_allocated() == before
