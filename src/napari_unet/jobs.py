"""Run a generator in the background. Knows neither Qt nor what it runs."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psygnal import Signal

Steps = Callable[[], Generator[Any, None, Any]]


class Status(StrEnum):
    """How a job ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The one thing a job says when it stops.

    Parameters
    ----------
    status : Status
        Done, cancelled or failed.
    result : object
        What the generator returned; None unless done.
    error : BaseException, optional
        What the generator raised; None unless failed.
    """

    status: Status
    result: Any = None
    error: BaseException | None = None


class Job:
    """A cancellable background run of a generator.

    `progressed` carries every yielded value, `ended` the `Outcome`, exactly once,
    whatever happens. Both are emitted on the thread that runs the job.

    Parameters
    ----------
    name : str
        What the user calls this work, e.g. "Fine-tune".
    start_steps : callable
        Returns the generator to run. Called on the job's thread, so it may be slow.

    Examples
    --------
    >>> def count():
    ...     yield 1
    ...     return "counted"
    >>> job = Job("Count", count)
    >>> job.run()
    >>> job.outcome.status, job.outcome.result
    (<Status.DONE: 'done'>, 'counted')
    """

    progressed = Signal(object)
    ended = Signal(object)

    def __init__(self, name: str, start_steps: Steps) -> None:
        self.name = name
        self.outcome: Outcome | None = None
        self._start_steps: Steps | None = start_steps
        self._started = threading.Event()
        self._cancel_requested = threading.Event()

    @property
    def is_running(self) -> bool:
        """Whether the job has started and not ended."""
        return self._started.is_set() and self.outcome is None

    @property
    def is_cancelling(self) -> bool:
        """Whether the job was asked to stop."""
        return self._cancel_requested.is_set()

    def start(self) -> None:
        """Run on a new background thread; for programs without a viewer."""
        self._started.set()
        threading.Thread(target=self.run, name=self.name, daemon=True).start()

    def cancel(self) -> None:
        """Ask the job to stop; it does so at its next step."""
        self._cancel_requested.set()

    def run(self) -> None:
        """Run on the calling thread; errors of the work end up in `outcome`."""
        self._started.set()
        try:
            self.outcome = self._run_steps()
        except BaseException as error:  # noqa: BLE001 - a job must always report its end
            # Its frames hold the arrays of the work as long as somebody holds it.
            traceback.clear_frames(error.__traceback__)
            self.outcome = Outcome(Status.FAILED, error=error)
        self.ended.emit(self.outcome)

    def forget(self) -> None:
        """Drop the result and the error, once whoever wanted them has them.

        napari keeps every worker for the life of its window, and a worker its job: what
        a job holds on to is never freed.
        """
        self.progressed.disconnect()
        self.ended.disconnect()
        if self.outcome is not None:
            self.outcome = Outcome(self.outcome.status)

    def _run_steps(self) -> Outcome:
        start_steps, self._start_steps = self._start_steps, None
        if start_steps is None:
            raise RuntimeError(f"The job '{self.name}' runs only once.")
        # `closing` runs the generator's `finally` blocks here, on this thread, so
        # that a cancelled training leaves its checkpoint and its GPU memory in order.
        with closing(start_steps()) as steps:
            while not self._cancel_requested.is_set():
                try:
                    progress = next(steps)
                except StopIteration as stop:
                    return Outcome(Status.DONE, result=stop.value)
                self.progressed.emit(progress)
        return Outcome(Status.CANCELLED)
