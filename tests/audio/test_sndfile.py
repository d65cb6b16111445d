"""Codings that libsndfile alone reads."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.support.media import chirp, encoded, likeness
from whisper_magic.audio.load import load, stream
from whisper_magic.errors import AudioInvalid, AudioUnreadable

RARE = [
    ("WAV", "G721_32", 8000),
    ("AU", "G721_32", 8000),
    ("AU", "G723_24", 8000),
    ("AU", "G723_40", 8000),
    ("WAV", "NMS_ADPCM_16", 8000),
    ("WAV", "NMS_ADPCM_24", 8000),
    ("WAV", "NMS_ADPCM_32", 8000),
    ("WAV", "GSM610", 8000),
    ("AIFF", "GSM610", 8000),
    ("XI", "DPCM_8", 44_100),
    ("XI", "DPCM_16", 44_100),
    ("CAF", "ALAC_16", 16_000),
    ("HTK", "PCM_16", 16_000),
    ("SDS", "PCM_16", 16_000),
    ("MAT5", "FLOAT", 16_000),
    ("PAF", "PCM_24", 16_000),
]


@pytest.mark.parametrize(("container", "coding", "rate"), RARE)
def test_rare_codings_whole_and_in_part(
    container: str, coding: str, rate: int, capfd: pytest.CaptureFixture[str]
) -> None:
    sound = chirp(4, rate)
    content = encoded(sound, rate, container, coding)
    audio = load(content, sample_rate=rate)
    assert audio.duration == pytest.approx(4, abs=0.03)
    assert likeness(audio.samples[: len(sound)], sound) > (0.9 if coding in ("NMS_ADPCM_16", "GSM610") else 0.98)
    assert audio.notes == ()
    part = load(content, sample_rate=rate, start=2.3, end=3.1)
    np.testing.assert_allclose(part.samples, audio.samples[round(2.3 * rate) : round(3.1 * rate)], atol=1e-6)
    with pytest.raises(AudioInvalid, match=r"lasts 4\.\d\d s: start=20 is beyond its end"):
        load(content, start=20)
    opened = stream(content)
    opened.close()
    assert opened.expected == pytest.approx(4, abs=0.05)
    assert capfd.readouterr() == ("", "")


def test_without_soundfile_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(AudioUnreadable, match="pip install soundfile"):
        load(encoded(chirp(1, 8000), 8000, "WAV", "G721_32"))


def test_without_pyav_it_reads_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {
        kind: encoded(chirp(2), 16_000, kind, coding)
        for kind, coding in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III"))
    }
    monkeypatch.setitem(sys.modules, "av", None)
    for kind in ("WAV", "FLAC"):
        part = load(contents[kind], start=1.2, end=1.5)
        np.testing.assert_allclose(part.samples, chirp(2)[19_200:24_000], atol=1e-4)
    with pytest.raises(AudioUnreadable, match="pip install av"):
        load(contents["MP3"])
