"""The kernel's side of the player: what the page asks and gets, and what the notebook keeps."""

from __future__ import annotations

import gc
import io
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support import fake_engine
from tests.support.talk import SECONDS, Engine, write
from tests.support.talk import transcript as made_transcript
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.peaks import WaveformPeaks
from whisper_magic.errors import AudioInvalid, AudioNotFound
from whisper_magic.formats import FORMATS
from whisper_magic.notebook.views import transcript as view
from whisper_magic.notebook.widgets import sound
from whisper_magic.notebook.widgets.document import expected_levels
from whisper_magic.notebook.widgets.player import Player
from whisper_magic.notebook.widgets.players import Players
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Transcript


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.flac")


@pytest.fixture
def transcript(talk: Path) -> Transcript:
    return fake_engine.transcript(str(talk))


class Page:
    """A browser's side: asks, and keeps what comes back."""

    def __init__(self, player: Player) -> None:
        self.player, self.answers, self.notices = player, [], []
        player.send = self._receive

    def _receive(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        (self.notices if "notice" in content else self.answers).append((content, buffers or []))

    def noticed(self) -> dict[str, Any]:
        """The last notice, once the work has ended."""
        self.player._work.wait(10)
        return self.notices[-1][0]

    def ask(self, kind: str, **fields: Any) -> tuple[Any, list[bytes]]:
        self.player._on_message(self.player, {"id": "1", "kind": kind, **fields}, [])
        content, buffers = self.answers.pop()
        assert content["id"] == "1"
        if "error" in content:
            raise LookupError(content["error"])
        return content["value"], buffers


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def page(transcript: Transcript, talk: Path, engine: Engine) -> Page:
    return Page(Player(transcript, Excerpt(str(talk)), lambda _: engine))


def test_the_text_and_where_the_sound_is(page: Page, talk: Path) -> None:
    document, _ = page.ask("document")
    assert [segment["text"] for segment in document["segments"]] == [one.text for one in fake_engine.SEGMENTS]
    assert document["duration"] == SECONDS
    assert document["sound"] == {
        "path": str(talk),
        "home": str(Path.home()),
        "size": talk.stat().st_size,
        "mime": "audio/flac",
    }
    assert document["formats"] == list(FORMATS)


def test_the_page_knows_the_levels_before_they_are_there(page: Page) -> None:
    levels = page.ask("document")[0]["levels"]
    for _ in range(100):
        value, (window,) = page.ask("peaks", level=len(levels) - 1, start=0, count=2000)
        if value["complete"]:
            break
        time.sleep(0.05)
    assert value["count"] == levels[-1]["count"]
    assert np.frombuffer(window, np.int8)[1::2].max() == round(0.4 * 127)


@pytest.mark.parametrize("seconds", [0.004, 1.0, 9.99, 10.0, 10.01, 61.7, 4000.0])
def test_expected_levels_are_those_that_come(seconds: float) -> None:
    made = WaveformPeaks.of(np.zeros(round(seconds * 16_000), np.float32), 16_000)
    expected = [(round(one["seconds"], 9), one["count"]) for one in expected_levels(seconds)]
    assert expected == [(round(one.seconds_per_peak, 9), one.count) for one in made.levels]


def test_sound_comes_in_parts_and_is_whole(page: Page, tmp_path: Path) -> None:
    content, done = b"", False
    while not done:
        value, (part,) = page.ask("sound", offset=len(content))
        content, done = content + part, value["done"]
    assert value["mime"].startswith("audio/ogg")
    (tmp_path / "decoded.ogg").write_bytes(content)
    assert soundfile.info(tmp_path / "decoded.ogg").duration == pytest.approx(SECONDS, abs=0.01)


def test_rounds_need_the_target_s_tokens(page: Page, transcript: Transcript) -> None:
    assert len(page.ask("trace")[0]["rounds"]) == len(fake_engine.ROUNDS)
    with pytest.raises(LookupError, match="big-model is not loaded any more: %whisper load it first"):
        Page(Player(transcript, None)).ask("trace")


def texts(document: dict[str, Any]) -> list[str]:
    return [segment["text"] for segment in document["segments"]]


def test_a_stretch_is_read_again_beside_the_text_and_then_in_its_place(page: Page, engine: Engine) -> None:
    page.ask("again", start=5.0, end=6.0, language="de", task="transcribe")
    notice = page.noticed()
    (_, options), *_ = engine.calls
    assert (options.start, options.end, options.language) == (4.0, 9.5, "de")  # grown to the segment
    assert (notice["notice"], notice["text"]) == ("result", "Another reading.")
    assert notice["before"] == fake_engine.SEGMENTS[1].text.strip()
    assert page.player.edited is page.player.transcript
    document, _ = page.ask("keep")
    assert texts(document) == [fake_engine.SEGMENTS[0].text, " Another reading."]
    assert document["segments"][1]["language"] == "de"
    assert document["changes"] == 1
    with pytest.raises(LookupError, match="nothing was transcribed again"):
        page.ask("keep")


def test_a_change_is_taken_back_and_the_original_never_changes(page: Page) -> None:
    before = page.player.transcript
    document, _ = page.ask("edit", segment=0, text="  A  <b>word</b>.\n")
    assert texts(document)[0] == " A <b>word</b>."
    assert page.ask("file", format="txt")[1][0].startswith(b"A <b>word</b>.")
    assert page.player.transcript is before
    assert before.segments == fake_engine.SEGMENTS
    assert texts(page.ask("undo")[0])[0] == fake_engine.SEGMENTS[0].text
    with pytest.raises(LookupError, match="nothing was changed"):
        page.ask("undo")
    with pytest.raises(LookupError, match="there is no segment 9"):
        page.ask("edit", segment=9, text="x")


def test_the_words_of_a_correction_are_found_in_its_segment(page: Page, engine: Engine) -> None:
    page.ask("words")
    document = page.noticed()["document"]
    assert document["segments"][0]["words"] == [
        (" Another", 0.0, SECONDS, 0.5),
        (" reading.", SECONDS, SECONDS, 0.5),
    ]
    document, _ = page.ask("edit", segment=0, text="Two words")
    assert engine.aligned == [(0.0, SECONDS, " Two words")]
    assert [word[0] for word in document["segments"][0]["words"]] == [" Two", " words"]


def test_finding_words_keeps_corrections(page: Page, engine: Engine) -> None:
    page.ask("edit", segment=0, text="Corrected first")
    page.ask("words")
    document = page.noticed()["document"]
    assert texts(document) == [" Corrected first", fake_engine.SEGMENTS[1].text]
    assert [word[0] for word in document["segments"][0]["words"]] == [" Corrected", " first"]
    assert (0.0, 4.0, " Corrected first") in engine.aligned


def test_a_correction_made_while_words_are_found_stays(
    page: Page, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.ask("edit", segment=1, text="Corrected second")
    align = engine.align

    def corrected_meanwhile(audio: Any, text: str, *, language: str | None) -> Any:
        if text == " Corrected second":  # the last: the first has its words by now
            page.ask("edit", segment=0, text="Corrected meanwhile")
        return align(audio, text, language=language)

    monkeypatch.setattr(engine, "align", corrected_meanwhile)
    page.ask("words")
    document = page.noticed()["document"]
    assert texts(document) == [" Corrected meanwhile", " Corrected second"]
    assert [word[0] for word in document["segments"][1]["words"]] == [" Corrected", " second"]


def test_who_speaks_is_drawn_and_stays_known_when_words_are_found_anew(talk: Path, engine: Engine) -> None:
    named = made_transcript(talk).with_speakers([(0.0, 1.6, "Ada"), (1.6, 9.0, " Grace ")])
    page = Page(Player(named, Excerpt(str(talk)), lambda _: engine))
    document, _ = page.ask("document")
    assert document["turns"] == [(0.5, 1.5, "Ada"), (2.0, 4.0, "Grace"), (5.0, 9.0, "Grace")]
    assert [segment["names"] for segment in document["segments"]] == [[(0, "Ada"), (1, "Grace")], []]
    document, _ = page.ask("edit", segment=0, text="one, two, three")
    assert [word.speaker for word in page.player.edited.words] == ["Ada", " Grace ", " Grace ", " Grace ", " Grace "]
    assert document["segments"][0]["names"] == [(0, "Ada"), (1, "Grace")]
    assert page.ask("undo")[0]["segments"][0]["text"] == " one two"


def test_peaks_of_a_damaged_recording_come_to_an_end(page: Page, talk: Path) -> None:
    """The page asks again until they are complete."""
    page.ask("document")
    talk.write_bytes(b"no sound any more")
    page.ask("peaks", level=0, start=0, count=2000)
    for _ in range(100):
        value, _buffers = page.ask("peaks", level=0, start=0, count=2000)
        if value["complete"]:
            return
        time.sleep(0.05)
    raise AssertionError("never complete")


def test_an_address_is_fetched_once(transcript: Transcript, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(sound, "fetch", lambda url: fetched.append(url) or talk.open("rb"))
    page = Page(Player(transcript, Excerpt("https://ada:secret@example.org/talk.flac"), lambda _: Engine()))
    assert page.ask("document")[0]["sound"]["path"] is None
    page.ask("clip", start=1.0, end=2.0)
    while not page.ask("peaks", level=0, start=0, count=10)[0]["complete"]:
        time.sleep(0.01)
    while not page.ask("sound", offset=0)[0]["done"]:
        time.sleep(0.01)
    assert fetched == ["https://ada:secret@example.org/talk.flac"]


def test_a_channel_of_several_is_played_alone(talk: Path) -> None:
    players, split = Players(), TranscribeOptions(channel="split")
    for label, channel in (("left", "left"), ("3", 3), ("mix", "mix")):
        made = fake_engine.transcript(f"{talk} ({label})", options=split)
        found = players.sound_of(made)
        assert found is not None
        assert (found.source, found.channel) == (str(talk), channel)


def test_a_file_object_is_read_once_and_not_played(talk: Path) -> None:
    players, made = Players(), fake_engine.transcript("file object")
    with talk.open("rb") as file:
        players.remember(made, file)
        assert players.sound_of(made) is None


def test_work_is_stopped_and_only_one_at_a_time(page: Page, engine: Engine) -> None:
    engine.wait = threading.Event()
    page.ask("again", start=0.0, end=1.0, language="auto", task="translate")
    with pytest.raises(LookupError, match="stop it first"):
        page.ask("words")
    page.ask("stop")
    assert page.noticed() == {"notice": "stopped"}
    assert page.player.edited is page.player.transcript


def test_work_that_fails_says_why(page: Page, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    page.player._engine = lambda transcript: None
    page.ask("words")
    assert page.noticed() == {
        "notice": "failed",
        "error": "big-model is not loaded any more: %whisper load it first",
    }
    with pytest.raises(LookupError, match="task must be"):
        page.ask("again", start=0.0, end=1.0, language="klingon" * 3, task="sing")


def test_a_clip_is_a_file_of_its_own(page: Page, tmp_path: Path) -> None:
    value, (content,) = page.ask("clip", start=1.0, end=2.5)
    assert value == {"name": "talk 1.00-2.50.flac", "mime": "audio/flac"}
    (tmp_path / "clip.flac").write_bytes(content)
    assert soundfile.info(tmp_path / "clip.flac").duration == 1.5
    with pytest.raises(LookupError, match="beyond its end"):
        page.ask("clip", start=100.0, end=101.0)
    with pytest.raises(LookupError, match="mark 300 s at most"):
        page.ask("clip", start=0.0, end=3600.0)


def test_files_are_named_after_the_recording(page: Page) -> None:
    value, (content,) = page.ask("file", format="srt")
    assert value["name"] == "talk.srt"
    assert content.startswith(b"1\n00:00:00,000 --> 00:00:04,000\n")
    with pytest.raises(LookupError, match="no transcript format"):
        page.ask("file", format="doc")


def test_a_recording_that_is_gone_leaves_its_text(transcript: Transcript, talk: Path) -> None:
    talk.unlink()
    players = Players()
    page = Page(players.of(transcript))
    document, _ = page.ask("document")
    assert document["sound"] is None
    assert document["segments"]
    with pytest.raises(LookupError, match="not here any more"):
        page.ask("peaks", level=0, start=0, count=1)


def test_hostile_messages_get_a_line(page: Page) -> None:
    for content in (None, {"id": 3}, {"id": "1", "kind": "eval"}, {"id": "1", "kind": "file", "format": "../x"}):
        page.player._on_message(page.player, content, [])
        answer, _ = page.answers.pop()
        assert "\n" not in answer["error"]


def test_the_notebook_holds_the_static_view_and_an_anchor(page: Page, transcript: Transcript) -> None:
    bundle = page.player._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert f'data-whisper-player="{page.player.anchor}"' in bundle["text/html"]
    assert fake_engine.SEGMENTS[0].text.strip() in bundle["text/html"]
    synced = {name: value for name, value in page.player.get_state().items() if not name.startswith("_")}
    assert set(synced) <= {"anchor", "layout", "tabbable", "tooltip"}


def test_one_player_to_a_transcript_and_none_once_it_is_forgotten(transcript: Transcript, talk: Path) -> None:
    players = Players()
    player = players.of(transcript)
    assert players.of(transcript) is player
    assert transcript.source == str(talk)
    assert not players._sources


def test_arrays_are_kept_while_their_transcript_lives() -> None:
    players = Players()
    made = fake_engine.transcript("array")
    assert players.sound_of(made) is None
    players.remember(made, (np.zeros(16_000, np.float32), 16_000))
    found = players.sound_of(made)
    assert found is not None
    assert found.rate == 16_000
    gone = weakref.ref(made)
    del made, found
    gc.collect()
    assert gone() is None
    assert not players._sources


def test_transcript_player(transcript: Transcript) -> None:
    assert isinstance(transcript.player(), Player)
    assert transcript.player() is transcript.player()
    with pytest.raises(AudioNotFound, match="no such file"):
        transcript.player("gone.flac")
    assert transcript.edited is transcript
    Page(transcript.player()).ask("edit", segment=0, text="Corrected.")
    assert transcript.edited.segments[0].text == " Corrected."


# -- while it is written -----------------------------------------------------------------------------------------------


@pytest.fixture
def written(talk: Path, engine: Engine) -> Page:
    """The page of a transcript that is still being written."""
    begun = Transcript((), None, "transcribe", SECONDS, str(talk), complete=False)
    stopped = threading.Event()
    page = Page(Player(begun, Excerpt(str(talk)), lambda _: engine, stop=stopped.set))
    page.stopped = stopped  # type: ignore[attr-defined]
    return page


def test_what_is_written_comes_with_notices_and_nothing_twice(written: Page) -> None:
    player = written.player
    assert written.ask("document")[0]["writing"]
    first, second = fake_engine.SEGMENTS
    player.write(first)
    player.notify("0:04 of 0:20", 0.2, " Nobody")
    player.notify("0:05 of 0:20", 0.25, " Nobody was")
    player.write(second)
    player.notify("0:09 of 0:20", 0.45, "")
    notices = [content for content, _ in written.notices]
    assert [(one["first"], [segment["text"] for segment in one["segments"]]) for one in notices] == [
        (0, [first.text]),
        (1, []),
        (1, [second.text]),
    ]
    assert (notices[1]["state"], notices[1]["fraction"], notices[1]["tail"]) == ("0:05 of 0:20", 0.25, " Nobody was")


def test_a_page_that_comes_later_gets_what_is_written_by_then(written: Page) -> None:
    written.player.write(fake_engine.SEGMENTS[0])
    written.player.notify("", None, "")
    document = written.ask("document")[0]
    assert [segment["text"] for segment in document["segments"]] == [fake_engine.SEGMENTS[0].text]
    assert document["warning"] is None
    assert document["foot"] == []


def test_the_end_brings_what_is_known_only_then(written: Page, transcript: Transcript) -> None:
    written.ask("document")
    written.player.finish(transcript)
    ((notice, _),) = written.notices
    assert (notice["notice"], notice["problem"]) == ("finished", "")
    assert notice["document"]["rounds"] == len(transcript.trace.rounds)
    assert not notice["document"]["writing"]
    assert written.player.transcript is written.player.edited is transcript


def test_without_a_page_the_end_looks_at_no_sound(written: Page, transcript: Transcript, talk: Path) -> None:
    talk.unlink()
    part = replace(transcript, options=TranscribeOptions(end=5.0))
    written.player.finish(part)
    assert written.notices == []
    assert written.player.transcript is part


def test_a_correction_does_not_wait_for_a_job(page: Page, engine: Engine) -> None:
    page.ask("words")
    page.noticed()
    engine.busy = True
    document, _ = page.ask("edit", segment=0, text="Corrected")
    assert document["segments"][0]["words"] == []
    assert engine.aligned == []


def test_a_failure_keeps_what_was_written(written: Page) -> None:
    written.ask("document")
    written.player.write(fake_engine.SEGMENTS[0])
    written.player.finish(None, "AudioUnreadable: damaged")
    ((notice, _),) = written.notices
    assert notice["problem"] == "AudioUnreadable: damaged"
    assert len(notice["document"]["segments"]) == 1


@pytest.mark.parametrize(("kind", "fields"), [("edit", {"segment": 0, "text": "x"}), ("words", {}), ("trace", {})])
def test_what_needs_the_whole_text_waits_for_it(written: Page, kind: str, fields: dict[str, Any]) -> None:
    written.player.write(fake_engine.SEGMENTS[0])
    with pytest.raises(LookupError, match="still being written"):
        written.ask(kind, **fields)


def test_stop_stops_the_transcription(written: Page) -> None:
    written.ask("stop")
    assert written.stopped.is_set()  # type: ignore[attr-defined]


def test_the_spectrogram_is_what_the_encoder_sees(page: Page, engine: Engine) -> None:
    features = np.zeros((80, 300), np.float32)
    features[10, 100:200] = 1.5
    engine.log_mel = lambda audio: features  # type: ignore[attr-defined]
    value, (content,) = page.ask("mel", start=1.0, end=4.0)
    columns = np.frombuffer(content, np.uint8).reshape(-1, value["bins"])
    assert columns.shape == (300, 80)
    assert columns[150, 10] == 255
    assert columns[150, 11] == round(255 * (1 - 1.5 / 2))
    engine.log_mel = lambda audio: np.zeros((80, 12_000), np.float32)  # type: ignore[attr-defined]
    _, (content,) = page.ask("mel", start=0.0, end=120.0)
    assert len(content) == 80 * 2000
    with pytest.raises(LookupError, match="up to 120 s"):
        page.ask("mel", start=0.0, end=121.0)


# -- sound in the output -----------------------------------------------------------------------------------------------


def test_an_embedded_sound_plays_where_the_text_says(talk: Path) -> None:
    players = Players()
    made = replace(fake_engine.transcript(str(talk)), options=TranscribeOptions(start=2.0, end=12.0))
    assert players.embedded(made) is None
    players.embed(made)
    embedded = players.embedded(made)
    assert embedded is not None
    assert (embedded.start, embedded.mime) == (2.0, "audio/ogg")
    decoded, rate = soundfile.read(io.BytesIO(embedded.content))
    assert len(decoded) / rate == pytest.approx(10.0, abs=0.05)
    html = view.html(made, None, embedded)
    assert html.count("<audio controls") == 1
    assert 'data-start="2.00"' in html  # of the segment at 4.0 s
    assert "0.0 MB of audio are embedded in this page" in html


def test_what_is_too_long_or_gone_is_not_embedded(talk: Path) -> None:
    players = Players()
    with pytest.raises(AudioInvalid, match=r"^45 minutes of sound can be embedded at most"):
        players.embed(replace(fake_engine.transcript(str(talk)), duration=3000.0))
    with pytest.raises(AudioNotFound, match="is not here to be embedded"):
        players.embed(fake_engine.transcript("gone.wav"))
