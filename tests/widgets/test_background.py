"""Work behind the viewer: news on Qt's thread, only the newest answer, one sentence."""

import gc
import threading
import time

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_unet.core.errors import InputError, MemoryShortageError
from napari_unet.jobs import Job, Status
from napari_unet.widgets import background
from napari_unet.widgets.background import (
    LatestAnswer,
    listen,
    run_in_background,
    show_problem,
)


@pytest.fixture
def owner(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def said(monkeypatch):
    said = []
    monkeypatch.setattr(background, "show_error", lambda text: said.append(("E", text)))
    monkeypatch.setattr(
        background, "show_warning", lambda text: said.append(("W", text))
    )
    return said


def test_news_arrives_on_the_main_thread_and_the_work_does_not_run_there(qtbot, owner):
    ran_on, heard_on, outcomes = [], [], []

    def steps():
        ran_on.append(threading.current_thread())
        yield 1
        return 2

    run_in_background(
        Job("Count", steps),
        owner,
        progressed=lambda _: heard_on.append(threading.current_thread()),
        ended=outcomes.append,
    )
    qtbot.waitUntil(lambda: bool(outcomes))
    assert ran_on != [threading.main_thread()]
    assert heard_on == [threading.main_thread()]
    assert (outcomes[0].status, outcomes[0].result) == (Status.DONE, 2)


def test_the_session_hears_the_end_even_if_the_widget_is_gone(qtbot, owner, session):
    def steps():
        for _ in range(20):
            time.sleep(0.01)
            yield

    called = []
    job = session.begin("Count", steps)
    widget = QWidget(owner)
    run_in_background(
        job, widget, session=session, progressed=called.append, ended=called.append
    )
    widget.deleteLater()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert job.outcome.status is Status.DONE
    assert not any(hasattr(value, "status") for value in called)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InputError("The image is empty."), ("W", "The image is empty.")),
        (RuntimeError("out of memory"), ("E", "Segment failed: out of memory")),
        (KeyError(), ("E", "Segment failed: KeyError")),
    ],
)
def test_an_error_is_one_sentence(said, error, expected):
    show_problem(error, "Segment")
    assert said == [expected]


def test_a_job_without_memory_ends_with_what_to_do(qtbot, owner, session, said):
    def steps():
        yield 1
        np.empty(1 << 60, np.uint8)

    outcomes = []
    job = session.begin("Count", steps)
    run_in_background(job, owner, session=session, ended=outcomes.append)
    qtbot.waitUntil(lambda: bool(outcomes))
    ((kind, sentence),) = said
    assert kind == "W"
    assert sentence.startswith(
        "This computer has too little free memory for 'Count' (1.00 EiB more needed)."
    )
    assert isinstance(outcomes[0].error, MemoryShortageError)
    assert not session.is_busy


def test_only_the_newest_question_is_answered(qtbot, owner):
    computed, answers = [], []

    def question(number):
        def compute():
            time.sleep(0.05)
            computed.append(number)
            return number

        return compute

    latest = LatestAnswer(owner, "Counting")
    latest.answered.connect(answers.append)
    for number in range(10):
        latest.ask(question(number))
    qtbot.waitUntil(lambda: not latest.is_busy)
    assert computed == answers == [0, 9]


def test_a_dropped_question_is_never_answered(qtbot, owner):
    answers = []
    latest = LatestAnswer(owner, "Counting")
    latest.answered.connect(answers.append)
    latest.ask(lambda: time.sleep(0.05))
    latest.forget()
    qtbot.waitUntil(lambda: not latest.is_busy)
    latest.ask(lambda: "new")
    qtbot.waitUntil(lambda: answers == ["new"])


def test_a_failed_question_is_told_and_the_next_one_answered(qtbot, owner, said):
    latest = LatestAnswer(owner, "Counting")
    with qtbot.waitSignal(latest.failed):
        latest.ask(lambda: 1 / 0)
    assert said == [("E", "Counting failed: division by zero")]
    with qtbot.waitSignal(latest.answered):
        latest.ask(lambda: 1)


def test_answered_questions_leave_nothing_behind(qtbot, owner):
    latest = LatestAnswer(owner, "Counting")
    for number in range(20):
        with qtbot.waitSignal(latest.answered):
            latest.ask(lambda number=number: number)
    gc.collect()
    assert not background._Relay._running
    relays = [o for o in gc.get_objects() if type(o) is background._Relay]
    assert len(relays) <= 1


def test_a_deleted_widget_hears_nothing_more(qtbot, session):
    class Listener(QWidget):
        heard = 0

        def hear(self, *_):
            self.heard += 1
            self.isVisible()  # fails once Qt has deleted the widget

    listener = Listener()
    listen(session.events.device, listener.hear)
    session.device = "cpu"
    assert listener.heard == 1
    listener.deleteLater()
    qtbot.wait(20)
    session.device = "auto"
    assert listener.heard == 1
