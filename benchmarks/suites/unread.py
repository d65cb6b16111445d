"""Word errors of batched mode beside sequential (contract D): what one mode reads, the other must not leave out.

Real recordings of minutes, with their texts: ten speakers, a dialogue of three, French poems. Ours alone, with its
defaults, in float32, the language given. No figure here is a time.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.probe import read_recording
from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import Settings
from benchmarks.sound import RATE
from whisper_magic import Engine
from whisper_magic.errors import WhisperMagicError

RECORDINGS = {
    "ten speakers": ("long/librispeech_longform_10spk.flac", "en"),
    "a dialogue": ("long/librispeech_dialogue_3spk.flac", "en"),
    "French poems": ("librivox_fr/*.mp3", "fr"),
}
MODES = ("sequential", "batched")


def run(settings: Settings) -> SuiteResult:
    """Transcribe each recording in both modes."""
    findings, notes = list[Finding](), list[str]()
    with Engine.load(settings.model, settings.draft, device=settings.device, dtype="float32") as engine:
        for name, (pattern, language) in RECORDINGS.items():
            paths = [path for path in sorted(settings.recordings.glob(pattern)) if path.with_suffix(".txt").is_file()]
            if not paths:
                notes.append(f"{name}: there is no {settings.recordings / pattern} with a text beside it")
                continue
            counts = {mode: _errors(engine, paths, language, mode) for mode in MODES}
            settings.log(f"{name}: {counts}")
            findings.append(_finding(name, counts))
    if not findings:
        raise WhisperMagicError(f"there are no recordings in {settings.recordings}; --recordings names the folder")
    return SuiteResult(findings=tuple(findings), notes=tuple(notes))


def _errors(engine: Engine, paths: list[Path], language: str, mode: str) -> tuple[int, int, int]:
    """Errors, missing words, and words of the references."""
    errors = missing = words = 0
    for path in paths:
        transcript = engine.transcribe((read_recording(path), RATE), language=language, mode=mode)
        compared = transcript.wer(path.with_suffix(".txt").read_text("utf-8"))
        errors, missing = errors + compared.errors, missing + compared.deletions
        words += compared.words
    return errors, missing, words


def _finding(name: str, counts: dict[str, tuple[int, int, int]]) -> Finding:
    (errors, _, words), (batched, _, _) = (counts[mode] for mode in MODES)
    detail = f"{words:,} words; " + "; ".join(
        f"{mode} {count[0]} errors, {count[1]} missing" for mode, count in counts.items()
    )
    return Finding(
        f"{name}: word errors, batched - sequential", 100 * (batched - errors) / words, "points", 0.5, True, detail
    )
