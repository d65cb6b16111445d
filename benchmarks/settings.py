"""The settings of a suite. Every default is stated once."""

from __future__ import annotations

import importlib.resources
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whisper_magic import TranscribeOptions

DEMO_FOLDER = Path(str(importlib.resources.files("whisper_magic"))) / "assets" / "demo"
DRAFT_LENGTH = int(TranscribeOptions().draft_length)
GREEDY = TranscribeOptions(  # the same work as transformers' pipeline: no temperature fallback, no silence skip
    language="en",
    temperature=0.0,
    compression_ratio_threshold=None,
    logprob_threshold=None,
    no_speech_threshold=None,
    draft="model",  # never the previous transcript of the same audio
    mode="sequential",
)


@dataclass(frozen=True)
class Workload:
    """What every side does with one window of features.

    Attributes:
        timestamps: Whether timestamps are predicted.
        tokens: Write exactly this many tokens; None writes until end-of-text.
        lengths: Instead, as many tokens as these in the windows, in turns: a batch whose windows all end together
            hides what it costs to refill a slot.
    """

    timestamps: bool = True
    tokens: int | None = None
    lengths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The command line's choices. None leaves a choice to the suite.

    Attributes:
        repeats: Timed runs of each side, after one warm-up run.
        threads: torch threads, for every side.
        device: "cpu", "cuda" or "cuda:1".
        dtypes: Names of torch dtypes.
        shapes: "demo", or names of `checkpoints.SHAPES`.
        acceptance_rates: Shares of right proposals, with random weights.
        tokens: Tokens written per window, with random weights.
        batches: Numbers of windows decoded at once.
        windows: Windows decoded per run.
        minutes: Lengths of recordings.
        peers: Whether other implementations are measured too.
        audio: A 16-bit mono WAV file at 16 kHz, in place of the bundled recording.
        model: The trained Whisper of the suites on real recordings: a name, or a Hugging Face folder where peers are
            measured.
        draft: Its draft; None takes the usual one.
        recordings: Folder of real recordings.
        work: Folder for random and converted checkpoints.
        rehearse: Suite 'gpu': the same on a CPU, in miniature.
        log: Called with a line of progress after every run.
    """

    repeats: int | None = None
    threads: int = 1
    device: str = "cpu"
    dtypes: tuple[str, ...] | None = None
    shapes: tuple[str, ...] | None = None
    acceptance_rates: tuple[float, ...] = (0.8,)
    tokens: int = 100
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    windows: int | None = None
    minutes: tuple[float, ...] = (0.5, 2, 10, 60, 180)
    peers: bool = True
    audio: Path | None = None
    model: str = "openai/whisper-base"
    draft: str | None = None
    recordings: Path = Path(__file__).parents[2] / "shared" / "audio"
    work: Path = Path(tempfile.gettempdir()) / "whisper-magic-benchmarks"
    rehearse: bool = False
    log: Callable[[str], None] = lambda line: None

    def to_json(self) -> dict[str, Any]:
        """The settings that bear on the figures."""
        return {
            name: value for name, value in asdict(self).items() if name not in ("work", "log", "audio", "recordings")
        }


def log_to_stderr(line: str) -> None:
    """Print a line of progress; standard output is for the report."""
    print(line, file=sys.stderr, flush=True)
