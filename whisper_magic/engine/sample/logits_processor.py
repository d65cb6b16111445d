"""Whisper's logit rules (`rules.py`) applied to many rows at once, in plain torch: the reference.

The arithmetic is openai/whisper's as transformers has it, in float32. A row is one position in one slot's text. What a
rule needs to know of the text before it is gathered into a `TokenContext`, so that target and draft, whole blocks and
single steps, share one code path.

Shapes: S slots, B block (rows of each slot), T slot length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.sample.rules import MAX_GENERATED, NEVER, RowState, RuleOptions, RuleTables

Tensor = torch.Tensor
FusedGreedy = Callable[[Tensor, RuleTables, tuple[Tensor, Tensor, Tensor, Tensor], int], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class TokenContext:
    """What precedes each row. All (S, B).

    Attributes:
        index: Number of tokens generated before the row.
        last: The token before; any id where there is none.
        before_last: The token before that; any id where there is none.
        latest: The latest timestamp generated, or -1.
    """

    index: Tensor
    last: Tensor
    before_last: Tensor
    latest: Tensor

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All of it, as kernels take it."""
        return self.index, self.last, self.before_last, self.latest

    @classmethod
    def of(cls, tokens: Tensor, num_prompt: Tensor, start: Tensor, block: int, timestamp_begin: int) -> TokenContext:
        """The context of the rows that follow `tokens[s, start[s] + j]`, for j < block.

        Args:
            tokens: (S, T), the slots' texts.
            num_prompt: (S,), where each slot's generated text begins.
            start: (S,), position of each slot's first row.
            block: Number of rows of each slot.
            timestamp_begin: Id of the first timestamp.
        """
        length = tokens.shape[1]
        at = (start[:, None] + torch.arange(block, device=tokens.device)).clamp_(max=length - 1)
        generated = torch.arange(length, device=tokens.device) >= num_prompt[:, None]
        stamps = torch.where(generated & (tokens >= timestamp_begin), tokens, -1)
        return cls(
            index=at + 1 - num_prompt[:, None],
            last=tokens.gather(1, at),
            before_last=tokens.gather(1, (at - 1).clamp_(min=0)),
            latest=stamps.cummax(dim=1).values.gather(1, at),
        )

    def then(self, token: Tensor, timestamp_begin: int) -> TokenContext:
        """The context one token later. token: (S, B)."""
        stamp = torch.where(token >= timestamp_begin, token, -1)
        return TokenContext(self.index + 1, token, self.last, torch.maximum(self.latest, stamp))


