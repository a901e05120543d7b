"""Run jobs behind the viewer: their news on Qt's thread, their errors to the user."""

from __future__ import annotations

import atexit
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.qt.threading import FunctionWorker, create_worker
from napari.utils.notifications import show_error, show_warning
from qtpy.compat import isalive
from qtpy.QtCore import (  # type: ignore[attr-defined]  # Signal is qtpy's own
    QObject,
    Qt,
    QThreadPool,
    Signal,
)

from napari_unet.core.errors import InputError, in_dock
from napari_unet.core.memory import tell_shortage
from napari_unet.jobs import Job, Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from psygnal import SignalInstance

    from napari_unet.session import Session

_log = logging.getLogger(__name__)

# Qt's pool runs as many at a time as there are cores: on one, a check would wait until
# a training has ended.
_LEAST_THREADS = 4


def show_problem(error: BaseException, doing: str = "") -> None:
    """Tell the user about an error in one sentence; the log gets the rest.

    Parameters
    ----------
    error : BaseException
        An `InputError` is the user's to mend and becomes a warning.
    doing : str
        What failed, e.g. the job's name.
    """
    if isinstance(error, InputError):
        show_warning(in_dock(str(error)))
        return
    _log.error("%s failed", doing or "This", exc_info=error)
    what = str(error) or type(error).__name__
    show_error(f"{doing} failed: {what}" if doing else what)


def run_in_background(
    job: Job,
    owner: QObject,
    *,
    session: Session | None = None,
    progressed: Callable[[Any], None] | None = None,
    ended: Callable[[Outcome], None] | None = None,
) -> None:
    """Start a job on a thread of the viewer's pool.

    Parameters
    ----------
    job : Job
        Not yet started.
    owner : QObject
        Whoever shows the job. Once it is deleted, nothing more is called.
    session : Session, optional
        Its `finish` is called before `ended`, whether `owner` lives or not. A
        session's job is listed among napari's tasks: closing the window cancels it.
    progressed, ended : callable, optional
        Called on Qt's thread with every yielded value, and with the outcome.
        A failure is shown to the user before `ended` is called.
    """
    relay = _Relay(job, owner, session, progressed, ended)
    job.progressed.connect(relay.progressed.emit)
    job.ended.connect(relay.ended.emit)
    if session is None:
        worker = JobWorker(job.run)
    else:
        worker = create_worker(job.run, _worker_class=JobWorker)
    pool = QThreadPool.globalInstance()
    if pool is not None and pool.maxThreadCount() < _LEAST_THREADS:
        pool.setMaxThreadCount(_LEAST_THREADS)
    worker.start()


def join_in_background(
    job: Job,
    owner: QObject,
    *,
    progressed: Callable[[Any], None],
    ended: Callable[[Outcome], None],
) -> None:
    """Show a job that runs already, and that another widget has started.

    Parameters
    ----------
    job : Job
        Started by `run_in_background`, which finishes it and says its errors.
    owner : QObject
        Whoever shows the job, too. Once it is deleted, nothing more is called.
    progressed, ended : callable
        As there.
    """
    relay = _Relay(job, owner, None, progressed, ended, is_guest=True)
    job.progressed.connect(relay.progressed.emit)
    job.ended.connect(relay.ended.emit)


def listen(signal: SignalInstance, slot: Callable[..., Any]) -> None:
    """Connect a method of a widget to an event of a session, as long as both live."""
    widget = slot.__self__  # type: ignore[attr-defined]
    signal.connect(slot)
    widget.destroyed.connect(lambda: signal.disconnect(slot, missing_ok=True))


class JobWorker(FunctionWorker):
    """Show a job in napari's task list; its Cancel cancels the job."""

    def __init__(self, run: Callable[[], None]) -> None:
        super().__init__(run)
        self._job: Job = run.__self__  # type: ignore[attr-defined]

    def quit(self) -> None:
        """Cancel the job; called by napari's task list and when the window closes."""
        super().quit()
        self._job.cancel()


