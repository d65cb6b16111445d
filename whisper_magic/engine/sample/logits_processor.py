"""Whisper's logit rules, for many rows at once: begin-suppress, suppress, then the timestamp rules.

The order and the arithmetic are openai/whisper's (`decoding.py`: SuppressBlank, SuppressTokens, ApplyTimestampRules)
as transformers applies them, in fp32. A row is one place in one slot's text; what a rule needs to know of the text
before it is gathered into `Place`, so that target and draft, whole blocks and single steps, go through the same code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.native import bindings as native

Tensor = torch.Tensor
NEVER = -torch.inf


@dataclass(frozen=True, eq=False)
class Place:
    """What stands before each row. All (S, B).

    index: how many tokens were generated before. last, before_last: the two tokens before (any id where there are
    none). latest: the latest timestamp generated, or -1.
    """

    index: Tensor
    last: Tensor
    before_last: Tensor
    latest: Tensor

    def then(self, token: Tensor, timestamp_begin: int) -> Place:
        """The places one token on. token: (S, B)."""
        stamp = torch.where(token >= timestamp_begin, token, -1)
        return Place(self.index + 1, token, self.last, torch.maximum(self.latest, stamp))


def places(tokens: Tensor, begin: Tensor, start: Tensor, block: int, timestamp_begin: int) -> Place:
    """The places that follow tokens[s, start[s] + j] for j < block.

    tokens: (S, T) the slots' texts. begin: (S,) where each slot's generated text begins. start: (S,).
    """
    length = tokens.shape[1]
    at = (start[:, None] + torch.arange(block, device=tokens.device)).clamp_(max=length - 1)
    generated = torch.arange(length, device=tokens.device) >= begin[:, None]
    stamps = torch.where(generated & (tokens >= timestamp_begin), tokens, -1)
    return Place(
        index=at + 1 - begin[:, None],
        last=tokens.gather(1, at),
        before_last=tokens.gather(1, (at - 1).clamp_(min=0)),
        latest=stamps.cummax(dim=1).values.gather(1, at),
    )


FIRST, AFTER_TEXT, AFTER_STAMP, AFTER_PAIR = range(4)  # what a row comes after, as far as the rules care


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of one transcription. forbidden: (4, V) fp32, 0 or -inf, what can never be written at the first place,
    after text, after one timestamp and after two."""

    special: SpecialTokens
    timestamps: bool
    forbidden: Tensor

    @property
    def suppressed_first(self) -> Tensor:
        """(V,) what is never written at the first place."""
        return self.forbidden[FIRST]

    @property
    def suppressed(self) -> Tensor:
        """(V,) what is never written, wherever it stands."""
        return self.forbidden[AFTER_TEXT]

    @classmethod
    def build(
        cls,
        special: SpecialTokens,
        device: torch.device,
        *,
        timestamps: bool,
        suppress: tuple[int, ...] | None = None,
        max_initial_index: int | None = None,
    ) -> Rules:
        """suppress: ids never written; None takes the checkpoint's list, as does `max_initial_index`."""
        never = list(special.suppress if suppress is None else suppress)
        if timestamps and special.no_timestamps is not None:
            never.append(special.no_timestamps)
        cap = special.max_initial_timestamp_index if max_initial_index is None else max_initial_index
        forbidden = torch.stack([_mask(never, special.vocab, device)] * 4)
        forbidden[FIRST] += _mask(list(special.begin_suppress), special.vocab, device)
        if timestamps:
            begin = special.timestamp_begin
            # The first token is a timestamp, and not too late a one.
            forbidden[FIRST, :begin] = NEVER
            if cap is not None:
                forbidden[FIRST, begin + cap + 1 :] = NEVER
            # Timestamps come in pairs, except directly before the end of text.
            forbidden[AFTER_STAMP, : special.eot] = NEVER
            forbidden[AFTER_PAIR, begin:] = NEVER
        return cls(special, timestamps, forbidden)

    def __call__(self, logits: Tensor, place: Place) -> Tensor:
        """(S, B, V) logits -> (S, B, V) fp32 scores, -inf where the rules forbid."""
        if not self.timestamps:
            state = torch.where(place.index == 0, FIRST, AFTER_TEXT)
            return F.embedding(state, self.forbidden).add_(logits)
        begin = self.special.timestamp_begin
        last_is = (place.last >= begin) & (place.index >= 1)
        before_is = (place.before_last >= begin) | (place.index < 2)
        state = torch.where(last_is, torch.where(before_is, AFTER_PAIR, AFTER_STAMP), AFTER_TEXT)
        state = torch.where(place.index == 0, FIRST, state)
        scores = F.embedding(state, self.forbidden).add_(logits)
        text, stamps = scores[..., :begin], scores[..., begin:]
        # Timestamps never decrease; after a closed pair or text they increase, so that no segment has length zero.
        least = torch.where(state == AFTER_STAMP, place.latest, place.latest + 1)
        least = torch.where(place.latest >= 0, least, begin)
        ids = torch.arange(begin, scores.shape[-1], device=scores.device)
        stamps.masked_fill_(ids < least[..., None], NEVER)
        # Where the timestamps together outweigh every single text token, take a timestamp.
        mass = stamps.logsumexp(dim=-1)
        text.masked_fill_((mass > text.amax(dim=-1))[..., None], NEVER)
        return scores

    def best(self, logits: Tensor, place: Place) -> tuple[Tensor, Tensor]:
        """(S, B, V) logits -> the likeliest token of each row that the rules leave, (S, B), and its log-probability."""
        library = native.kernels() if logits.device.type == "cpu" and logits.dtype == torch.float32 else None
        if library is None:
            scores = self(logits, place)
            choice = scores.argmax(dim=-1)
            return choice, log_probability(scores, choice)
        logits = logits.contiguous()
        choice = torch.empty(logits.shape[:2], dtype=torch.long)
        logprob = torch.empty(choice.shape)
        before = [part.contiguous() for part in (place.index, place.last, place.before_last, place.latest)]
        pointers = (part.data_ptr() for part in (*before, choice, logprob))
        library.choose_rows(logits.data_ptr(), choice.numel(), self.struct, *pointers, torch.get_num_threads())
        return choice, logprob

    @property
    def struct(self) -> native.RulesStruct:
        """As the kernels take them. It is good for as long as these rules are."""
        special, (_, vocab) = self.special, self.forbidden.shape
        begin = special.timestamp_begin if self.timestamps else vocab
        return native.RulesStruct(self.forbidden.data_ptr(), vocab, begin, special.eot, special.no_speech or 0)


def log_probability(scores: Tensor, choice: Tensor) -> Tensor:
    """(S, B, V) scores, (S, B) ids -> (S, B)."""
    return scores.log_softmax(-1).gather(-1, choice[..., None])[..., 0]


def _mask(ids: list[int], vocab: int, device: torch.device) -> Tensor:
    mask = torch.zeros(vocab, dtype=torch.float32, device=device)
    real = sorted({i for i in ids if 0 <= i < vocab})
    if real:
        mask[torch.tensor(real, device=device)] = NEVER
    return mask
