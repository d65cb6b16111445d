"""Word times of ours, transformers and faster-whisper against hand-checked ones, on short clips in several languages.

Errors are absolute. Only words that all of them wrote as the reference has them are compared, so that each is judged on
the same words. float32, greedy, the language given.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from benchmarks.checkpoints import convert_to_ctranslate2, quiet
from benchmarks.peers.ctranslate2 import FasterWhisperSpeech, SubprocessPeer, why_unavailable
from benchmarks.probe import checkpoint_folder, read_recording
from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import Settings
from benchmarks.sound import RATE, Samples
from whisper_magic import Engine
from whisper_magic.errors import WhisperMagicError

CLIPS = "many_languages/test_data.json"
Timed = tuple[str, float, float]  # text, start, end in seconds
OURS = "ours"


def run(settings: Settings) -> SuiteResult:
    """Compare the word times of every clip."""
    page = settings.recordings / CLIPS
    if not page.is_file():
        raise WhisperMagicError(f"there is no {page}; --recordings names the folder")
    tests = json.loads(page.read_text())["tests"]["language_tests"]
    notes: list[str] = []
    languages: list[str] = []
    errors: dict[str, tuple[list[float], list[float]]] = {}
    with ExitStack() as closing:
        sides = _sides(settings, closing, notes)
        for test in tests:
            samples = read_recording((page.parent / test["audio_file"]).with_suffix(".flac"))
            truth = [(word["word"], word["start_sec"], word["end_sec"]) for word in test["words"]]
            written = {name: words(samples, test["language"]) for name, words in sides.items()}
            matches = {name: _matches(truth, words) for name, words in written.items()}
            common = set.intersection(*(set(match) for match in matches.values()))
            for name, match in matches.items():
                starts, ends = errors.setdefault(name, ([], []))
                starts += [abs(match[i][1] - truth[i][1]) for i in sorted(common)]
                ends += [abs(match[i][2] - truth[i][2]) for i in sorted(common)]
            languages += [test["language"]] if common else []
            settings.log(f"{test['language']}: {len(common)} of {len(truth)} words compared")
    count = len(errors[OURS][0])
    return SuiteResult(findings=tuple(_findings(errors)), notes=(f"{count} words, in {', '.join(languages)}", *notes))


def _sides(settings: Settings, closing: ExitStack, notes: list[str]) -> dict[str, Any]:
    """Name -> a function of samples and language that returns the words."""
    engine = Engine.load(settings.model, draft="none", device=settings.device, dtype="float32")
    closing.callback(engine.close)

    def ours(samples: Samples, language: str) -> list[Timed]:
        transcript = engine.transcribe((samples, RATE), language=language, words=True)
        return [(word.text, word.start, word.end) for word in transcript.words]

    sides: dict[str, Any] = {OURS: ours}
    if not settings.peers:
        return sides
    folder = checkpoint_folder(settings.model)
    sides["transformers"] = _transformers(folder, settings.device)
    if reason := why_unavailable(settings.device, "float32"):
        notes.append(reason)
        return sides
    converted = convert_to_ctranslate2(folder, settings.work)
    peer = SubprocessPeer(FasterWhisperSpeech, converted, settings.device, "float32", settings.threads)
    closing.callback(peer.close)
    sides["faster-whisper"] = lambda samples, language: peer.run("words", samples, language)
    return sides


def _transformers(folder: Path, device: str) -> Any:
    from transformers import pipeline

    with quiet():
        pipe: Any = pipeline("automatic-speech-recognition", str(folder), device=device)

    def words(samples: Samples, language: str) -> list[Timed]:
        forced = {"language": language, "task": "transcribe"}
        with quiet():
            matches = pipe({"raw": samples, "sampling_rate": RATE}, return_timestamps="word", generate_kwargs=forced)
        return [(chunk["text"], *chunk["timestamp"]) for chunk in matches["chunks"]]

    return words


def _plain(words: Iterable[Timed]) -> list[str]:
    return [re.sub(r"\W", "", text.lower()) for text, _, _ in words]


def _matches(truth: Sequence[Timed], words: Sequence[Timed]) -> dict[int, Timed]:
    """Place in the truth -> the word that was written for it."""
    spoken = [word for word in words if _plain([word])[0]]
    matcher = SequenceMatcher(None, _plain(truth), _plain(spoken), autojunk=False)
    return {i + k: spoken[j + k] for i, j, size in matcher.get_matching_blocks() for k in range(size)}


def _findings(errors: dict[str, tuple[list[float], list[float]]]) -> Iterable[Finding]:
    for edge, which in (("starts", 0), ("ends", 1)):
        for label, share in (("median", 0.5), ("90th percentile", 0.9)):
            values = {name: 1000 * _quantile(both[which], share) for name, both in errors.items()}
            peers = {name: value for name, value in values.items() if name != OURS}
            detail = ", ".join(f"{name} {value:.0f}" for name, value in peers.items())
            best = min(peers.values(), default=None)
            name = f"word {edge}, {label} of the error"
            yield Finding(f"{name} ({detail} ms)", values[OURS], "ms", best, at_most=True)


def _quantile(values: Sequence[float], share: float) -> float:
    if share == 0.5:
        return statistics.median(values)
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
