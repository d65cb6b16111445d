"""What stays resident: encoders, a backend with both decoders, and the slots, allocated once.

The backend is chosen here, once, at load. Rollback is by position alone: no cache is ever cleared. A slot's caches are
overwritten from the front when a new window is admitted, and no row reads beyond its own position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.model.decoder import CrossProjection
from whisper_magic.engine.model.encoder import ATTENTIONS, EncoderNetwork
from whisper_magic.engine.model.linear import Linear
from whisper_magic.engine.runtime.backend import Backend, DecoderRunner
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.slots import BLOCK, Slots
from whisper_magic.engine.runtime.torch_backend import TorchBackend

Tensor = torch.Tensor
ENCODED_TOGETHER = (
    8  # windows on a GPU: more save no time, and their keys and values take memory before they are stored
)


@dataclass(frozen=True, eq=False)
class EncoderGroup:
    """An encoder and the decoders that attend to its states."""

    encoder: Any  # an EncoderNetwork, or what is called like one
    projection: CrossProjection
    decoders: tuple[DecoderRunner, ...]


def choose_backend(target: Checkpoint, draft: Checkpoint | None) -> tuple[Backend, str]:
    """The backend for these models on their device, and why it is not a faster one; "" where it is the fastest."""
    weight = target.decoder_state["layer_norm.weight"]
    if weight.device.type != "cpu":
        return TorchBackend(target, draft), ""
    if reason := NativeBackend.obstacle(target, draft, weight.dtype):
        return TorchBackend(target, draft), f"decoding goes through torch, which takes several times as long: {reason}"
    return NativeBackend(target, draft), ""


class ModelRunner:
    """Target and draft on their device, with as many slots as were last asked for.

    Attributes:
        backend: Computes the passes.
        attention: What attends, for people: the encoder's attention, or the backend's name.
        slots: Allocated by `allocate`.
        note: What lack of memory made necessary; "" where nothing.
        backend_note: Why the backend is not a faster one; "" where it is.
    """

    def __init__(self, target: Checkpoint, draft: Checkpoint | None) -> None:
        self.context = int(target.config.max_target_positions)
        self.frames = int(target.config.max_source_positions)
        self.median_width = int(target.config.median_filter_width)  # of word alignment
        self.backend, self.backend_note = choose_backend(target, draft)
        own = self.backend.attend is not None and target.attention == "sdpa"
        self.attention = self.backend.name if own else target.attention
        self.device = self.backend.target.network.embedding.device
        self.dtype = self.backend.target.network.dtype
        self.encoder_groups = self._encoder_groups(target, draft)
        self.slots = Slots(0, 0, self.device)
        # A CPU gains nothing from several at once, and alone no window's bits depend on its neighbours.
        self.encoded_together = ENCODED_TOGETHER if self.device.type == "cuda" else 1
        self.note = ""

    def _encoder_groups(self, target: Checkpoint, draft: Checkpoint | None) -> list[EncoderGroup]:
        """One encoder for both decoders where the draft shares the target's, else one each."""
        backend, own = self.backend, (target.decoder_state, target.config)
        encoder = self._encoder(target)
        if draft is None or backend.draft is None:
            return [EncoderGroup(encoder, CrossProjection.build([own]), (backend.target,))]
        other = (draft.decoder_state, draft.config)
        if draft.encoder is None:
            return [EncoderGroup(encoder, CrossProjection.build([own, other]), (backend.target, backend.draft))]
        return [
            EncoderGroup(encoder, CrossProjection.build([own]), (backend.target,)),
            EncoderGroup(self._encoder(draft), CrossProjection.build([other]), (backend.draft,)),
        ]

    def _encoder(self, checkpoint: Checkpoint) -> EncoderNetwork:
        assert checkpoint.encoder is not None
        attend = self.backend.attend if checkpoint.attention == "sdpa" else None
        return EncoderNetwork.build(checkpoint.encoder, checkpoint.config, attend or ATTENTIONS[checkpoint.attention])

    # -- memory ------------------------------------------------------------------------------------------------------

    def allocate(self, slots: int) -> Slots:
        """Free slots for `slots` windows, with their caches; the same ones as before while their number stays.

        There are half as many, and half of that, while memory does not suffice; `note` says so then.

        Raises:
            torch.OutOfMemoryError: Where it does not suffice for a single one.
        """
        wanted, self.note = slots, ""
        if slots == self.slots.count:
            self.slots.release_all()
            return self.slots
        while not self._allocated(slots):
            slots //= 2
        if slots < wanted:
            self.note = f"memory was short: {slots} of {wanted} windows were decoded at a time"
        self.slots = Slots(slots, self.context + BLOCK, self.device)
        return self.slots

    def _allocated(self, slots: int) -> bool:
        """Whether there was memory for the caches, and for what a round takes besides."""
        self.slots = Slots(0, 0, self.device)  # until it is done: an interruption must not look like success
        self._release()
        try:
            for decoder in self._decoders:
                decoder.allocate(slots, self.context + BLOCK, self.frames)
            if self.device.type == "cuda":  # where lack of memory is an error that one can recover from
                self._warm_up(slots)
        except torch.OutOfMemoryError:
            if slots == 1:
                raise
            self._release()
            torch.cuda.empty_cache()
            return False
        return True

    def _warm_up(self, slots: int) -> None:
        """A pass as large as those to come: in the middle of a window it would be too late to run out of memory."""
        tokens = torch.zeros(slots, BLOCK, dtype=torch.long, device=self.device)
        with torch.inference_mode():
            logits = self.backend.forward(tokens, tokens[:, 0])
            logits.float().log_softmax(-1).add(logits)  # some three copies in float32, as rules and sampling make

    def _release(self) -> None:
        self.backend.clear()
        for decoder in self._decoders:
            decoder.release()

    def close(self) -> None:
        """Free every tensor, even while something still holds this object."""
        self.slots = Slots(0, 0, self.device)
        self._release()
        self.encoder_groups = []
        for decoder in self._decoders:
            del decoder.network
        del self.backend

    @property
    def _decoders(self) -> list[DecoderRunner]:
        return [decoder for decoder in (self.backend.target, self.backend.draft) if decoder is not None]

    @property
    def slot_bytes(self) -> int:
        """Memory of one slot's keys and values."""
        networks = [decoder.network for decoder in self._decoders]
        width = sum(2 * len(network.layers) * network.embedding.shape[1] for network in networks)
        return int(width * (self.frames + self.context) * self.dtype.itemsize)

    @property
    def memory_bytes(self) -> int:
        """Weights and caches, each storage counted once."""
        storages: dict[int, int] = {}
        for tensor in self._tensors():
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return sum(storages.values()) + sum(linear.packed_bytes for linear in self._linears())

    def _tensors(self) -> Iterator[Tensor]:
        for group in self.encoder_groups:
            yield from group.encoder.tensors()
            for decoder in group.decoders:
                yield from (*decoder.caches(), *decoder.network.tensors())
        for linear in self._linears():
            yield from linear.tensors()

    def _linears(self) -> Iterator[Linear]:
        for group in self.encoder_groups:
            yield from (group.projection.linear, *group.encoder.linears)
            for decoder in group.decoders:
                yield from decoder.network.linears

    # -- work --------------------------------------------------------------------------------------------------------

    def encode(self, slots: Sequence[int], features: Tensor) -> None:
        """Encode windows (N, n_mels, window frames), and store their cross-attention keys and values in N slots."""
        done = 0
        while done < len(slots):
            some = slice(done, done + self.encoded_together)
            try:
                self._encode(slots[some], features[some])
            except torch.OutOfMemoryError:
                if self.encoded_together == 1:
                    raise
                self.encoded_together //= 2
                torch.cuda.empty_cache()
            else:
                done += len(slots[some])

    def _encode(self, slots: Sequence[int], features: Tensor) -> None:
        features = features.to(self.device, self.dtype)
        for group in self.encoder_groups:
            states = group.encoder(features)
            for decoder, cross_kv in zip(group.decoders, group.projection(states), strict=True):
                for i, slot in enumerate(slots):  # indexing with a tensor takes a CPU 1.5 to 7 times as long
                    decoder.store_cross_kv(slot, cross_kv[:, :, i])

    def timestamp(self) -> Any:
        """A moment in the device's own time, for `elapsed`."""
        if self.device.type != "cuda":
            return perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def elapsed(self, first: Any, last: Any) -> float:
        """Seconds between two timestamps. On CUDA it waits until the second has passed."""
        if self.device.type != "cuda":
            return float(last - first)
        last.synchronize()
        return float(first.elapsed_time(last)) / 1000
