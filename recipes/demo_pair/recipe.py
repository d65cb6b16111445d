"""Every number of the recipe, stated once. Nothing here computes."""

from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
"""Everything that can be made again: speech, tokenizer, training checkpoints. Ignored by git."""
ASSETS = HERE.parents[1] / "whisper_magic" / "assets" / "demo"
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
LONG = WindowKind(positions=640, batch=9, tokens=144)
FULL = WindowKind(positions=1500, batch=4, tokens=256)


CROWDED = 0.55
"""Share of windows that are filled with sentences to the end, where a phase says no other."""


@dataclass(frozen=True)
class Phase:
    """A stretch of steps that draws window kinds with fixed odds from some languages; the learning rate goes in a
    straight line from ``rates[0]`` to ``rates[1]``. While ``listening``, the encoder alone learns, by CTC: the decoder
    has little to attend to before it hears, and the step costs half."""

    steps: int
    odds: tuple[tuple[WindowKind, float], ...]
    rates: tuple[float, float]
    languages: tuple[str, ...]
    listening: bool = False
    crowded: float = CROWDED


@dataclass(frozen=True)
class Odds:
    """How training windows are drawn."""

    languages: dict[str, float] = field(default_factory=lambda: {"en": 0.31, "de": 0.23, "fr": 0.23, "es": 0.23})
    translate: float = 0.55
    """Share of rows in another language than English that are translated."""
    translate_english: float = 0.03
    mixed: float = 0.11
    """Share of long and full windows in which languages change, or are not what the prompt says."""
    timestamps: float = 0.6
    previous: float = 0.25
    """Share of full windows that follow some previous text."""


ENGLISH = ("en",)
ALL = ("en", "de", "fr", "es")
_DENSE = ((SHORT, 0.2), (FULL, 0.8))
_LEARNING = ((SHORT, 0.5), (MEDIUM, 0.15), (LONG, 0.25), (FULL, 0.1))
_LENGTHENING = ((SHORT, 0.2), (LONG, 0.35), (FULL, 0.45))
_FINISHING = ((SHORT, 0.15), (LONG, 0.25), (FULL, 0.6))
_PRACTISING = ((SHORT, 0.25), (LONG, 0.3), (FULL, 0.45))
_READING = ((SHORT, 0.2), (LONG, 0.2), (FULL, 0.6))
_ALONE = ((SHORT, 0.1), (LONG, 0.1), (FULL, 0.8))
_MANY = ((SHORT, 0.35), (LONG, 0.3), (FULL, 0.35))
_CROWDED = ((LONG, 0.15), (FULL, 0.85))
_ROUNDING_OFF = ((SHORT, 0.15), (LONG, 0.25), (FULL, 0.6))

_DRAFTING = ((SHORT, 0.5), (LONG, 0.3), (FULL, 0.2))

_DRAFTING_LONGER = ((SHORT, 0.4), (LONG, 0.35), (FULL, 0.25))
_DRAFTING_LAST = ((SHORT, 0.4), (LONG, 0.3), (FULL, 0.3))

ENGLISH_PHASES = (
    Phase(100, ((SHORT, 1.0),), (0, 3e-3), ENGLISH, listening=True),
    Phase(300, ((SHORT, 1.0),), (3e-3, 3e-3), ENGLISH, listening=True),
    Phase(500, ((SHORT, 1.0),), (3e-3, 3e-3), ENGLISH),
    Phase(100, ((SHORT, 0.4), (MEDIUM, 0.6)), (3e-3, 3e-3), ENGLISH),
    Phase(200, ((SHORT, 0.2), (MEDIUM, 0.2), (FULL, 0.6)), (3e-3, 3e-3), ENGLISH),
    Phase(1_100, _DENSE, (3e-3, 1e-4), ENGLISH),
)
"""The encoder listens first; then short windows, then full ones."""

