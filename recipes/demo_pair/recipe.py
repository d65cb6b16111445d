"""Every number of the recipe, stated once. Nothing here computes anything."""

from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
"""Everything that can be made again: corpus, tokenizer, training checkpoints. Ignored by git."""
ASSETS = HERE.parents[1] / "whisper_magic" / "assets" / "demo"
"""Where the finished pair and its sample go."""


class RecipeError(RuntimeError):
    """A stage cannot run; the message says what was missing and what to do."""


@dataclass(frozen=True)
class Shape:
    """The networks' sizes, by Whisper's own names."""

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
    """A size of training windows.

    Attributes:
        positions: Length, in encoder positions of 0.02 s.
        batch: Windows per step.
        tokens: Tokens per window, at most.
    """

    positions: int
    batch: int
    tokens: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.positions * 0.02


SHORT = WindowKind(positions=160, batch=36, tokens=48)
MEDIUM = WindowKind(positions=320, batch=18, tokens=80)
LONG = WindowKind(positions=640, batch=9, tokens=144)
FULL = WindowKind(positions=1500, batch=4, tokens=256)

PACKED = 0.55
"""Share of windows that are filled with sentences to the end, unless a phase states another."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training steps.

    Attributes:
        odds: Kinds of windows, and how often each is drawn.
        rates: Learning rate at the first and last step, linear in between.
        languages: Languages that windows are drawn from.
        encoder_only: Train the encoder alone, by CTC, at half the cost of a step: before it has learned anything, the
            decoder has nothing to attend to.
        packed: Share of windows that are filled with sentences to the end.
    """

    steps: int
    odds: tuple[tuple[WindowKind, float], ...]
    rates: tuple[float, float]
    languages: tuple[str, ...]
    encoder_only: bool = False
    packed: float = PACKED


@dataclass(frozen=True)
class Odds:
    """How training windows are drawn. All are shares.

    Attributes:
        languages: Of windows, by language.
        translate: Of rows in another language than English that are translated.
        translate_english: Of English rows that are translated.
        mixed: Of long and full windows in which languages change, or differ from the one that the prompt names.
        timestamps: Of rows with timestamps.
        previous: Of full windows that follow a previous text.
    """

    languages: dict[str, float] = field(default_factory=lambda: {"en": 0.31, "de": 0.23, "fr": 0.23, "es": 0.23})
    translate: float = 0.55
    translate_english: float = 0.03
    mixed: float = 0.11
    timestamps: float = 0.6
    previous: float = 0.25


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
_PACKED = ((LONG, 0.15), (FULL, 0.85))
_ROUNDING_OFF = ((SHORT, 0.15), (LONG, 0.25), (FULL, 0.6))

_DRAFTING = ((SHORT, 0.5), (LONG, 0.3), (FULL, 0.2))

_DRAFTING_LONGER = ((SHORT, 0.4), (LONG, 0.35), (FULL, 0.25))
_DRAFTING_LAST = ((SHORT, 0.4), (LONG, 0.3), (FULL, 0.3))

ENGLISH_PHASES = (
    Phase(100, ((SHORT, 1.0),), (0, 3e-3), ENGLISH, encoder_only=True),
    Phase(300, ((SHORT, 1.0),), (3e-3, 3e-3), ENGLISH, encoder_only=True),
    Phase(500, ((SHORT, 1.0),), (3e-3, 3e-3), ENGLISH),
    Phase(100, ((SHORT, 0.4), (MEDIUM, 0.6)), (3e-3, 3e-3), ENGLISH),
    Phase(200, ((SHORT, 0.2), (MEDIUM, 0.2), (FULL, 0.6)), (3e-3, 3e-3), ENGLISH),
    Phase(1_100, _DENSE, (3e-3, 1e-4), ENGLISH),
)
"""The encoder alone, then short windows, then full ones."""

ALL_PHASES = (
    Phase(50, ((SHORT, 1.0),), (0, 2e-3), ALL, encoder_only=True),
    Phase(150, ((SHORT, 1.0),), (2e-3, 2e-3), ALL, encoder_only=True),
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
"""Three more languages for a network that knows one; then more steps at a learning rate that is raised again."""

ROUNDS = (
    (
        Phase(60, _MANY, (1e-4, 1.2e-3), ALL),
        Phase(640, _MANY, (1.2e-3, 5e-4), ALL),
        Phase(400, _ROUNDING_OFF, (5e-4, 1e-5), ALL),
    ),
    (Phase(20, _PACKED, (1e-4, 8e-4), ALL, packed=0.7), Phase(380, _PACKED, (8e-4, 1e-5), ALL, packed=0.7)),
)
"""First many short windows, then many full ones."""


@dataclass(frozen=True)
class EvaluationSizes:
    """Sentences per language in each row of the evaluation.

    Attributes:
        seen: By voices of the training data.
        unseen: By voices that are not in the training data.
        few: For timestamps, acceptance and fp16.
        translated: For translation.
        long_form: Joined into one recording of three minutes or a little more.
        human: Strings of digits by the speaker that is held out.
        sounds: Recordings without speech.
    """

    seen: int = 100
    unseen: int = 60
    few: int = 20
    translated: int = 60
    long_form: int = 66
    human: int = 60
    sounds: int = 60


@dataclass(frozen=True)
class Recipe:
    """One run of the whole recipe.

    Attributes:
        utterances: Synthetic utterances per language.
        human_utterances: Strings of English digits by people.
        sounds: Recordings without speech, of ten seconds.
        shard: Utterances per file of the corpus.
        bpe_tokens: Byte-level BPE tokens, before the special ones.
        phases: Training of the trunk.
        averaged: The trunk ends as the mean of its weights after these steps, where the learning rate had come down.
        branches: Runs side by side in a round, each with batches of its own.
        rounds: Phases of every branch. The first round starts from the trunk's end, each other from the mean of the
            branches before; the target is the mean of the last branches.
    """

    seed: int = 0
    languages: tuple[str, ...] = ALL
    # speech
    utterances: int = 24_000
    human_utterances: int = 6_000
    sounds: int = 240
    shard: int = 1_000
    workers: int = 2
    # tokenizer
    bpe_tokens: int = 1_200
    # target
    shape: Shape = field(default_factory=Shape)
    phases: tuple[Phase, ...] = ENGLISH_PHASES + ALL_PHASES
    averaged: tuple[int, ...] = (6_200, 7_500, 7_760)
    branches: int = 2
    rounds: tuple[tuple[Phase, ...], ...] = ROUNDS
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
    evaluation: EvaluationSizes = field(default_factory=EvaluationSizes)

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
