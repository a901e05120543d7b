"""The time that a training is given is for all that it does."""

from collections.abc import Callable

import pytest

from napari_unet.core.config import NetworkConfig, TrainConfig
from napari_unet.core.device import choose_compute
from napari_unet.core.network.unet import build_network
from napari_unet.core.training import clock as clock_module
from napari_unet.core.training.clock import Clock
from napari_unet.core.training.state import Training


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that only the test winds."""
    now = [100.0]
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def training_for(seconds: float) -> Training:
    network = build_network(NetworkConfig(base_channels=2, levels=1))
    config = TrainConfig(seconds=seconds)
    return Training(network, config, choose_compute("cpu", "float32"))


def test_judging_the_start_counts_and_as_much_is_left_for_the_end(wait):
    training = training_for(60)
    clock = Clock(training)
    wait(5)
    clock.has_judged()
    clock.begin_steps()
    assert clock.fraction() == 0
    wait(25)
    assert clock.fraction() == 0.5
    assert not clock.is_over()
    clock.has_validated(2)
    wait(23)  # what is left: a validation, and what follows
    assert clock.is_over()
    assert training.seconds == 53


def test_steps_are_taken_however_long_judging_takes(wait):
    training = training_for(20)
    clock = Clock(training)
    wait(30)
    clock.has_judged()
    clock.begin_steps()
    assert not clock.is_over()
    wait(9)
    assert not clock.is_over()
    wait(1)
    assert clock.is_over()
    assert (training.seconds, training.measuring) == (40, 30)


def test_a_long_validation_takes_no_time_from_the_steps(wait):
    training = training_for(20)
    clock = Clock(training)
    clock.begin_steps()
    wait(1)
    assert clock.may_validate()  # how long it takes is not known yet
    wait(30)
    clock.has_validated(30)
    assert not clock.is_over()
    assert not clock.may_validate()
    wait(9)
    assert clock.is_over()


def test_where_judging_the_start_took_long_the_next_validation_waits(wait):
    clock = Clock(training_for(20))
    wait(5)
    clock.has_judged()
    clock.begin_steps()
    assert not clock.may_validate()


def test_a_training_that_goes_on_is_as_far_as_it_was(wait):
    training = training_for(60)
    clock = Clock(training)
    wait(4)
    clock.begin_steps()
    wait(28)
    before = clock.fraction()
    since = clock.read()
    wait(3)
    clock.has_stopped(since)
    again = Clock(training)
    wait(4)
    again.begin_steps()
    assert training.seconds == 39
    assert again.fraction() == pytest.approx(before * 56 / 49)  # less time is left
