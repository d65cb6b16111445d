"""%whisper load, status, unload."""

from __future__ import annotations

from tests.support import fake_engine
from whisper_magic.errors import CheckpointError
from whisper_magic.notebook.jobs.session import SESSION


def test_load_status_unload(run):
    assert "No models are loaded; openai/whisper-base (auto: " in run("%whisper status").stdout
    ran = run("%whisper load openai/whisper-tiny --draft none --device cpu")
    assert ran.result.target == "openai/whisper-tiny"
    assert "openai/whisper-tiny" in ran.stdout
    assert "flash_attention_2 needs a GPU" in run("%whisper status").stdout
    engine = SESSION.resident
    assert "openai/whisper-tiny is unloaded." in run("%whisper unload").stdout
    assert engine.closed
    assert "No models are loaded." in run("%whisper unload").stdout


def test_loading_another_closes_the_first(run):
    run("%whisper load one")
    first = SESSION.resident
    run("%whisper load two")
    assert first.closed
    assert SESSION.resident.status.target == "two"


def test_loading_the_same_again_keeps_it(run):
    run("%whisper load one")
    first = SESSION.resident
    run("%whisper load one")
    assert SESSION.resident is first


def test_another_target_does_not_get_the_configured_draft(run):
    run("%config WhisperMagics.model = 'one'")
    run("%config WhisperMagics.draft = 'small'")
    run("%whisper load")
    assert SESSION.resident.choice.draft == "small"
    run("%whisper load two")
    assert SESSION.resident.choice.draft is None


def test_a_failed_load_is_one_line_and_keeps_what_was_resident(run):
    run("%whisper load one")
    ran = run("%whisper load no-such-model")
    assert type(ran.error) is CheckpointError
    assert (ran.stdout + ran.stderr).strip().startswith("CheckpointError: no-such-model is not here")
    assert (ran.stdout + ran.stderr).count("\n") == 1
    assert SESSION.resident.choice.target == "one"
    assert not SESSION.resident.closed


def test_an_interrupted_load_is_one_line_and_goes_on(run, monkeypatch):
    """As an error, so that "Run All" stops; what was resident is again."""
    run("%whisper load one")

    def load(choice):
        if choice.target == "two":
            raise KeyboardInterrupt
        return fake_engine.load(choice)

    monkeypatch.setattr(SESSION, "loader", load)
    ran = run("%whisper load two")
    assert isinstance(ran.error, KeyboardInterrupt)
    shown = (ran.stdout + ran.stderr).strip()
    assert shown == "Interrupted: stopped while two was loading; one is loaded as before"
    assert run("%whisper status").result.target == "one"
