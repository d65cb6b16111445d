"""Whisper's logit rules, one function each, and the tables that they become.

What a rule forbids depends on what a row follows: nothing, text, one timestamp, a pair of them (`RowState`). So the
rules are tables with a row a state, which every implementation reads: plain torch (`logits_processor.py`), a Triton
kernel (`fused_rules.py`) and the native CPU kernels (`native/cpu_kernels.c`). None of them knows a state by its number.
A new rule is a function here, in RULES or TIMESTAMP_RULES, and its cases in tests/engine/sample/test_rules.py.

One rule is arithmetic over the logits and no table: where the timestamps together outweigh every single text token, a
timestamp is written. The rules and their order are those of openai/whisper `decoding.py` (SuppressBlank,
SuppressTokens, ApplyTimestampRules).

Shapes: N states, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch

from whisper_magic.engine.model.checkpoint import SpecialTokens

Tensor = torch.Tensor
NEVER = -torch.inf
MAX_GENERATED = 2  # a row's state depends on whether 0, 1 or more tokens of the text precede it


class RowState(IntEnum):
    """What a row follows, as far as the rules care."""

    FIRST = 0  # nothing was generated yet
    AFTER_TEXT = 1
    AFTER_STAMP = 2  # text, and one timestamp
    AFTER_PAIR = 3  # two timestamps, or the first one of all


def row_state(generated: int, last_is_stamp: bool, before_last_is_stamp: bool) -> RowState:
    """The state of a row after so many tokens; MAX_GENERATED stands for more."""
    if generated == 0:
        return RowState.FIRST
    if not last_is_stamp:
        return RowState.AFTER_TEXT
    return RowState.AFTER_PAIR if generated == 1 or before_last_is_stamp else RowState.AFTER_STAMP


@dataclass(frozen=True)
class RuleOptions:
    """What the rules depend on.

    Attributes:
        special: The checkpoint's special tokens.
        timestamps: Whether timestamps are predicted.
        suppress: Ids never written.
        max_initial_index: Latest first timestamp, in timestamp steps; None for any.
    """

    special: SpecialTokens
    timestamps: bool
    suppress: Sequence[int]
    max_initial_index: int | None


@dataclass(frozen=True, eq=False)
class RuleTables:
    """The rules of one transcription.

    Attributes:
        states: (12,) int64, the state of a row at 4 * generated + 2 * (its last token is a timestamp) + (the one before
            is one); see `row_state`.
        mask: (N, V) float32, 0 or -inf: what is never written in a state.
        min_step: (N,) int64: a timestamp is at least so many steps later than the latest one.
    """

    states: Tensor
    mask: Tensor
    min_step: Tensor

    @classmethod
    def build(cls, options: RuleOptions, device: torch.device) -> RuleTables:
        """The tables on this device."""
        flags = (False, True)
        states = [row_state(n, last, before) for n in range(MAX_GENERATED + 1) for last in flags for before in flags]
        count = len(RowState)
        tables = cls(
            torch.tensor(states, device=device),
            torch.zeros(count, options.special.vocab, device=device),
            torch.zeros(count, dtype=torch.long, device=device),
        )
        for rule in (*RULES, *(TIMESTAMP_RULES if options.timestamps else ())):
            rule(tables, options)
        return tables

    def forbid(self, ids: Collection[int], *states: RowState) -> None:
        """Never write these tokens in these states (none named: in any). Ids outside the vocabulary are ignored."""
        vocab = self.mask.shape[1]
        valid = torch.tensor(sorted({i for i in ids if 0 <= i < vocab}), dtype=torch.long, device=self.mask.device)
        for state in states or RowState:
            self.mask[state].index_fill_(0, valid, NEVER)


def suppress_tokens(tables: RuleTables, options: RuleOptions) -> None:
    """Some tokens are never written."""
    tables.forbid(options.suppress)


def suppress_blank(tables: RuleTables, options: RuleOptions) -> None:
    """A text does not begin with a space, or with its end."""
    tables.forbid(options.special.begin_suppress, RowState.FIRST)


def suppress_no_timestamps(tables: RuleTables, options: RuleOptions) -> None:
    """<|notimestamps|> belongs to the prompt."""
    if options.special.no_timestamps is not None:
        tables.forbid((options.special.no_timestamps,))


def begin_with_timestamp(tables: RuleTables, options: RuleOptions) -> None:
    """The first token is a timestamp, and not too late a one."""
    begin, cap, vocab = options.special.timestamp_begin, options.max_initial_index, options.special.vocab
    tables.forbid(range(begin), RowState.FIRST)
    if cap is not None:
        tables.forbid(range(begin + cap + 1, vocab), RowState.FIRST)


def pair_timestamps(tables: RuleTables, options: RuleOptions) -> None:
    """Timestamps come in pairs, except directly before end-of-text."""
    tables.forbid(range(options.special.eot), RowState.AFTER_STAMP)
    tables.forbid(range(options.special.timestamp_begin, options.special.vocab), RowState.AFTER_PAIR)


def rising_timestamps(tables: RuleTables, options: RuleOptions) -> None:
    """Timestamps never decrease; after text or a pair they increase, so that no segment has length zero."""
    tables.min_step.fill_(1)
    tables.min_step[RowState.AFTER_STAMP] = 0


Rule = Callable[[RuleTables, RuleOptions], None]
RULES: Sequence[Rule] = (suppress_tokens, suppress_blank)
TIMESTAMP_RULES: Sequence[Rule] = (suppress_no_timestamps, begin_with_timestamp, pair_timestamps, rising_timestamps)
