"""`%whisper record` without a page: its bytes come from the test."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tests.audio.test_capture import webm
from whisper_magic.errors import TranscriptError
from whisper_magic.notebook.jobs.record import MicrophoneRecording
from whisper_magic.notebook.widgets.messages import RECORDER, BadRequest, parse
from whisper_magic.transcript import Segment


@pytest.fixture
def recording(run, shell, monkeypatch):
    """A recorder that is shown."""
    monkeypatch.setattr(shell, "kernel", SimpleNamespace(), raising=False)
    run("%whisper load one")
    made = run("%whisper record -o said;")
    assert made.error is None, made.error
    made = shell.user_ns["said"]
    assert isinstance(made, MicrophoneRecording)
    yield made
    made._recorder.capture.end()
    made.stop()


def send(recording, kind, piece=b""):
    """A message of the page; its error, if any."""
    answers = []
    recording._recorder.send = lambda content, buffers=None: answers.append(content)
    recording._recorder._on_message(None, {"id": "1", "kind": kind}, [piece] if piece else [])
    return next((one["error"] for one in answers if one.get("id") == "1" and "error" in one), None)


def test_a_terminal_has_no_microphone(usage_error):
    assert usage_error("%whisper record") == (
        "%whisper record uses the microphone of a notebook page; use %whisper FILE for a file"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [("talk.wav", "%whisper record reads the microphone, got talk.wav"), ("--start 3", "no option is called --start")],
)
def test_options_of_files_make_no_sense(usage_error, line, message):
    assert usage_error(f"%whisper record {line}").startswith(message)


def test_the_transcript_is_that_of_the_whole_sound(recording, calls, tmp_path):
    whole = webm(6.0)
    for begin in range(0, len(whole), 3000):
        assert send(recording, "chunk", whole[begin : begin + 3000]) is None
    assert send(recording, "end") is None
    made = recording.result(10)
    assert recording.transcript is made
    assert made.text.startswith("A small model")
    source, options = calls()[-1]
    assert recording._recorder.capture.seconds == 0, "the sound is held once"
    assert source.duration == pytest.approx(6.0, abs=0.05)
    assert options.mode == "auto"
    assert recording.audio.duration == source.duration
    samples, rate = soundfile.read(recording.save(tmp_path / "said.flac"))
    assert rate == 16_000
    assert np.abs(samples - source.samples).max() < 1e-4
    assert recording.save(tmp_path / "said.txt").is_file()


def test_what_is_not_there_yet_is_said(recording, tmp_path):
    assert recording.transcript is None
    with pytest.raises(TranscriptError, match="nothing was recorded"):
        recording.save(tmp_path / "said.wav")
    with pytest.raises(TranscriptError, match="not transcribed yet"):
        recording.save(tmp_path / "said.txt")
    with pytest.raises(TranscriptError, match=r"saved as \.flac, .*got said.mp3"):
        recording.save(tmp_path / "said.mp3")


def test_a_recording_without_sound_fails_in_a_line(recording):
    recording.stop()
    with pytest.raises(TranscriptError, match="nothing was recorded"):
        recording.result(10)


def test_a_hostile_page_cannot_fill_the_memory(recording):
    assert "1 to 4194304 bytes" in send(recording, "chunk")
    assert "1 to 4194304 bytes" in send(recording, "chunk", b"x" * (4 << 20 | 1))
    with pytest.raises(BadRequest):
        parse({"id": "1", "kind": "document"}, RECORDER)


def test_what_was_said_first_is_read_no_more(recording, monkeypatch):
    """After 25 s all but the last segment is settled."""
    notices, calls = [], []

    class Engine:
        def transcribe(self, audio, options):
            calls.append((audio.start, audio.duration))
            first = Segment(audio.start, audio.start + 5.0, " first")
            last = Segment(audio.start + 5.0, audio.start + audio.duration, " last")
            return SimpleNamespace(segments=(first, last), language="en")

    class Sound:
        seconds, ended = 0.0, False

        def wait(self, seconds, timeout):
            self.seconds += 13.0
            self.ended = self.seconds > 60
            return True

        def audio(self, start, end):
            return SimpleNamespace(start=start, duration=end - start)

    recorder = SimpleNamespace(capture=Sound(), notify=lambda *notice: notices.append(notice))
    follower = SimpleNamespace(_recorder=recorder, _options=recording._options)
    MicrophoneRecording._follow(follower, lambda: nullcontext(Engine()))
    assert calls == [(0.0, 13.0), (0.0, 26.0), (5.0, 30.0), (10.0, 30.0)]
    assert [len(settled) for _, settled, *_ in notices[1:]] == [0, 1, 2, 3]
    assert notices[2][2] == " last"


def test_a_page_that_is_gone_ends_the_recording(recording, monkeypatch):
    monkeypatch.setattr("whisper_magic.notebook.jobs.record.PAGE_GONE", 0.1)
    monkeypatch.setattr("whisper_magic.notebook.jobs.record.EVERY", 0.1)
    assert send(recording, "chunk", webm(1.0)) is None
    assert recording.result(20).text.startswith("A small model")


def test_models_may_change_while_one_speaks(recording, run, calls):
    whole = webm(4.0)
    assert send(recording, "chunk", whole[: len(whole) // 2]) is None
    assert run("%whisper load another").error is None
    assert send(recording, "chunk", whole[len(whole) // 2 :]) is None
    assert send(recording, "end") is None
    assert recording.result(10).complete


def test_what_is_no_sound_fails_in_a_line(recording):
    assert send(recording, "chunk", b"no sound at all " * 100) is None
    assert send(recording, "end") is None
    with pytest.raises(TranscriptError, match="nothing was recorded"):
        recording.result(10)