ALL_PHASES = (
    Phase(50, ((SHORT, 1.0),), (0, 2e-3), ALL, listening=True),
    Phase(150, ((SHORT, 1.0),), (2e-3, 2e-3), ALL, listening=True),
    Phase(800, _LEARNING, (2e-3, 1.4e-3), ALL),
    Phase(500, _LENGTHENING, (1.4e-3, 7e-4), ALL),
    Phase(500, _FINISHING, (7e-4, 1e-5), ALL),
    Phase(100, _PRACTISING, (1e-4, 1.2e-3), ALL),
    Phase(1_000, _PRACTISING, (1.2e-3, 6e-4), ALL),
    Phase(800, _PRACTISING, (6e-4, 1e-5), ALL),
    Phase(60, _READING, (1e-4, 1.2e-3), ALL),
    Phase(1_240, _READING, (1.2e-3, 1e-5), ALL),
    Phase(260, _ALONE, (6e-4, 1e-5), ALL),
)
"""Three more languages for ears and a decoder that know one; then practice, at a rate that is raised again."""

ROUNDS = (
    (
        Phase(60, _MANY, (1e-4, 1.2e-3), ALL),
        Phase(640, _MANY, (1.2e-3, 5e-4), ALL),
        Phase(400, _ROUNDING_OFF, (5e-4, 1e-5), ALL),
    ),
    (Phase(20, _CROWDED, (1e-4, 8e-4), ALL, crowded=0.7), Phase(380, _CROWDED, (8e-4, 1e-5), ALL, crowded=0.7)),
)
"""First as many sentences as can be, then as many full windows."""


@dataclass(frozen=True)
class Sizes:
    """How many sentences a language each row of the evaluation has."""

    seen: int = 100
    unseen: int = 60
    few: int = 20
    """For timestamps, acceptance and fp16."""
    translated: int = 60
    long_form: int = 66
    """In one recording of three minutes or a little more."""
    human: int = 60
    sounds: int = 60


@dataclass(frozen=True)
class Recipe:
    """One run of the whole recipe."""

    seed: int = 0
    languages: tuple[str, ...] = ALL
    # speech: utterances a language said by synthesizers, and English digit strings said by people
    utterances: int = 24_000
    human_utterances: int = 6_000
    sounds: int = 240
    shard: int = 1_000
    workers: int = 2
    # tokenizer: byte-level BPE tokens, before the special ones
    bpe_tokens: int = 1_200
    # target
    shape: Shape = field(default_factory=Shape)
    phases: tuple[Phase, ...] = ENGLISH_PHASES + ALL_PHASES
    averaged: tuple[int, ...] = (6_200, 7_500, 7_760)
    """The trunk ends as the mean of its weights after these steps: each time the rate had come down to nothing."""
    branches: int = 2
    """Runs side by side, each with batches of its own."""
    rounds: tuple[tuple[Phase, ...], ...] = ROUNDS
    """What every branch does, from the trunk's end and then from the mean of what the branches came to, which is the
    target in the end."""
    odds: Odds = field(default_factory=Odds)
    label_smoothing: float = 0.05
    ctc_weight: float = 0.3
    guide_weight: float = 0.3
    checkpoint_every: int = 100
    threads: int = 1
    device: str = "cpu"
    # draft
    draft_phases: tuple[Phase, ...] = (
        Phase(30, _DRAFTING, (0, 2e-3), ALL),
        Phase(490, _DRAFTING, (2e-3, 2e-5), ALL),
        Phase(340, _DRAFTING_LONGER, (1.5e-3, 2e-5), ALL),
        Phase(400, _DRAFTING_LONGER, (1.5e-3, 2e-5), ALL),
        Phase(300, _DRAFTING_LAST, (1.2e-3, 2e-5), ALL),
        Phase(100, _DRAFTING_LAST, (6e-4, 2e-5), ALL),
        Phase(30, _DRAFTING_LAST, (1e-4, 1.2e-3), ALL),
        Phase(310, _DRAFTING_LAST, (1.2e-3, 1e-5), ALL),
    )
    # sample and evaluation
    sample_seed: int = 2027
    evaluation: Sizes = field(default_factory=Sizes)

    @property
    def steps(self) -> int:
        """Steps of the target's trunk."""
        return sum(phase.steps for phase in self.phases)

    @property
    def round_steps(self) -> tuple[int, ...]:
        """Steps of each branch in each round."""
        return tuple(sum(phase.steps for phase in phases) for phases in self.rounds)

    @property
    def draft_steps(self) -> int:
        """Steps of the draft's training."""
        return sum(phase.steps for phase in self.draft_phases)
