"""Which models are wanted, which are resident, and when they load."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from textwrap import dedent

import pytest

from tests.support import fake_engine
from whisper_magic.errors import CheckpointError, Interrupted
from whisper_magic.notebook.jobs.session import ModelChoice, Session

ONE, TWO, DEMO = ModelChoice("one"), ModelChoice("two"), ModelChoice("demo")


@pytest.fixture
def session():
    session = Session(fake_engine.load, checker=lambda choice: None)
    session.register(ONE)
    return session


def test_nothing_loads_until_it_is_used(session):
    assert session.resident is None
    with session.using() as engine:
        assert engine.choice == ONE
    assert session.resident is engine


def test_loading_another_closes_the_first_before(session):
    first = session.load(ONE)
    closed_then = []
    session.loader = lambda choice: (closed_then.append(first.closed), fake_engine.load(choice))[1]
    assert session.load(TWO) is session.resident
    assert closed_then == [True]
    assert session.wanted == TWO


def test_loading_the_same_again_keeps_it(session):
    assert session.load(ONE) is session.load(ONE)
    assert session.load(replace(ONE, device="cpu")) is not session.load(ONE)


def test_unloading_returns_the_name(session):
    engine = session.load(ONE)
    assert session.unload() == "one"
    assert engine.closed
    assert session.unload() is None


def test_a_failed_load_keeps_what_was_resident(session):
    session.load(TWO)
    with pytest.raises(CheckpointError):
        session.load(ModelChoice("no-such-model"))
    assert session.resident.choice == session.wanted == TWO
    assert not session.resident.closed


def interrupting(at):
    """A loader that Ctrl-C stops, at its calls with these numbers."""
    calls = iter(range(100))

    def load(choice):
        if next(calls) in at:
            raise KeyboardInterrupt
        return fake_engine.load(choice)

    return load


def test_an_interrupted_load_keeps_what_was_resident(session):
    session.load(TWO)
    session.loader = interrupting({0})
    with pytest.raises(Interrupted, match=r"^stopped while one was loading; two is loaded as before$"):
        session.load(ONE)
    assert session.resident.choice == session.wanted == TWO
    assert not session.resident.closed
    assert session.load(ONE).choice == ONE


def test_an_interrupted_load_where_nothing_was_resident(session):
    session.loader = interrupting({0})
    with pytest.raises(Interrupted, match=r"^stopped while one was loading; nothing is loaded$"), session.using():
        pass
    assert session.resident is None
    with session.using() as engine:
        assert engine.choice == ONE


def test_a_second_interrupt_stops_the_old_models_too(session):
    session.load(TWO)
    session.loader = interrupting({0, 1})
    with pytest.raises(Interrupted, match=r"^stopped while one was loading; nothing is loaded$"):
        session.load(ONE)
    assert (session.resident, session.wanted) == (None, TWO)
    with session.using() as engine:
        assert engine.choice == TWO


@pytest.mark.parametrize("closed", [False, True])
def test_an_interrupt_while_old_models_close_loses_nothing(session, closed):
    """While it waits for a job, the engine stays; once it closes, another takes its place."""
    first = session.load(TWO)

    def close():
        first.closed = closed
        raise KeyboardInterrupt

    first.close = close
    with pytest.raises(Interrupted, match="two is loaded as before"):
        session.load(ONE)
    assert session.resident.choice == TWO
    assert (session.resident is first) is not closed


def test_an_interrupted_load_for_one_job(session):
    resident = session.load(ONE)
    session.loader = interrupting({0})
    with pytest.raises(Interrupted, match=r"^stopped while demo was loading$"), session.using(DEMO):
        pass
    assert session.resident is resident


def test_an_import_that_ctrl_c_stops_goes_on(tmp_path):
    """A module that, as torch, cannot be imported twice."""
    (tmp_path / "heavy_once.py").write_text(
        dedent("""
        import sys, time
        assert not hasattr(sys, "heavy"), "imported twice"
        sys.heavy = True
        for _ in range(20):
            time.sleep(0.05)
        """)
    )
    script = dedent("""
        import os, signal, threading
        from whisper_magic.notebook.jobs.session import import_whole
        threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            import_whole("heavy_once")
        except KeyboardInterrupt:
            print("stopped")
        import_whole("heavy_once")
        import heavy_once
        print("imported")
    """)
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.stdout.split(), ran.stderr) == (["stopped", "imported"], "")


def test_the_first_failure_is_reported_where_the_old_models_are_gone_too(session):
    session.load(TWO)

    def fail(choice):
        raise CheckpointError(f"{choice.target} is damaged")

    session.loader = fail
    with pytest.raises(CheckpointError, match="one is damaged"):
        session.load(ONE)
    assert (session.resident, session.wanted) == (None, TWO)


def test_a_name_that_leads_nowhere_closes_nothing(session):
    engine = session.load(TWO)

    def check(choice):
        raise CheckpointError(f"there is no model {choice.target}")

    session.checker = check
    for attempt in (lambda: session.load(ONE), lambda: session.using(ONE).__enter__()):
        with pytest.raises(CheckpointError):
            attempt()
        assert (session.resident, engine.closed) == (engine, False)


def test_models_for_one_job_stay_until_others_are_wanted(session):
    with session.using(DEMO) as engine:
        assert engine.choice == DEMO
    assert session.resident is engine
    with session.using(DEMO) as again:
        assert again is engine
    with session.using() as configured:
        assert configured.choice == ONE
    assert engine.closed


def test_models_for_one_job_leave_the_resident_ones_alone(session):
    resident = session.load(ONE)
    with session.using(DEMO) as engine:
        assert (engine.choice, session.resident) == (DEMO, resident)
    assert engine.closed
    assert not resident.closed


def test_models_for_one_job_are_closed_after_an_error(session):
    session.load(ONE)
    with pytest.raises(KeyboardInterrupt), session.using(DEMO) as engine:
        raise KeyboardInterrupt
    assert engine.closed


def test_loading_is_announced(session):
    stages = []
    with session.using(None, stages.append):
        pass
    with session.using(DEMO, stages.append):
        pass
    with session.using(None, stages.append):
        pass
    assert stages == ["Loading one", "Loading demo"]


def test_registering_again_keeps_models_and_choice(session):
    engine = session.load(TWO)
    session.unregister()
    session.register(ONE)
    session.free_if_unregistered()
    assert (session.resident, session.wanted) == (engine, TWO)


def test_memory_is_freed_once_nothing_is_registered(session):
    engine = session.load(TWO)
    session.unregister()
    assert not engine.closed
    session.free_if_unregistered()
    assert engine.closed
    assert (session.resident, session.wanted) == (None, None)
