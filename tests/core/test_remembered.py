"""What was measured on a machine is measured once; a spoilt memory does no harm."""

import pytest
import torch

from napari_unet.core import device
from napari_unet.core.device import choose_compute
from napari_unet.core.remembered import name_processor, recall, remember


@pytest.fixture
def home(models_folder):
    return models_folder.parent


@pytest.fixture
def measurements(monkeypatch):
    """Count them, in what looks like a new process each time it is emptied."""
    done = []

    def measure(where):
        done.append(where)
        return 3.0

    monkeypatch.setattr(device, "_measure", measure)
    device._faster_precision.cache_clear()
    yield done
    device._faster_precision.cache_clear()


def test_a_number_is_remembered_beside_others(home):
    assert recall("a") is None
    remember("a", 1.5)
    remember("b", 2)
    assert (recall("a"), recall("b")) == (1.5, 2)
    assert len(list(home.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1]", b'{"a": "much"}'])
def test_a_damaged_memory_is_an_empty_one(home, content):
    home.mkdir()
    (home / "measured.json").write_bytes(content)
    assert recall("a") is None
    remember("a", 1.5)
    assert recall("a") == 1.5


def test_where_nothing_can_be_written_nothing_is_remembered(home):
    home.write_text("a file where the folder should be")
    remember("a", 1.5)
    assert recall("a") is None


def test_the_precision_is_measured_once_on_a_machine(measurements, home):
    assert choose_compute("cpu").precision == "bfloat16"
    device._faster_precision.cache_clear()  # as another process begins
    assert choose_compute("cpu").precision == "bfloat16"
    assert measurements == [torch.device("cpu")]


def test_what_is_remembered_decides(measurements, home):
    threads = torch.get_num_threads()
    machine = f"{name_processor()}, {threads} threads, torch {torch.__version__}"
    remember(f"bfloat16 on {machine}", 1.1)  # not worth its rounding
    assert choose_compute("cpu").precision == "float32"
    assert not measurements
