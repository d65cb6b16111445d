"""What a pass of a decoder reads and multiplies: what its time is bounded by, on any machine."""

from __future__ import annotations

from dataclasses import dataclass

from whisper_magic.engine.model.decoder import DecoderNetwork


@dataclass(frozen=True)
class PassCost:
    """A pass over one token or a few.

    Attributes:
        weight_bytes: read once, however many windows are decoded together.
        row_bytes: read for each window: its cross-attention keys and values. Those of self-attention, about a
            hundredth of these, are not counted.
        token_flops: floating-point operations for each token of each window.
    """

    weight_bytes: int
    row_bytes: int
    token_flops: int

    @classmethod
    def of(cls, network: DecoderNetwork, frames: int) -> PassCost:
        """Count a network's.

        Args:
            network: The decoder.
            frames: Encoder states of a window.
        """
        layers, width = len(network.layers), network.embedding.shape[1]
        scored = network.embedding.shape[0] if network.shortlist is None else len(network.shortlist)
        weights = sum(linear.packed_bytes + sum(t.nbytes for t in linear.tensors()) for linear in network.linears)
        wide = sum(len(layer.fc1.bias) for layer in network.layers if layer.fc1.bias is not None)  # feed-forward
        products = layers * 6 * width * width + 2 * wide * width + scored * width  # self-attention 4, cross-attention 2
        return cls(
            weight_bytes=weights,
            row_bytes=layers * 2 * frames * width * network.dtype.itemsize,
            token_flops=2 * products + layers * 4 * frames * width,
        )