@dataclass(frozen=True, eq=False)
class LogitsProcessor:
    """The logit rules of one transcription.

    Attributes:
        special: The checkpoint's special tokens.
        timestamps: Whether timestamps are predicted.
        tables: The rules.
        languages: (L,) ids of the languages, ascending; empty for an English-only checkpoint.
        fused: `greedy` in one kernel, on a GPU where that works; None: plain torch.
        fused_obstacle: Why it is not, on a GPU; "" where it is, or is not looked for.
    """

    special: SpecialTokens
    timestamps: bool
    tables: RuleTables
    languages: Tensor
    fused: FusedGreedy | None = None
    fused_obstacle: str = ""

    @classmethod
    def build(
        cls,
        special: SpecialTokens,
        device: torch.device,
        *,
        timestamps: bool,
        suppress: tuple[int, ...] | None = None,
        max_initial_index: int | None = None,
    ) -> LogitsProcessor:
        """Build the rules' tables.

        Args:
            special: The checkpoint's special tokens and lists.
            device: Where the tables live.
            timestamps: Whether timestamps are predicted.
            suppress: Ids never written; None takes the checkpoint's list.
            max_initial_index: Latest first timestamp, in timestamp steps; None takes the checkpoint's.
        """
        options = RuleOptions(
            special,
            timestamps,
            special.suppress if suppress is None else suppress,
            special.max_initial_timestamp_index if max_initial_index is None else max_initial_index,
        )
        languages = torch.tensor(sorted(special.languages.values()), dtype=torch.long, device=device)
        processor = cls(special, timestamps, RuleTables.build(options, device), languages)
        return with_fused_rules(processor) if device.type == "cuda" else processor

    @property
    def stamp_begin(self) -> int:
        """Id of the first timestamp; V where none is predicted, so that no token counts as one."""
        return self.special.timestamp_begin if self.timestamps else self.special.vocab

    @property
    def suppressed_first(self) -> Tensor:
        """(V,) mask of what is never written at the first position."""
        return self.tables.mask[RowState.FIRST]

    @property
    def suppressed(self) -> Tensor:
        """(V,) mask of what is never written at any position."""
        return self.tables.mask[RowState.AFTER_TEXT]

    def __call__(self, logits: Tensor, context: TokenContext) -> Tensor:
        """(S, B, V) logits -> (S, B, V) float32 scores, -inf where a rule forbids the token."""
        begin, tables, state = self.stamp_begin, self.tables, self.state(context)
        scores = F.embedding(state, tables.mask).add_(logits)
        if not self.timestamps:
            return scores
        text, stamps = scores[..., :begin], scores[..., begin:]
        least = torch.where(context.latest >= 0, context.latest + tables.min_step[state], begin)
        ids = torch.arange(begin, scores.shape[-1], device=scores.device)
        stamps.masked_fill_(ids < least[..., None], NEVER)
        # Where the timestamps together outweigh every single text token, take a timestamp.
        mass = stamps.logsumexp(dim=-1)
        text.masked_fill_((mass > text.amax(dim=-1))[..., None], NEVER)
        return scores

    def state(self, context: TokenContext) -> Tensor:
        """(S, B) int64, the `RowState` of each row."""
        at = context.index.clamp(0, MAX_GENERATED) * 4
        if self.timestamps:
            begin = self.stamp_begin
            at = at.add_(context.last >= begin, alpha=2).add_(context.before_last >= begin)
        return self.tables.states[at]

    def greedy(self, logits: Tensor, context: TokenContext) -> tuple[Tensor, Tensor]:
        """(S, B, V) logits -> the likeliest token that the rules allow in each row, and its log-probability; (S, B)."""
        if self.fused is not None:
            return self.fused(logits, self.tables, context.parts, self.stamp_begin)
        scores = self(logits, context)
        choice = scores.argmax(dim=-1)
        return choice, log_probability(scores, choice)

    def likeliest(self, logits: Tensor, context: TokenContext) -> Tensor:
        """`greedy` without the log-probabilities, which plain torch would compute for nothing."""
        return self.greedy(logits, context)[0] if self.fused is not None else self(logits, context).argmax(dim=-1)


def log_probability(scores: Tensor, choice: Tensor) -> Tensor:
    """(S, B, V) scores, (S, B) ids -> (S, B) log-probabilities."""
    return scores.log_softmax(-1).gather(-1, choice[..., None])[..., 0]


def with_fused_rules(processor: LogitsProcessor) -> LogitsProcessor:
    """The same rules in one kernel, where it can be compiled here and agrees with plain torch on a few random rows."""
    try:
        from whisper_magic.engine.sample import fused_rules

        fused = replace(processor, fused=fused_rules.fused_greedy)
        obstacle = "" if _agree(fused, processor) else "its tokens differ from torch's"
    except Exception as error:  # no triton, no compiler, another GPU than it knows: whatever it raises
        obstacle = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return replace(processor, fused_obstacle=obstacle) if obstacle else fused


def _agree(fused: LogitsProcessor, plain: LogitsProcessor) -> bool:
    """On rows of every state, with text likelier and with timestamps likelier."""
    device, special = plain.tables.mask.device, plain.special
    generator, context = torch.Generator(device).manual_seed(0), trial_context(special, device)
    logits = torch.randn(*context.index.shape, special.vocab, device=device, generator=generator) * 3
    logits[1, :, special.timestamp_begin :] += 6
    (choice, logprob), (expected, other) = fused.greedy(logits, context), plain.greedy(logits, context)
    return torch.equal(choice, expected) and torch.allclose(logprob, other, atol=1e-3)


def trial_context(special: SpecialTokens, device: torch.device) -> TokenContext:
    """(2, 5) rows, the same ones twice, of every state."""

    def rows(*ids: int) -> Tensor:
        return torch.tensor([ids, ids], device=device)

    stamp = min(special.timestamp_begin + 4, special.vocab - 1)
    last, before = rows(0, 5, stamp, stamp, 5), rows(0, 5, 5, stamp, stamp)
    return TokenContext(rows(0, 1, 2, 3, 4), last, before, rows(-1, -1, stamp, stamp, stamp))
