"""Who drafts. A drafter writes guesses behind the certain tokens of each slot; none of them can change the text.

A new one is a class here, with its name, its label and `make`, listed in DRAFTERS; where `draft=` is to name it, a
value of `options.DraftKind` too. Rounds carry name and label to everything that shows them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from whisper_magic.engine.runtime.backend import Backend
from whisper_magic.engine.runtime.slots import Slots, Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.errors import OptionError
from whisper_magic.options import MAX_DRAFT_LENGTH, TranscribeOptions

MAX_MATCH = 4  # tokens looked up together

Expected = Callable[[Window], Sequence[int]]  # a window -> the tokens that it is expected to hold
Propose = Callable[[Sequence[int], int], Sequence[int] | None]  # (prompt and text so far, how many) -> ids to propose


@dataclass(frozen=True)
class DraftRequest:
    """What a transcription's drafters are made of.

    Attributes:
        backend: Holds the draft model, if there is one.
        processor: The logit rules.
        options: Name the drafter.
        expected: From the previous transcript of the same recording, if any.
        propose: The caller's own function, which is then asked instead of any other.
    """

    backend: Backend
    processor: LogitsProcessor
    options: TranscribeOptions
    expected: Expected
    propose: Propose | None = None

    @property
    def kind(self) -> str:
        """`options.draft`, or "function" where there is one."""
        return self.options.draft if self.propose is None else FunctionDrafter.name

    @property
    def length(self) -> int:
        """The most tokens of a round."""
        return MAX_DRAFT_LENGTH if self.options.draft_length == "auto" else self.options.draft_length


class Drafter(ABC):
    """Proposes up to `length` tokens a round for every slot.

    Attributes:
        name: In `Round.drafter`.
        label: For people: "the {label} proposed".
    """

    name: ClassVar[str]
    label: ClassVar[str]
    length: int

    @classmethod
    def make(cls, request: DraftRequest) -> Self | None:
        """One for this transcription; None where it is not asked for."""
        return None

    def admit(self, slot: int) -> None:  # noqa: B027 (most drafters keep nothing of a slot)
        """A new window was put into this slot: forget the old one."""

    @abstractmethod
    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        """Write up to `num_wanted[s]` ids at `slots.tokens[s, num_tokens[s]:]`.

        Returns:
            How many were written in each slot.
        """

    def proposer(self, slot: int) -> Drafter:
        """Who proposed last in this slot: this one, or one of those that it asks."""
        return self


def make_drafter(request: DraftRequest) -> Drafter:
    """The drafter that the options ask for: those of DRAFTERS that apply, in their order."""
    drafters = [drafter for kind in DRAFTERS if (drafter := kind.make(request)) is not None]
    if len(drafters) > 1:
        return ChainedDrafter(drafters)
    return drafters[0] if drafters else NoDrafter()


class NoDrafter(Drafter):
    """The target alone."""

    name, label = "none", "target alone"
    length = 0

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        return [0] * len(num_wanted)


class ModelDrafter(Drafter):
    """A draft model, one token after another, under the target's own logit rules.

    `draft_cached` counts the tokens of a slot whose keys and values the draft's cache holds. Rejected guesses are
    rolled back by counting less. A steady slot is one or two tokens behind (two where every guess was accepted: the
    last one was never fed); a new one is its whole prompt behind, which the backend prefills.
    """

    name, label = "model", "draft model"

    def __init__(self, backend: Backend, processor: LogitsProcessor, length: int) -> None:
        assert backend.draft is not None
        self.backend, self.processor, self.length = backend, processor, length

    @classmethod
    def make(cls, request: DraftRequest) -> Self | None:
        if request.kind not in ("auto", "model") or request.backend.draft is None:
            return None
        return cls(request.backend, request.processor, request.length)

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        for state in slots.states:
            state.draft_cached = min(state.draft_cached, state.num_tokens - 1)  # the last certain token is the target's
        if not any(num_wanted):
            return [0] * len(num_wanted)
        num_drafted = self.backend.draft_round(slots, self.processor, num_wanted)
        for state, count in zip(slots.states, num_drafted, strict=True):
            if count:
                state.draft_cached = state.num_tokens + count - 1
        return num_drafted


class SlotDrafter(Drafter):
    """One that needs no device: it finds the guesses of a slot in what the host knows."""

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        proposals: list[list[int]] = [[] for _ in num_wanted]
        for slot, window in slots.occupied:
            if num_wanted[slot]:
                proposals[slot] = self.guesses(slots, slot, window, num_wanted[slot])[: num_wanted[slot]]
        slots.write_proposals(proposals)
        return [len(guesses) for guesses in proposals]

    @abstractmethod
    def guesses(self, slots: Slots, slot: int, window: Window, count: int) -> list[int]:
        """The tokens to propose in a slot; those after the first `count` are left out."""


class NgramDrafter(SlotDrafter):
    """Copies what was written before: no model, nearly free (prompt lookup decoding: Saxena 2023).

    Where the last tokens stood before in the slot's own text (the prompt, the text of earlier windows in it, and the
    window's own), what followed them there is proposed.
    """

    name, label = "ngram", "n-gram drafter"

    def __init__(self, length: int) -> None:
        self.length = length

    @classmethod
    def make(cls, request: DraftRequest) -> Self | None:
        return cls(request.length) if request.kind == "ngram" else None

    def guesses(self, slots: Slots, slot: int, window: Window, count: int) -> list[int]:
        text, begin = slots.texts[slot], slots.states[slot].num_prompt
        return continuation((), text[:begin], text[begin:])


class PreviousDrafter(SlotDrafter):
    """Copies a window's expected tokens, such as those of the previous transcript of the same recording: where the last
    tokens stand in them, what follows them there is proposed."""

    name, label = "previous", "previous transcript"

    def __init__(self, length: int, expected: Expected) -> None:
        self.length, self._expected = length, expected
        self._corpus: dict[int, tuple[int, ...]] = {}  # of each slot's window

    @classmethod
    def make(cls, request: DraftRequest) -> Self | None:
        return cls(request.length, request.expected) if request.kind == "auto" else None

    def admit(self, slot: int) -> None:
        self._corpus.pop(slot, None)

    def guesses(self, slots: Slots, slot: int, window: Window, count: int) -> list[int]:
        if slot not in self._corpus:
            self._corpus[slot] = tuple(self._expected(window))
        text, begin = slots.texts[slot], slots.states[slot].num_prompt
        return continuation(self._corpus[slot], text[:begin], text[begin:], own_text=False)


class FunctionDrafter(SlotDrafter):
    """Asks a function of the caller's: a rule, a table, another model. Whatever it returns, the text stays the same."""

    name, label = "function", "function"

    def __init__(self, propose: Propose, length: int, vocab: int) -> None:
        self.length, self._propose, self._vocab = length, propose, vocab

    @classmethod
    def make(cls, request: DraftRequest) -> Self | None:
        if request.propose is None:
            return None
        return cls(request.propose, request.length, request.processor.special.vocab)

    def guesses(self, slots: Slots, slot: int, window: Window, count: int) -> list[int]:
        proposed = self._propose(list(slots.texts[slot]), count)
        guesses = [] if proposed is None else [int(token) for token in proposed]
        if any(not 0 <= token < self._vocab for token in guesses):
            raise OptionError(f"propose returned {guesses}; token ids are 0 to {self._vocab - 1}")
        return guesses


