"""The memory of a training step, told where its patches are set."""

import pytest

from napari_unet import planned
from napari_unet.core.config import DeviceChoice, TrainConfig
from napari_unet.core.network_settings import NetworkConfig
from napari_unet.planned import describe_step
from napari_unet.session import Session
from napari_unet.widgets.step_note import StepNote

NETWORK = NetworkConfig(base_channels=4, levels=2)
CPU: DeviceChoice = "cpu"


def test_it_is_told_once_somebody_looks(qtbot):
    describe_step(NETWORK, TrainConfig(), CPU)  # torch is there now
    note = StepNote(Session(device=CPU))
    qtbot.addWidget(note)
    note.setNetwork(NETWORK)
    assert note.text() == ""
    with qtbot.waitExposed(note):
        note.show()
    qtbot.waitUntil(lambda: "A step takes about " in note.text())


@pytest.mark.parametrize("free", [10**12, 10**6])
def test_a_step_that_will_not_fit_is_told_before(monkeypatch, free):
    monkeypatch.setattr(
        "napari_unet.core.device.free_bytes", lambda _device, share: int(free * share)
    )
    said = planned.describe_step(NETWORK, TrainConfig(), CPU)
    assert said.endswith("less at a time.") == (free < 10**9)
    assert "are free" in said


def test_a_device_that_is_not_there_is_told_too():
    assert "finds none here" in describe_step(NETWORK, TrainConfig(), "mps")
