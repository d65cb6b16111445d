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
from whisper_magic.engine.runtime.side_stream import SideStream
from whisper_magic.engine.runtime.slots import BLOCK, Slots
from whisper_magic.engine.runtime.torch_backend import TorchBackend

Tensor = torch.Tensor
ENCODED_TOGETHER = 8  # windows on a GPU; more save no time
BUCKETS = (1, 4, 8, 16, 32)  # numbers of slots on a GPU: each has graphs of its own
RESERVED_BYTES = 1 << 30  # of device memory, for what the encoder and captured graphs take besides the caches


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
        return TorchBackend(target, draft), f"decoding runs through torch, which takes several times as long: {reason}"
    return NativeBackend(target, draft), ""


def bucket_for(wanted: int) -> int:
    """The smallest bucket that holds `wanted` windows; the largest where none does."""
    return next((bucket for bucket in BUCKETS if bucket >= wanted), BUCKETS[-1])


def affordable_bucket(free_bytes: int, slot_bytes: int) -> int:
    """The largest bucket whose slots of `slot_bytes` fit into `free_bytes` of device memory; 1 where none does.

    Beside them, the encoder and graphs take `RESERVED_BYTES`, and the keys and values of a window on their way into a
    slot as much as a slot, twice.
    """
    slots = (free_bytes - RESERVED_BYTES) // slot_bytes - 2
    return max((bucket for bucket in BUCKETS if bucket <= slots), default=1)


def _described(encoder: str, decoder: str) -> str:
    """For people: the encoder's attention, which can be chosen, and the decoder's, where that is another."""
    return encoder if encoder == decoder else f"{encoder} (encoder) and {decoder} (decoder)"


class ModelRunner:
    """Target and draft on their device, with as many slots as were last asked for.

    On a GPU their number is a bucket, and a pass is always computed for all of them: no kernel's shape depends on how
    long a recording is. The caches are as large as the largest bucket so far; smaller ones use the front of them, so
    that nothing is allocated or captured again when they take turns.

    Attributes:
        backend: Computes the passes.
        attention: What attends in encoder and decoder, for people, or the backend's name.
        slots: Allocated by `allocate`.
        in_buckets: Whether the number of slots is a bucket.
        side_stream: For encoding while rounds are computed; None on a CPU.
        note: What lack of memory made necessary; "" where nothing.
        backend_note: Why the backend is not a faster one; "" where it is.
    """

    def __init__(self, target: Checkpoint, draft: Checkpoint | None) -> None:
        self.context = int(target.config.max_target_positions)
        self.frames = int(target.config.max_source_positions)
        self.median_width = int(target.config.median_filter_width)  # of word alignment
        self.backend, self.backend_note = choose_backend(target, draft)
        own = self.backend.attend is not None and target.attention == "sdpa"
        self.attention = self.backend.name if own else _described(target.attention, self.backend.name or "sdpa")
        self.device = self.backend.target.network.embedding.device
        self.dtype = self.backend.target.network.dtype
        self.encoder_groups = self._encoder_groups(target, draft)
        self.slots = Slots(0, 0, self.device)
        self.in_buckets = self.device.type == "cuda"
        self._slots: dict[int, Slots] = {}  # by their number: captured steps read and write where they lie
        # A CPU gains nothing from several at once, and alone no window's bits depend on its neighbours.
        self.encoded_together = ENCODED_TOGETHER if self.device.type == "cuda" else 1
        self.side_stream = SideStream.on(self.device)
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

        There are fewer, by half or by a bucket, while memory does not suffice; `note` says so then.

        Raises:
            torch.OutOfMemoryError: Where it does not suffice for a single one.
        """
        wanted, self.note = slots, ""
        if self.in_buckets:
            slots = bucket_for(wanted)
            if slots not in self._slots:
                slots = min(slots, affordable_bucket(self._free_bytes(), self.slot_bytes + self._round_bytes))
        while slots not in self._slots and not self._allocated(slots):
            slots = max(bucket for bucket in BUCKETS if bucket < slots) if self.in_buckets else slots // 2
        if slots < min(wanted, BUCKETS[-1] if self.in_buckets else wanted):
            self.note = f"not enough memory: {slots} of {wanted} windows were decoded at a time"
        self.slots = self._slots[slots]
        self.slots.release_all()
        return self.slots

    def _allocated(self, slots: int) -> bool:
        """Whether there was memory for the caches, and for what a round takes besides."""
        if self.in_buckets and slots < max(self._slots, default=0):
            self._slots[slots] = Slots(slots, self.context + BLOCK, self.device)
            return True
        self._release()  # until it is done there are none: an interruption must not look like success
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
        self._slots[slots] = Slots(slots, self.context + BLOCK, self.device)
        return True

    def _free_bytes(self) -> int:
        """Device memory for caches: what is free, what torch keeps unused, and what the present ones take."""
        free, _ = torch.cuda.mem_get_info(self.device)
        unused = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(free + unused + sum(cache.nbytes for decoder in self._decoders for cache in decoder.caches()))

    @property
    def _round_bytes(self) -> int:
        """Of a slot's logits in a round, and three copies of them in float32, as rules and sampling make."""
        return BLOCK * len(self.backend.target.network.embedding) * (self.dtype.itemsize + 3 * 4)

    def _warm_up(self, slots: int) -> None:
        """A pass as large as those to come: in the middle of a window it would be too late to run out of memory."""
        tokens = torch.zeros(slots, BLOCK, dtype=torch.long, device=self.device)
        with torch.inference_mode():
            logits = self.backend.forward(tokens, tokens[:, 0])
            logits.float().log_softmax(-1).add(logits)  # some three copies in float32, as rules and sampling make

    def _release(self) -> None:
        self.slots = Slots(0, 0, self.device)
        self._slots.clear()
        self.backend.clear()
        for decoder in self._decoders:
            decoder.release()

    def close(self) -> None:
        """Free every tensor, even while something still holds this object."""
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
        for slot, states in zip(slots, self.encoder_states(features), strict=True):
            self.store(slot, states)

    def encoder_states(self, features: Tensor) -> list[tuple[Tensor, ...]]:
        """Encode windows (N, n_mels, window frames), `encoded_together` at a time.

        Returns:
            Of each window, its states (1, F, d_model) by each of the encoders.
        """
        encoded: list[tuple[Tensor, ...]] = []
        while len(encoded) < len(features):
            some = features[len(encoded) : len(encoded) + self.encoded_together].to(self.device, self.dtype)
            try:
                states = [group.encoder(some) for group in self.encoder_groups]
            except torch.OutOfMemoryError:
                if self.encoded_together == 1:
                    raise
                self.encoded_together //= 2
                torch.cuda.empty_cache()
            else:
                encoded += [tuple(batch[i : i + 1] for batch in states) for i in range(len(some))]
        return encoded

    def store(self, slot: int, states: Sequence[Tensor]) -> None:
        """Keep in a slot the cross-attention keys and values of a window's encoder states, as of `encoder_states`.

        One window at a time: their product is large enough for a GPU, and its shape is always the same.
        """
        for group, encoded in zip(self.encoder_groups, states, strict=True):
            for decoder, cross_kv in zip(group.decoders, group.projection(encoded), strict=True):
                decoder.store_cross_kv(slot, cross_kv[:, :, 0])

    @property
    def asynchronous(self) -> bool:
        """Whether calls return before the device has computed."""
        return self.device.type == "cuda"

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
