"""A job ends once, says how, cleans up on its own thread and lets go of everything."""

import gc
import threading
import time
import weakref

import pytest

from napari_unet.jobs import Job, Status


def run(job):
    """Run a job here; return what it yielded and how it ended."""
    progress, outcomes = [], []
    job.progressed.connect(progress.append)
    job.ended.connect(outcomes.append)
    job.run()
    return progress, outcomes


def test_a_job_brings_every_step_and_one_result():
    def steps():
        yield "a"
        yield "b"
        return 7

    progress, [outcome] = run(Job("Count", steps))
    assert progress == ["a", "b"]
    assert (outcome.status, outcome.result, outcome.error) == (Status.DONE, 7, None)


@pytest.mark.parametrize(
    "error", [ValueError("odd"), RuntimeError("out of memory"), KeyboardInterrupt()]
)
def test_every_error_is_one_outcome(error):
    def steps():
        yield 1
        raise error

    _, [outcome] = run(Job("Fail", steps))
    assert outcome.status is Status.FAILED
    assert outcome.error is error


def test_an_error_before_the_first_step_is_an_outcome_too():
    def cannot_start():
        raise OSError("no such folder")

    _, [outcome] = run(Job("Fail", cannot_start))
    assert isinstance(outcome.error, OSError)


def test_cancelling_closes_the_generator_on_the_thread_that_ran_it():
    closed_on = []

    def steps():
        try:
            while True:
                time.sleep(0.001)
                yield
        finally:
            closed_on.append(threading.current_thread().name)

    job = Job("Endless", steps)
    ended = threading.Event()
    job.ended.connect(lambda _outcome: ended.set())
    job.start()
    assert job.is_running
    job.cancel()
    assert ended.wait(5)
    assert job.outcome.status is Status.CANCELLED
    assert closed_on == ["Endless"]
    assert not job.is_running


def test_a_job_cancelled_before_it_starts_does_nothing():
    done = []

    def steps():
        done.append(1)
        yield

    job = Job("Never", steps)
    job.cancel()
    _, [outcome] = run(job)
    assert outcome.status is Status.CANCELLED
    assert done == []


def test_a_job_runs_only_once():
    def steps():
        yield

    job = Job("Once", steps)
    job.run()
    job.run()
    assert job.outcome.status is Status.FAILED
    assert "only once" in str(job.outcome.error)


def test_a_job_that_is_over_holds_on_to_nothing():
    class Array:
        pass

    array, result = Array(), Array()
    gone = [weakref.ref(array), weakref.ref(result)]
    box = [result]

    def make_steps(array):
        def steps():
            yield array
            return box.pop()

        return steps

    job = Job("Big", make_steps(array))
    job.run()
    assert job.outcome.result is result
    del array, result
    job.forget()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert job.outcome.status is Status.DONE
