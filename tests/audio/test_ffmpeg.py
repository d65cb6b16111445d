"""Files as they are: joined, without headers, with holes, with several streams, damaged, cut."""

from __future__ import annotations

import re
import struct
from functools import cache

import numpy as np
import pytest

from tests.support.media import CODECS, Track, chirp, delay, encoded, first_frame_end, likeness, mp3, muxed
from whisper_magic.audio.load import Audio, load, stream
from whisper_magic.errors import AudioUnreadable

RATE = 16_000
FIRST, SECOND = chirp(3), chirp(5, low=1000, high=600, seed=1)
STARTS = (0.35, 1.6, 2.4, 2.9, 3.3, 4.15, 5.5)


def expected(content: bytes) -> float | None:
    opened = stream(content)
    opened.close()
    return opened.expected


def assert_parts_are_of_the_whole(content: bytes, whole: Audio, atol: float = 2e-3) -> None:
    for start in STARTS:
        if start + 0.4 > whole.duration:
            continue
        part = load(content, start=start, end=start + 0.4)
        assert len(part.samples) == 6400
        expected = whole.samples[round(start * RATE) :][:6400]
        np.testing.assert_allclose(part.samples, expected, atol=atol, err_msg=f"start={start}")


def assert_holds(audio: Audio, sound: np.ndarray, at: float, within: float = 0.003) -> None:
    """Whether `sound` (at 16 kHz) is in the audio from second `at` on."""
    middle = sound[len(sound) // 4 : len(sound) // 4 + 8000]
    begin = round(at * RATE) + len(sound) // 4
    margin = 400
    found = audio.samples[begin - margin : begin + 8000 + margin]
    late = delay(found, np.pad(middle, margin), margin)
    assert abs(late) <= within * RATE, f"{late / RATE:.4f} s late"
    assert likeness(found[margin + late :][:8000], middle) > 0.97


# Joined and without headers


def test_joined_mp3s_are_read_whole_although_the_first_header_counts_its_own_part() -> None:
    content = mp3(FIRST) + mp3(SECOND)
    audio = load(content)
    assert audio.duration == pytest.approx(8, abs=0.2)  # every part adds its encoder's delay
    assert_holds(audio, FIRST, 0)
    assert_holds(audio, SECOND, audio.duration - 5 - 0.01, within=0.01)
    assert expected(content) == pytest.approx(audio.duration, abs=0.1)
    assert audio.notes == ()
    assert_parts_are_of_the_whole(content, audio)


def test_an_mp3_that_changes_its_rate() -> None:
    content = mp3(FIRST) + mp3(chirp(5, 44_100, low=1000, high=600), 44_100)
    audio = load(content)
    assert audio.duration == pytest.approx(8, abs=0.2)
    assert np.abs(audio.samples[7 * RATE :]).max() > 0.2
    assert_parts_are_of_the_whole(content, audio)


@pytest.mark.parametrize("stereo_first", [False, True])
def test_an_mp3_that_turns_stereo_or_mono(stereo_first: bool) -> None:
    stereo = mp3(np.stack([SECOND, SECOND], axis=1))
    content = stereo + mp3(FIRST) if stereo_first else mp3(FIRST) + stereo
    audio = load(content)
    assert audio.duration == pytest.approx(8, abs=0.2)
    assert_holds(audio, SECOND if stereo_first else FIRST, 0)
    last = FIRST if stereo_first else SECOND
    assert_holds(audio, last, audio.duration - len(last) / RATE - 0.01, within=0.02)
    assert_parts_are_of_the_whole(content, audio)
    left = load(content, channel="left").samples if stereo_first else audio.samples
    assert len(left) == len(audio.samples)


def test_an_mp3_of_varying_bit_rate_without_a_header() -> None:
    """Its duration is counted: by the bit rate of its first second, which is silent, it would last 82 s."""
    sound = np.concatenate([np.zeros(10 * RATE), chirp(20), np.zeros(6 * RATE)]).astype(np.float32)
    content = mp3(sound, bitrate_mode="VARIABLE", compression_level=0.5)
    bare = content[first_frame_end(content) :]
    assert expected(bare) == pytest.approx(36, abs=0.1)
    audio = load(bare)
    assert audio.duration == pytest.approx(36, abs=0.1)
    assert_holds(audio, chirp(20), 10 + 0.069)  # nothing says how long the encoder's delay is
    assert audio.notes == ()
    assert load(bare, start=25, end=26).duration == 1.0


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("change", ["none", "rate", "channels"])
def test_all_links_of_a_chained_ogg(coding: str, change: str) -> None:
    first = encoded(FIRST, RATE, "OGG", coding)
    if change == "rate":
        second = encoded(chirp(5, 24_000, low=1000, high=600), 24_000, "OGG", coding)
    else:
        second = encoded(np.stack([SECOND] * (2 if change == "channels" else 1), axis=1), RATE, "OGG", coding)
    content = first + second + first
    audio = load(content)
    assert audio.duration == pytest.approx(11, abs=1e-3)
    for sound, at in ((FIRST, 0), (SECOND, 3), (FIRST, 8)):
        if change != "rate" or sound is FIRST:
            assert_holds(audio, sound, at)
    assert expected(content) == pytest.approx(11, abs=0.05)
    assert_parts_are_of_the_whole(content, audio)
    assert load(content, start=8.2, end=10.8).duration == pytest.approx(2.6)


def test_a_link_that_cannot_be_decoded_is_noted_and_the_others_are_read() -> None:
    ogg = encoded(FIRST, RATE, "OGG", "VORBIS")
    broken = ogg[:40] + bytes(4000) + ogg[4040:]  # its headers are gone
    audio = load(ogg + broken + ogg)
    assert audio.duration == pytest.approx(6, abs=0.01)
    assert audio.notes == ("part 2 of the 3 that it was joined from cannot be decoded",)


# The container's times


@pytest.mark.parametrize("kind", CODECS)
@pytest.mark.parametrize("late", [0.0, 2.5])
def test_audio_that_begins_late_and_has_a_hole(kind: str, late: float) -> None:
    sound = chirp(4, 48_000)
    content = muxed(kind, [Track(sound, late=late, hole=(2.0, 1.5))], picture=True)
    audio = load(content)
    at_16k = load(sound, 48_000).samples
    delayed = 0.0 if kind in ("mp4", "mov", "mkv", "webm") and not late else 0.022  # AAC's delay, where it is not cut
    assert audio.duration == pytest.approx(late + 5.5, abs=0.06)
    assert_holds(audio, at_16k[: 2 * RATE], late, within=0.003 + delayed)
    assert_holds(audio, at_16k[round(2.1 * RATE) :], late + 3.6, within=0.003 + delayed)
    assert not audio.samples[round((late + 2.1) * RATE) : round((late + 3.4) * RATE)].any()
    if late:
        assert not audio.samples[: round((late - 0.1) * RATE)].any()
    begins = late - delayed if late else 0.0
    note = audio.notes[0] if len(audio.notes) == 1 else ""
    assert note.startswith("has no audio from ")
    assert note.endswith(": silence is inserted there")
    assert (f"from 0.00 s to {begins:.1f}"[:15] in note) == bool(late)
    assert_parts_are_of_the_whole(content, audio)


@pytest.mark.parametrize("kind", ["mp4", "mov", "mkv", "flv", "webm"])
def test_audio_alone_may_begin_late_too(kind: str) -> None:
    audio = load(muxed(kind, [Track(chirp(2, 48_000), late=2.5)]))
    assert not audio.samples[: round(2.4 * RATE)].any()
    assert_holds(audio, load(chirp(2, 48_000), 48_000).samples, 2.5, within=0.025)


def test_the_clock_of_a_transport_stream_begins_anywhere() -> None:
    audio = load(muxed("ts", [Track(chirp(2, 48_000), late=1234.5)]))
    assert audio.duration == pytest.approx(2, abs=0.06)
    assert audio.notes == ()


def test_a_cutting_from_a_long_recording_does_not_begin_with_hours_of_silence() -> None:
    for kind in ("mp4", "mkv"):
        assert load(muxed(kind, [Track(chirp(2, 48_000), late=7200.0)])).duration == pytest.approx(2, abs=0.06)


def test_audio_that_begins_late_in_a_long_film() -> None:
    content = muxed("mkv", [Track(chirp(2, 48_000), late=75.0)], picture=True)
    audio = load(content)
    assert audio.duration == pytest.approx(77, abs=0.06)
    assert_holds(audio, load(chirp(2, 48_000), 48_000).samples, 75)
    np.testing.assert_allclose(load(content, start=75.5, end=76).samples, audio.samples[1_208_000:1_216_000], atol=2e-3)


def test_joined_transport_streams_go_on_counting() -> None:
    one = muxed("ts", [Track(chirp(3, 48_000))])
    audio = load(one + one)
    assert audio.duration == pytest.approx(6, abs=0.2)
    assert len(audio.notes) == 1
    assert audio.notes[0].startswith("its timestamps restart at 3.0")
    assert_parts_are_of_the_whole(one + one, audio)


def test_silence_that_an_encoder_did_not_send() -> None:
    """Opus in WebM, as browsers record it: where nobody speaks there is a packet now and then."""
    sound = np.concatenate([chirp(1, 48_000), np.zeros(48_000 * 4, np.float32), chirp(1, 48_000)])
    whole = load(muxed("webm", [Track(sound)]))
    sparse = muxed("webm", [Track(sound[: 48_000 * 3], hole=(2.0, 3.0))])
    audio = load(sparse)
    assert audio.duration == pytest.approx(whole.duration, abs=0.05)
    np.testing.assert_allclose(audio.samples[:RATE], whole.samples[:RATE], atol=0.05)


# Several streams


def test_the_default_stream_is_read_and_the_others_are_named() -> None:
    low, high = chirp(2, 48_000), chirp(2, 48_000, low=2000, high=2500)
    content = muxed("mkv", [Track(low, title="Commentary"), Track(high, title="Film", default=True)])
    audio = load(content)
    assert_holds(audio, load(high, 48_000).samples, 0)
    assert audio.notes == (
        "has 2 audio streams: 1 (aac, 1 channel, deu, Film) is used; stream= selects another: "
        "0 (aac, 1 channel, deu, Commentary)",
    )
    for number, sound in ((0, low), (1, high)):
        chosen = load(content, stream=number)
        assert_holds(chosen, load(sound, 48_000).samples, 0)
        assert chosen.notes == ()
        part = load(content, stream=number, start=1.6, end=1.8)
        np.testing.assert_allclose(part.samples, chosen.samples[25_600:28_800], atol=2e-3)


# Damage


def damaged(content: bytes, at: float = 0.5, length: int = 2000) -> bytes:
    begin = round(len(content) * at)
    return content[:begin] + np.random.default_rng(5).bytes(length) + content[begin + length :]


LONG = chirp(10)
KINDS = ("flac", "ogg", "opus", "mp4", "ts", "flv", "mp3")


@cache
def sound_file(kind: str) -> bytes:
    """Ten seconds, before the damage."""
    match kind:
        case "flac":
            return encoded(LONG, RATE, "FLAC", "PCM_16")
        case "ogg" | "opus":
            return encoded(LONG, RATE, "OGG", {"ogg": "VORBIS", "opus": "OPUS"}[kind])
        case "mp3":
            return mp3(LONG)
        case _:
            return muxed(kind, [Track(LONG, RATE)])


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_damage_is_read_and_stays_in_its_place(kind: str) -> None:
    clean, audio = load(sound_file(kind)), load(damaged(sound_file(kind)))
    # FFmpeg does not say that it looked for the next tag of an FLV file: a hole is what is seen.
    place = re.fullmatch(
        r"(?:damaged|has no audio) from (\S+) s to (\S+) s: silence is inserted there", audio.notes[-1]
    )
    assert place is not None, audio.notes
    begin, end = float(place[1]), float(place[2])
    assert 3.5 < begin < 5.6
    assert begin < end < begin + 2.1  # an Ogg page holds a second
    np.testing.assert_allclose(audio.samples[: int(begin * RATE) - 2000], clean.samples[: int(begin * RATE) - 2000])
    assert np.abs(audio.samples[int(begin * RATE) + 160 : int(end * RATE) - 160]).max() < 1e-3  # filters ring
    if kind != "mp3":  # MPEG audio has no clock: what is missing from it makes the rest earlier
        assert audio.duration == pytest.approx(clean.duration, abs=1e-3)
        rest = slice(round((end + 0.5) * RATE), None)
        assert likeness(audio.samples[rest], clean.samples[rest]) > 0.99
    assert_parts_are_of_the_whole(damaged(sound_file(kind)), audio)


def test_flac_frames_whose_checksum_is_wrong_are_not_decoded_to_noise() -> None:
    clean, content = load(sound_file("flac")), bytearray(sound_file("flac"))
    for place in range(30_000, len(content) - 10_000, 60_000):
        content[place] ^= 0x10
    audio = load(bytes(content))
    assert audio.duration == clean.duration
    assert np.abs(audio.samples).max() <= np.abs(clean.samples).max() + 1e-4
    same = np.isclose(audio.samples, clean.samples, atol=1e-4)
    assert same.mean() > 0.8
    assert not audio.samples[~same].any()
    assert audio.notes[0].startswith("damaged from ")
    assert_parts_are_of_the_whole(bytes(content), audio)


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"mp4"}))  # its index is at the end
def test_a_file_that_breaks_off_is_read_up_to_there(kind: str) -> None:
    clean, cut = load(sound_file(kind)), sound_file(kind)[: len(sound_file(kind)) * 6 // 10]
    audio = load(cut)
    assert 4.5 < audio.duration < 6.5
    length = len(audio.samples) - 2000
    assert likeness(audio.samples[:length], clean.samples[:length]) > 0.99
    if kind != "ts":  # it has no end by which one could tell
        assert any("breaks off at" in note or "to the end" in note for note in audio.notes)
    assert_parts_are_of_the_whole(cut, audio)


def test_an_mp4_without_its_index_says_so() -> None:
    with pytest.raises(AudioUnreadable, match=r"an MP4 file without its index \(moov\)"):
        load(sound_file("mp4")[: len(sound_file("mp4")) * 6 // 10])


# WAV whose header is wrong


def wav(size: int | None, coding: str = "PCM_16") -> bytes:
    """Ten seconds of which the header says that they take `size` bytes; None: what is right."""
    content = bytearray(encoded(LONG, RATE, "WAV", coding))
    if size is not None:
        place = content.index(b"data") + 4
        content[place : place + 4] = struct.pack("<I", size)
    return bytes(content)


@pytest.mark.parametrize("coding", ["PCM_16", "FLOAT", "GSM610", "IMA_ADPCM"])
@pytest.mark.parametrize("size", [0, 1 << 30, 0x7FFFFFFF, 0xFFFFFFFF, "double", "half"])
def test_wav_of_any_size_in_its_header(coding: str, size: int | str) -> None:
    right = wav(None, coding)
    true_size = struct.unpack("<I", right[(place := right.index(b"data") + 4) : place + 4])[0]
    claimed = {"double": 2 * true_size, "half": true_size // 2 // 260 * 260}.get(size, size)
    content = wav(claimed, coding)
    audio, clean = load(content), load(right)
    assert audio.duration == pytest.approx(clean.duration, abs=0.07)
    np.testing.assert_array_equal(audio.samples[: 9 * RATE], clean.samples[: 9 * RATE])
    assert expected(content) == pytest.approx(10, abs=0.1)
    too_much = claimed in (1 << 30, 2 * true_size)
    assert [note.partition(":")[0][:13] for note in audio.notes] == (["breaks off at"] if too_much else [])
    assert_parts_are_of_the_whole(content, audio)
