"""A loaded pair of models, made once at load: names and tokens, the front end, and the model runner."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from whisper_magic.audio.features import LogMel
from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.transcript import Models


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """What everything above the runtime needs of the models.

    Attributes:
        target: The target's checkpoint, without its weights: the runner holds what it needs of them.
        runner: Encoders, backend and slots.
        front_end: Samples -> features, as the checkpoint's preprocessor configuration describes.
        models: The names, for transcripts.
    """

    target: Checkpoint
    runner: ModelRunner
    front_end: LogMel
    models: Models
    _processors: dict[Hashable, LogitsProcessor] = field(default_factory=dict, repr=False)

    @classmethod
    def build(cls, target: Checkpoint, draft: Checkpoint | None, device_name: str) -> LoadedModel:
        """Pack the weights of both and choose a backend. device_name: for people."""
        runner = ModelRunner(target, draft)
        extractor = target.feature_extractor
        front_end = LogMel.build(
            extractor.mel_filters,
            n_fft=extractor.n_fft,
            hop_length=extractor.hop_length,
            sample_rate=extractor.sampling_rate,
            window_samples=target.window_frames * extractor.hop_length,
            device=runner.device,
        )
        dtype = str(runner.dtype).removeprefix("torch.")
        models = Models(target.name, draft.name if draft else None, device_name, dtype, runner.attention)
        return cls(replace(target, decoder_state={}, encoder=None), runner, front_end, models)

    def logits_processor(
        self, timestamps: bool, suppress: tuple[int, ...] | None, max_initial_index: int | None
    ) -> LogitsProcessor:
        """The logit rules for these options: the same object while they are the same, because graphs depend on it.

        Arguments as of `LogitsProcessor.build`.
        """
        key = (timestamps, suppress, max_initial_index)
        if key not in self._processors:
            self._processors[key] = LogitsProcessor.build(
                self.target.special,
                self.runner.device,
                timestamps=timestamps,
                suppress=suppress,
                max_initial_index=max_initial_index,
            )
        return self._processors[key]

    def close(self) -> None:
        """Free every tensor."""
        self.runner.close()
        self._processors.clear()