class _Relay(QObject):
    """Carries a job's news from its thread to Qt's."""

    progressed = Signal(object)
    ended = Signal(object)
    # Qt does not keep the receiver of a signal alive; a running job needs its relay.
    _running: set[_Relay] = set()  # noqa: RUF012 - shared on purpose

    def __init__(
        self,
        job: Job,
        owner: QObject,
        session: Session | None,
        on_progressed: Callable[[Any], None] | None,
        on_ended: Callable[[Outcome], None] | None,
        *,
        is_guest: bool = False,
    ) -> None:
        super().__init__()
        self._job, self._session, self._is_guest = job, session, is_guest
        self._owner: QObject | None = owner
        self._on_progressed, self._on_ended = on_progressed, on_ended
        self.progressed.connect(self._progress, Qt.ConnectionType.QueuedConnection)
        self.ended.connect(self._end, Qt.ConnectionType.QueuedConnection)
        self._running.add(self)
        # Without this, a relay whose window is gone would keep the window's widgets.
        owner.destroyed.connect(self._let_go)

    def _let_go(self) -> None:
        self._owner = self._on_progressed = self._on_ended = None

    def _progress(self, progress: Any) -> None:
        if self._on_progressed is not None and _lives(self._owner):
            self._on_progressed(progress)

    def _end(self, outcome: Outcome) -> None:
        self._running.discard(self)
        if outcome.error is not None:
            error = tell_shortage(outcome.error, f"'{self._job.name}'")
            outcome = replace(outcome, error=error)
        try:
            if self._session is not None:
                self._session.finish(self._job, outcome)
            is_failed = outcome.status is Status.FAILED and not self._is_guest
            if is_failed and outcome.error is not None:
                show_problem(outcome.error, self._job.name)
            if self._on_ended is not None and _lives(self._owner):
                self._on_ended(outcome)
        finally:
            self._job.forget()
            self._let_go()


@atexit.register
def _wait_for_jobs() -> None:
    """End what still runs before the interpreter takes Qt away from under it."""
    jobs = [relay._job for relay in _Relay._running]
    for job in jobs:
        job.cancel()
    end = time.monotonic() + _LONGEST_WAIT
    while any(job.outcome is None for job in jobs) and time.monotonic() < end:
        time.sleep(0.05)


def _lives(widget: QObject | None) -> bool:
    """Tell whether the Qt object behind a widget still exists."""
    return widget is not None and bool(isalive(widget))  # type: ignore[no-untyped-call]


class LatestAnswer(QObject):
    """Answer quick questions in the background, one at a time, only the newest.

    For what takes 50 ms to a few seconds and is asked again and again, e.g. while a
    slider moves or a brush paints. A question that arrives while another is being
    answered waits; of several waiting ones only the last is ever computed. The answer
    to a question that was dropped by `forget` is never delivered. An error is shown to
    the user, and then told by `failed`.

    Parameters
    ----------
    owner : QObject
        The section that asks; also the Qt parent.
    name : str
        What the user calls it, for messages.
    """

    answered = Signal(object)
    failed = Signal(object)

    def __init__(self, owner: QObject, name: str) -> None:
        super().__init__(owner)
        self._owner, self._name = owner, name
        self._number = self._answering = 0
        self._waiting: Callable[[], Any] | None = None
        self._busy = False

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        is_asked = self._busy and self._answering == self._number
        return is_asked or self._waiting is not None

    def ask(self, compute: Callable[[], Any]) -> None:
        """Compute on another thread; `answered` brings what it returns."""
        self._waiting = compute
        if not self._busy:
            self._start()

    def forget(self) -> None:
        """Drop every question that is not answered yet."""
        self._number += 1
        self._waiting = None

    def _start(self) -> None:
        compute, self._waiting = self._waiting, None
        if compute is None:
            return

        def steps() -> Generator[None, None, Any]:
            return compute()
            yield

        number = self._answering = self._number
        self._busy = True
        run_in_background(
            Job(self._name, steps),
            self._owner,
            ended=lambda outcome: self._deliver(number, outcome),
        )

    def _deliver(self, number: int, outcome: Outcome) -> None:
        self._busy = False
        if number == self._number and outcome.status is Status.DONE:
            self.answered.emit(outcome.result)
        elif number == self._number and outcome.status is Status.FAILED:
            self.failed.emit(outcome.error)
        self._start()


# A cancelled job may take so long to save what it has, in seconds.
_LONGEST_WAIT = 30.0