def continuation(
    corpus: Sequence[int], prompt: Sequence[int], written: Sequence[int], own_text: bool = True
) -> list[int]:
    """What followed the end of a text where it stood before: in `corpus` if it is there, else in the text itself.

    Args:
        corpus: Tokens to look in first. While nothing is written, it is proposed from its start.
        prompt: The slot's prompt.
        written: What was generated since.
        own_text: Whether to look in prompt and written too.
    """
    if corpus and not written:
        return list(corpus)
    for size in range(min(MAX_MATCH, len(written)), 0, -1):
        if ends := _ends(corpus, written[-size:]):
            return list(corpus[min(ends, key=lambda end: abs(end - len(written))) :])  # the one nearest in position
    text = [*prompt, *written] if own_text else []
    for size in range(MAX_MATCH, 1, -1):  # a single token says too little of what follows
        if ends := _ends(text[:-1], text[-size:]):
            return list(text[ends[-1] :])
    return []


def _ends(text: Sequence[int], tail: Sequence[int]) -> list[int]:
    """Every position of `text` just behind an occurrence of `tail`."""
    size, wanted = len(tail), list(tail)
    return [end for end in range(size, len(text) + 1) if list(text[end - size : end]) == wanted]


class ChainedDrafter(Drafter):
    """Several drafters in order: each slot takes the guesses of the first one that has any."""

    name, label = "chain", "chain of drafters"

    def __init__(self, drafters: Sequence[Drafter]) -> None:
        self.drafters = tuple(drafters)
        self.length = max(drafter.length for drafter in drafters)
        self._last: dict[int, Drafter] = {}  # which proposed in each slot

    def admit(self, slot: int) -> None:
        for drafter in self.drafters:
            drafter.admit(slot)

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        total = [0] * len(num_wanted)
        for drafter in self.drafters:  # all are asked, if for nothing: each keeps count of what it has cached
            rest = [0 if has else min(count, drafter.length) for has, count in zip(total, num_wanted, strict=True)]
            for slot, count in enumerate(drafter.propose(slots, rest)):
                if count:
                    total[slot], self._last[slot] = count, drafter
        return total

    def proposer(self, slot: int) -> Drafter:
        return self._last[slot].proposer(slot) if slot in self._last else self


DRAFTERS: Sequence[type[Drafter]] = (FunctionDrafter, PreviousDrafter, NgramDrafter, ModelDrafter)
