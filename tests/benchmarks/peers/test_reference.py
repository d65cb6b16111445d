"""The references: the same weights under openai/whisper's names."""

from __future__ import annotations

from transformers import WhisperConfig, WhisperModel

from benchmarks.peers.reference import openai_names


def test_weights_by_their_other_names() -> None:
    config = WhisperConfig(
        vocab_size=60000, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
    )  # fmt: skip
    names = set(openai_names(WhisperModel(config).state_dict()))
    layer = {f"attn.{part}" for part in ("query.weight", "query.bias", "key.weight", "value.weight", "out.bias")}
    layer |= {"attn_ln.weight", "mlp.0.weight", "mlp.2.bias", "mlp_ln.bias"}
    assert {f"encoder.blocks.0.{part}" for part in layer} <= names
    assert {f"decoder.blocks.0.{part}" for part in (*layer, "cross_attn.query.bias", "cross_attn_ln.weight")} <= names
    assert {"encoder.conv1.weight", "encoder.positional_embedding", "encoder.ln_post.weight"} <= names
    assert {"decoder.token_embedding.weight", "decoder.positional_embedding", "decoder.ln.bias"} <= names
    assert not any(part in name for name in names for part in ("layers", "self_attn", "fc1", "proj", "embed_"))
