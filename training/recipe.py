"""Every number of the recipe, stated once. Nothing here computes."""

from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
"""Everything that can be made again: speech, tokenizer, training checkpoints. Ignored by git."""
ASSETS = HERE.parent / "whisper_magic" / "assets" / "demo"
"""Where the finished pair and its sample go."""


@dataclass(frozen=True)
class Shape:
    """The network's size; the names are Whisper's own."""

    n_mels: int = 80
    n_audio_ctx: int = 1500
    n_text_ctx: int = 448
    width: int = 192
    heads: int = 3
    feed_forward: int = 768
    encoder_layers: int = 4
    decoder_layers: int = 8
    draft_layers: int = 1


@dataclass(frozen=True)
class WindowKind:
    """A size of training window: ``positions`` of 0.02 s, ``batch`` windows a step, ``tokens`` at most each."""

    positions: int
    batch: int
    tokens: int

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.positions * 0.02


SHORT = WindowKind(positions=160, batch=36, tokens=48)
MEDIUM = WindowKind(positions=320, batch=18, tokens=80)
LONG = WindowKind(positions=640, batch=9, tokens=128)
FULL = WindowKind(positions=1500, batch=4, tokens=256)


@dataclass(frozen=True)
class Phase:
    """A stretch of steps that draws window kinds with fixed odds. While ``listening``, the encoder alone learns, by
    CTC: the decoder has little to attend to before it hears, and the step costs half."""

    steps: int
    odds: tuple[tuple[WindowKind, float], ...]
    listening: bool = False


@dataclass(frozen=True)
class Recipe:
    """One run of the whole recipe."""

    seed: int = 0
    languages: tuple[str, ...] = ("en",)
    # speech
    utterances: int = 24_000
    shard: int = 1_000
    workers: int = 2
    # tokenizer: byte-level BPE tokens, before the special ones
    bpe_tokens: int = 448
    # target
    shape: Shape = field(default_factory=Shape)
    phases: tuple[Phase, ...] = (
        Phase(400, ((SHORT, 1.0),), listening=True),
        Phase(500, ((SHORT, 1.0),)),
        Phase(100, ((SHORT, 0.4), (MEDIUM, 0.6))),
        Phase(200, ((SHORT, 0.2), (MEDIUM, 0.2), (FULL, 0.6))),
        Phase(1_100, ((SHORT, 0.2), (FULL, 0.8))),
    )
    learning_rate: float = 3e-3
    warm_up: int = 100
    fall: float = 0.45
    label_smoothing: float = 0.05
    ctc_weight: float = 0.3
    guide_weight: float = 0.3
    checkpoint_every: int = 100
    threads: int = 1
    # draft
    draft_steps: int = 600
    draft_odds: tuple[tuple[WindowKind, float], ...] = ((SHORT, 0.5), (FULL, 0.5))
    # sample and evaluation
    sample_seed: int = 2026
    evaluation_sentences: int = 100

    @property
    def steps(self) -> int:
        """Steps of target training."""
        return sum(phase.steps for phase in self.phases)
