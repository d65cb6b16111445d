"""The text of the two reference implementations: transformers and openai/whisper.

Both decode greedily and unassisted, without temperature fallback and silence skip, from samples to text tokens.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

from benchmarks.checkpoints import quiet
from benchmarks.sound import RATE, Samples

WITHOUT_THRESHOLDS = {
    "compression_ratio_threshold": None,
    "logprob_threshold": None,
    "no_speech_threshold": None,
}


@dataclass(frozen=True)
class Text:
    """What was written.

    Attributes:
        tokens: Ids of the text, without timestamps and other special tokens.
        language: Code of the language that was given or detected; None for an English-only model.
    """

    tokens: tuple[int, ...]
    language: str | None


class TransformersReference:
    """transformers' `generate` in float32, on features of its own extractor."""

    def __init__(self, folder: Path) -> None:
        """Load a Hugging Face folder."""
        with quiet():
            self.model: Any = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.extractor = WhisperFeatureExtractor.from_pretrained(folder)
        self.text_tokens = int(self.model.generation_config.eos_token_id)  # ids of text tokens are below
        languages: dict[str, int] = getattr(self.model.generation_config, "lang_to_id", {})
        self._codes = {token: name.strip("<|>") for name, token in languages.items()}

    def write(self, samples: Samples, task: str = "transcribe", language: str | None = None) -> Text:
        """Decode a recording as the documentation does: up to one window padded, beyond in sequential long form.

        Args:
            samples: (n,) float32 at 16 kHz.
            task: "transcribe" or "translate".
            language: Code; None detects it.
        """
        long = len(samples) > self.extractor.n_samples
        longest = {"truncation": False, "padding": "longest"} if long else {}
        inputs = self.extractor(samples, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True, **longest)
        return self.write_features(inputs.input_features, task, language, inputs.attention_mask)

    def write_features(
        self, features: Tensor, task: str, language: str | None, attention_mask: Tensor | None = None
    ) -> Text:
        """Decode features (1, n_mels, frames); attention_mask (1, frames) says which are the recording."""
        with torch.inference_mode(), quiet():
            if self._codes and language is None:
                window = features[..., : int(self.extractor.nb_max_frames)]
                language = self._codes[int(self.model.detect_language(window)[0])]
            forced = {"task": task, "language": language} if self._codes else {}
            written = self.model.generate(
                features,
                attention_mask=attention_mask,
                return_timestamps=True,
                return_segments=True,
                num_beams=1,
                do_sample=False,
                **forced,
            )
        segments = written["segments"][0]
        tokens = (token for segment in segments for token in segment["tokens"].tolist())
        return Text(tuple(token for token in tokens if token < self.text_tokens), language)


def why_no_openai_whisper() -> str:
    """Why openai/whisper cannot be compared with here; '' where it can."""
    if importlib.util.find_spec("whisper") is None:
        return "openai-whisper is not installed (pip install 'whisper-magic[reference]'); it is left out"
    return ""


class OpenAIReference:
    """openai/whisper's `transcribe` in float32, with the weights of a Hugging Face folder."""

    def __init__(self, folder: Path) -> None:
        """Load a Hugging Face folder."""
        import whisper

        with quiet():
            theirs = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        self.model: Any = whisper.model.Whisper(_dimensions(theirs.config)).eval()
        missing, unexpected = self.model.load_state_dict(openai_names(theirs.model.state_dict()), strict=False)
        assert not unexpected, unexpected
        assert not missing, missing
        heads = torch.zeros(theirs.config.decoder_layers, theirs.config.decoder_attention_heads, dtype=torch.bool)
        for layer, head in getattr(theirs.generation_config, "alignment_heads", None) or ():
            heads[layer, head] = True
        self.model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
        self.text_tokens = int(theirs.generation_config.eos_token_id)

    def write(self, samples: Samples, task: str = "transcribe", language: str | None = None, **options: Any) -> Text:
        """Decode a recording; see `TransformersReference.write`. options: of `whisper.transcribe`."""
        chosen = {**WITHOUT_THRESHOLDS, **options}
        written = self.model.transcribe(
            samples,
            task=task,
            language=language,
            temperature=0.0,
            condition_on_previous_text=False,
            fp16=False,
            verbose=None,
            **chosen,
        )
        tokens = (token for segment in written["segments"] for token in segment["tokens"])
        return Text(tuple(token for token in tokens if token < self.text_tokens), written["language"])


def openai_features(samples: Samples, n_mels: int) -> Tensor:
    """(1, n_mels, frames) features by openai/whisper: of the sound with a window of silence behind it, which is then
    cut off; a window is filled up with zeros."""
    import whisper

    mel: Tensor = whisper.log_mel_spectrogram(samples, n_mels, padding=whisper.audio.N_SAMPLES)
    content = mel[:, : -whisper.audio.N_FRAMES]
    if content.shape[1] < whisper.audio.N_FRAMES:
        content = whisper.pad_or_trim(content, whisper.audio.N_FRAMES)
    return content[None]


def _dimensions(config: Any) -> Any:
    import whisper

    return whisper.model.ModelDimensions(
        n_mels=config.num_mel_bins,
        n_audio_ctx=config.max_source_positions,
        n_audio_state=config.d_model,
        n_audio_head=config.encoder_attention_heads,
        n_audio_layer=config.encoder_layers,
        n_vocab=config.vocab_size,
        n_text_ctx=config.max_target_positions,
        n_text_state=config.d_model,
        n_text_head=config.decoder_attention_heads,
        n_text_layer=config.decoder_layers,
    )


_OPENAI_NAMES = (  # as transformers' convert_openai_to_hf.py, read backwards
    ("layers.", "blocks."),
    ("encoder_attn_layer_norm", "cross_attn_ln"),
    ("encoder_attn.", "cross_attn."),
    ("self_attn_layer_norm", "attn_ln"),
    ("self_attn.", "attn."),
    ("final_layer_norm", "mlp_ln"),
    ("q_proj", "query"),
    ("k_proj", "key"),
    ("v_proj", "value"),
    ("out_proj", "out"),
    ("fc1", "mlp.0"),
    ("fc2", "mlp.2"),
    ("embed_tokens", "token_embedding"),
    ("encoder.embed_positions.weight", "encoder.positional_embedding"),
    ("decoder.embed_positions.weight", "decoder.positional_embedding"),
    ("encoder.layer_norm", "encoder.ln_post"),
    ("decoder.layer_norm", "decoder.ln"),
)


def openai_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of transformers' `WhisperModel` by openai/whisper's names."""
    renamed = {}
    for name, tensor in state.items():
        for theirs, openai in _OPENAI_NAMES:
            name = name.replace(theirs, openai)
        renamed[name] = tensor
    return renamed
