"""Measure a suite: a table for people, then everything as JSON on the last line.

    verdict    the figures that have a goal: required, measured, met
    demo       the bundled pair on real audio, beside transformers' pipelines and faster-whisper
    shapes     random weights at real shapes, known acceptance rate, beside transformers and CTranslate2
    batch      1 to 32 windows at once
    length     recordings of 30 seconds to 3 hours
    adaptive   automatic draft length against every fixed one
    speech     a long real recording: times and word errors, beside transformers and faster-whisper
    words      word times against checked ones, beside transformers and faster-whisper
    exact      the text on every real recording, beside transformers and openai/whisper
    unread     word errors of batched mode beside sequential, on long real recordings
    player     the player in a real JupyterLab: time to be seen, to sound; ten hours
    gpu        everything that only a GPU can show, in nine minutes; --rehearse does the same on a CPU, in miniature
    explorer   a million segments searched, 100,000 rows in a real JupyterLab
    library    500 real clips into a library, beside a loop and faster-whisper
    startup    %load_ext, and loading an engine
    all        every one of these but verdict and gpu
    sound      write the bundled recording as WAV (--to), for machines that cannot decode it
    page       rewrite the measured part of docs/benchmarks.md from benchmarks/results

On a GPU:

    python -m benchmarks batch --shapes large-v3 --dtypes float16 --batches 1,8,16,32

Progress goes to standard error. Threads are torch's own choice (OMP_NUM_THREADS), or --threads.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.report.report import Report, SuiteResult, full_text, save, verdict_text
from benchmarks.settings import Settings, log_to_stderr
from whisper_magic.errors import WhisperMagicError

SUITES = (
    "verdict",
    "demo",
    "shapes",
    "batch",
    "length",
    "adaptive",
    "startup",
    "speech",
    "words",
    "unread",
    "player",
    "explorer",
    "library",
    "exact",
    "gpu",
)
ALONE = ("verdict", "gpu")  # not part of 'all'
SETTINGS = (
    *("repeats", "device", "dtypes", "shapes", "acceptance_rates", "tokens", "batches"),
    *("windows", "minutes", "model", "draft", "recordings", "work"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 1 for an error, or where a text of ours differs from what our target alone writes.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = _parser().parse_args(words)
    try:
        if chosen.suite == "sound":
            return _sound(chosen)
        if chosen.suite == "page":
            return _page()
        suites = [name for name in SUITES if name not in ALONE] if chosen.suite == "all" else [chosen.suite]
        settings, load = _settings(chosen), machine.load()  # before the first suite raises the load itself
        return max(_measure(name, settings, chosen.out, words, load) for name in suites)
    except WhisperMagicError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _measure(suite: str, settings: Settings, out: Path | None, words: list[str], load: float) -> int:
    from benchmarks.probe import native_kernels

    command = shlex.join(["python", "-m", "benchmarks", *words])

    def described(result: SuiteResult) -> Report:
        kernels, bandwidth = native_kernels(settings.device), machine.bandwidth(settings.device)
        here = machine.describe(settings.threads, load, kernels, bandwidth)
        return Report(suite, command, here, settings.to_json(), result.measurements, result.findings, result.notes)

    def keep(result: SuiteResult) -> None:
        if out is not None:
            save(described(result), out)

    module = importlib.import_module(f"benchmarks.suites.{suite}")
    report = described(module.run(settings, keep) if suite == "gpu" else module.run(settings))
    for line in verdict_text(report) if suite == "verdict" else full_text(report):
        print(line)
    if out is not None:
        print(f"\nwritten: {save(report, out)}")
    print(report.to_json(), flush=True)
    return 1 if report.mismatches else 0


def _settings(chosen: argparse.Namespace) -> Settings:
    import torch

    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    given: dict[str, Any] = {}
    for name in SETTINGS:
        value = getattr(chosen, name)
        if value is not None:
            given[name] = tuple(value) if isinstance(value, list) else value
    defaults = Settings(
        threads=torch.get_num_threads(),
        device="cuda" if torch.cuda.is_available() else "cpu",
        peers=not chosen.no_peers,
        audio=chosen.audio,
        rehearse=chosen.rehearse,
        log=log_to_stderr,
    )
    return replace(defaults, **given)


def _sound(chosen: argparse.Namespace) -> int:
    from benchmarks import sound

    to = chosen.to or Path("sample.wav")
    sound.write_wav(to, sound.recording(chosen.audio))
    print(f"written: {to}")
    return 0


def _page() -> int:
    from benchmarks.report import page

    print(f"written: {', '.join(map(str, page.rewrite(page.PAGE, page.committed())))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", choices=[*SUITES, "all", "sound", "page"])
    parser.add_argument("--repeats", type=_positive, help="timed runs of each side, after a warm-up (default: 3 to 5)")
    parser.add_argument("--threads", type=_positive, help="torch threads, for every side (default: torch's)")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--dtypes", type=_words, help="float32,bfloat16,float16 (default: the suite's)")
    parser.add_argument("--shapes", type=_words, help="demo,tiny,base,small,medium,large-v3 (default: the suite's)")
    parser.add_argument("--acceptance-rates", type=_numbers, help="of scripted drafts, 0 to 1 (default: 0.8)")
    parser.add_argument("--tokens", type=_positive, help="written per window of random weights (default: 100)")
    parser.add_argument("--batches", type=_integers, help="windows at once (default: 1,2,4,8,16,32)")
    parser.add_argument("--windows", type=_positive, help="windows decoded per run (default: the suite's)")
    parser.add_argument("--minutes", type=_numbers, help="lengths of recordings (default: 0.5,2,10,60,180)")
    parser.add_argument("--rehearse", action="store_true", help="suite 'gpu': on a CPU, with toy checkpoints")
    parser.add_argument("--no-peers", action="store_true", help="measure whisper_magic alone")
    parser.add_argument("--audio", type=Path, help="a 16-bit mono WAV at 16 kHz (default: the bundled recording)")
    parser.add_argument(
        "--model",
        help="suites on real recordings: a trained Whisper (default: openai/whisper-base)",
    )
    parser.add_argument("--draft", help="suite 'speech': its draft (default: the one that goes with it)")
    parser.add_argument("--recordings", type=Path, help="the same: folder of recordings (default: ../shared/audio)")
    parser.add_argument("--work", type=Path, help="folder for random checkpoints (default: in the temporary folder)")
    parser.add_argument("--out", type=Path, help="folder for the results, as JSON")
    parser.add_argument("--to", type=Path, help="suite 'sound': the file to write (default: sample.wav)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _numbers(text: str) -> list[float]:
    return [float(word) for word in _words(text)]


def _integers(text: str) -> list[int]:
    return [_positive(word) for word in _words(text)]


if __name__ == "__main__":
    sys.exit(main())
