"""`--background`: the kernel goes on, and the job is there to show, await and stop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from whisper_magic.errors import AudioNotFound, TranscriptError
from whisper_magic.notebook.jobs.background import JOBS, Job
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.results import TranscriptList
from whisper_magic.transcript import Transcript


@pytest.fixture
def held(run, monkeypatch):
    """The engine waits before each source until the event is set."""
    run("%whisper load one")
    go, read = threading.Event(), SESSION.resident._transcribe

    def waiting(source, options, on_event):
        assert go.wait(10)
        return read(source, options, on_event)

    monkeypatch.setattr(SESSION.resident, "_transcribe", waiting)
    yield go
    go.set()
    while JOBS.current is not None:
        JOBS.current.result(10)


def test_the_job_gives_the_transcript(run):
    job = run("%whisper talk.wav --background").result
    assert isinstance(job, Job)
    made = job.result(10)
    assert isinstance(made, Transcript)
    assert made.complete
    assert job.done
    assert job.state == "done"
    assert repr(job) == "<Job talk.wav: done>"


def test_the_kernel_is_free_meanwhile(run, held, shell):
    run("job = %whisper talk.wav --background")
    job = shell.user_ns["job"]
    assert run("1 + 1").result == 2
    assert job.state in ("waiting", "running")
    held.set()
    assert isinstance(job.result(10), Transcript)


def test_a_cell_awaits_it(run, held, shell):
    run("job = %whisper talk.wav --background")
    threading.Timer(0.1, held.set).start()
    assert isinstance(run("await job").result, Transcript)
    assert run("await job").result is shell.user_ns["job"].result()


def test_the_variable_holds_the_job_at_once(run, shell):
    job = run("%whisper talk.wav --background -o made").result
    assert shell.user_ns["made"] is job
    job.result(10)
    assert shell.user_ns["made"] is job


def test_jobs_take_turns(run, held):
    first = run("%whisper a.wav --background").result
    second = run("%whisper b.wav c.wav --background").result
    assert second.state == "waiting"
    assert second.name == "b.wav and 1 more"
    held.set()
    assert isinstance(second.result(10), TranscriptList)
    assert first.state == second.state == "done"


def test_a_job_that_waits_never_begins_when_stopped(run, held, sources):
    run("%whisper a.wav --background")
    waiting = run("%whisper b.wav --background").result
    waiting.stop()
    assert waiting.state == "stopped"
    with pytest.raises(TranscriptError, match=r"^b.wav was stopped before it began$"):
        waiting.result()
    assert (
        type(
            run(
                "await job",
            ).error
        )
        is NameError
    )
    held.set()
    last = run("%whisper c.wav --background").result
    last.result(10)
    assert sources() == ["a.wav", "c.wav"]


def test_what_was_written_until_the_stop_is_kept(run, monkeypatch):
    run("%whisper load one")
    job = run("%whisper stop.wav --background").result
    made = job.result(10)
    assert not made.complete
    assert len(made.segments) == 1


def test_stop_reaches_a_job_that_runs(run, held):
    job = run("%whisper talk.wav --background").result
    while job.state != "running":
        time.sleep(0.01)
    job.stop()
    held.set()
    with pytest.raises(TranscriptError, match=r"stopped before anything was written"):
        job.result(10)


def test_a_failure_is_raised_where_it_is_waited_for(run):
    job = run("%whisper bad.wav --background").result
    with pytest.raises(AudioNotFound, match=r"no such file: bad.wav"):
        job.result(10)
    assert job.state == "failed"
    run("job = %whisper bad.wav --background")
    assert type(run("await job").error) is AudioNotFound


def test_files_are_saved(run, tmp_path):
    job = run("%whisper talk.wav --background --save talk.txt").result
    job.result(10)
    assert (tmp_path / "talk.txt").read_text().startswith("A small model reads the room.\n")


def test_an_awaiting_task_that_is_cancelled_leaves_the_job(run, held):
    job = run("%whisper talk.wav --background").result

    async def wait() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_result(job), 0.05)

    asyncio.run(wait())
    assert job.state in ("waiting", "running")
    held.set()
    assert isinstance(job.result(10), Transcript)


async def _result(job: Job):
    return await job


def test_a_job_that_waits_takes_the_models_that_are_wanted_then(run, held):
    run("%whisper a.wav --background")
    second = run("%whisper b.wav --background").result
    threading.Timer(0.2, held.set).start()
    run("%whisper load another")
    second.result(10)
    assert SESSION.wanted.target == "another"
    assert SESSION.resident.choice.target == "another"


def test_a_stopped_job_shows_what_was_written(run, monkeypatch):
    run("%whisper load one")
    job = run("%whisper stop.wav --background").result
    job.result(10)
    shown = []
    monkeypatch.setattr("whisper_magic.notebook.jobs.background.display", shown.append)
    job._ipython_display_()
    assert shown == [job.result()]


def test_a_failing_player_loses_no_transcript(run, monkeypatch):
    """Of `--end` the whole sound is looked up, which may be gone."""

    def gone(self, player, transcript):
        raise AudioNotFound("gone")

    monkeypatch.setattr("whisper_magic.notebook.widgets.players.Players.finish", gone)
    monkeypatch.setattr("whisper_magic.notebook.jobs.context.in_notebook", lambda shell: True)
    monkeypatch.setattr("whisper_magic.notebook.jobs.context.wanted", lambda *arguments, **more: True)
    made = run("%whisper talk.wav --background").result.result(10)
    assert made.complete


def test_embedding_takes_one_recording(usage_error):
    assert usage_error("%whisper a.wav b.wav --embed") == "--embed takes one recording and one channel"
