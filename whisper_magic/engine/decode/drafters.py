"""Who drafts. A drafter writes guesses behind the certain tokens of each slot; none of them can change the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from whisper_magic.engine.runtime.backend import Backend
from whisper_magic.engine.runtime.slots import Slots, Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.errors import OptionError
from whisper_magic.options import MAX_DRAFT_LENGTH, TranscribeOptions

MAX_MATCH = 4  # tokens looked up together

Expected = Callable[[Window], Sequence[int]]  # a window -> the tokens that it is expected to hold
Propose = Callable[[Sequence[int], int], Sequence[int] | None]  # (prompt and text so far, how many) -> ids to propose


class Drafter(Protocol):
    """Proposes up to `length` tokens a round for every slot."""

    length: int

    def admit(self, slot: int) -> None:
        """A new window was put into this slot: forget the old one."""

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        """Write up to `num_wanted[s]` ids at `slots.tokens[s, num_tokens[s]:]`.

        Returns:
            How many were written in each slot.
        """

    def name(self, slot: int) -> str:
        """Who proposed last in this slot: "model", "ngram", "previous" or "function"."""


def make_drafter(
    backend: Backend,
    processor: LogitsProcessor,
    options: TranscribeOptions,
    expected: Expected,
    propose: Propose | None = None,
) -> Drafter:
    """The drafter that the options ask for.

    Args:
        backend: Holds the draft model, if there is one.
        processor: The logit rules.
        options: Name it.
        expected: From the previous transcript of the same recording, if any.
        propose: The caller's own function, which is then asked instead of any other.
    """
    length = MAX_DRAFT_LENGTH if options.draft_length == "auto" else options.draft_length
    if propose is not None:
        return FunctionDrafter(propose, length, processor.special.vocab)
    if options.draft == "ngram":
        return NgramDrafter(length)
    drafters: list[Drafter] = []
    if options.draft == "auto":
        drafters.append(NgramDrafter(length, expected))
    if options.draft in ("auto", "model") and backend.draft is not None:
        drafters.append(ModelDrafter(backend, processor, length))
    if len(drafters) > 1:
        return ChainedDrafter(drafters)
    return drafters[0] if drafters else NoDrafter()


class NoDrafter:
    """The target alone."""

    length = 0

    def admit(self, slot: int) -> None:
        """Nothing is kept of a slot."""

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        return [0] * len(num_wanted)

    def name(self, slot: int) -> str:
        return ""


class ModelDrafter:
    """A draft model, one token after another, under the target's own logit rules.

    `draft_cached` counts the tokens of a slot whose keys and values the draft's cache holds. Rejected guesses are
    rolled back by counting less. A steady slot is one or two tokens behind (two where every guess was accepted: the
    last one was never fed); a new one is its whole prompt behind, which the backend prefills.
    """

    def __init__(self, backend: Backend, processor: LogitsProcessor, length: int) -> None:
        assert backend.draft is not None
        self.backend, self.processor, self.length = backend, processor, length

    def admit(self, slot: int) -> None:
        """`Slots.put` resets what is counted of a slot."""

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

    def name(self, slot: int) -> str:
        return "model"


class NgramDrafter:
    """Copies what was written before: no model, nearly free (prompt lookup decoding: Saxena 2023).

    With `expected`, a window's expected tokens (such as the previous transcript of the same recording) are the corpus:
    where the last tokens stand in it, what follows them there is proposed. Without, the corpus is the slot's own text:
    the prompt, the text of earlier windows in it, and the window's own.
    """

    def __init__(self, length: int, expected: Expected | None = None) -> None:
        self.length, self._expected = length, expected
        self._corpus: dict[int, tuple[int, ...]] = {}

    def admit(self, slot: int) -> None:
        self._corpus.pop(slot, None)

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        proposals: list[list[int]] = [[] for _ in num_wanted]
        for slot, window in slots.occupied:
            if num_wanted[slot]:
                proposals[slot] = self._continue(slots, slot, window)[: num_wanted[slot]]
        slots.write_proposals(proposals)
        return [len(guesses) for guesses in proposals]

    def _continue(self, slots: Slots, slot: int, window: Window) -> list[int]:
        corpus = self._corpus_of(slot, window)
        if not corpus and self._expected is not None:
            return []
        text, begin = slots.texts[slot], slots.states[slot].num_prompt
        return continuation(corpus, text[:begin], text[begin:], self._expected is None)

    def _corpus_of(self, slot: int, window: Window) -> tuple[int, ...]:
        if slot not in self._corpus:
            self._corpus[slot] = tuple(self._expected(window)) if self._expected is not None else ()
        return self._corpus[slot]

    def name(self, slot: int) -> str:
        return "ngram" if self._expected is None else "previous"


class FunctionDrafter:
    """Asks a function of the caller's: a rule, a table, another model. Whatever it returns, the text stays the same."""

    def __init__(self, propose: Propose, length: int, vocab: int) -> None:
        self.length, self._propose, self._vocab = length, propose, vocab

    def admit(self, slot: int) -> None:
        """Nothing is kept of a slot."""

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        proposals: list[list[int]] = [[] for _ in num_wanted]
        for slot, _ in slots.occupied:
            if num_wanted[slot]:
                proposals[slot] = self._guesses(slots.texts[slot], num_wanted[slot])
        slots.write_proposals(proposals)
        return [len(guesses) for guesses in proposals]

    def _guesses(self, text: Sequence[int], count: int) -> list[int]:
        proposed = self._propose(list(text), count)
        guesses = [] if proposed is None else [int(token) for token in proposed]
        if any(not 0 <= token < self._vocab for token in guesses):
            raise OptionError(f"propose returned {guesses}; token ids are 0 to {self._vocab - 1}")
        return guesses[:count]

    def name(self, slot: int) -> str:
        return "function"


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


class ChainedDrafter:
    """Several drafters in order: each slot takes the guesses of the first one that has any."""

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

    def name(self, slot: int) -> str:
        return self._last[slot].name(slot) if slot in self._last else ""
