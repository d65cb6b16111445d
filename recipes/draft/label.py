"""Labels: windows of sound, encoded and decoded by the target itself, with the distribution that it gave each token.

One file of labels per sound file and pass, written whole: what is there is done, and a killed run goes on. A window's
distribution is stored as the target's last hidden states, from which its logits are one product with the embedding.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from whisper_magic import Engine, TranscribeOptions, WhisperMagicError
from whisper_magic.audio.load import load
from whisper_magic.engine.decode.drafters import NoDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.model.linear import Linear
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.prompt import forced_prompt
from whisper_magic.options import Task

SOUND = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".m4a")
TOGETHER = 8  # windows decoded at once
MIN_SECONDS = 2.0  # seconds of a window
LOOP = 2.4  # compression ratio from which a text repeats itself

Tensor = torch.Tensor
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Crop:
    """What is asked about one window.

    Attributes:
        start, end: In the file, seconds.
        task: "transcribe" or "translate".
        timestamps: Whether they are predicted.
        previous: Whether the text of the window before precedes the prompt.
    """

    start: float
    end: float
    task: Task
    timestamps: bool
    previous: bool


def sound_files(folder: Path) -> list[Path]:
    """Every sound file under a folder, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND)


def crops(duration: float, window: float, rng: np.random.Generator) -> Iterator[Crop]:
    """Windows that cover a file once, three of five as long as the model's own."""
    start = 0.0
    while duration - start >= MIN_SECONDS:
        length = window if rng.random() < 0.6 else rng.uniform(MIN_SECONDS, window)
        task: Task = "translate" if rng.random() < 0.12 else "transcribe"
        yield Crop(start, min(start + length, duration), task, rng.random() < 0.85, rng.random() < 0.3)
        start += length


class Labeller:
    """A resident target that labels windows."""

    def __init__(self, target: str, dtype: str) -> None:
        self._engine = Engine.load(target, draft="none", dtype=dtype)
        self.model: LoadedModel = self._engine._loaded()
        (group,) = self.model.runner.encoder_groups
        self._states: list[Tensor] = []
        self.model.runner.encoder_groups[0] = replace(group, encoder=_Recorder(group.encoder, self._states))
        network = self.model.runner.backend.target.network
        self._headless = replace(network, output=_Identity())

    def label(self, path: Path, out: Path, seed: int) -> int:
        """Label one file.

        Args:
            path: A sound file.
            out: Where the labels go.
            seed: Of the crops.

        Returns:
            How many windows it gave.
        """
        samples = load(path).samples
        rate, model = self.model.front_end.sample_rate, self.model
        rng = np.random.default_rng([seed, zlib.crc32(path.name.encode())])
        window = model.target.window_frames * model.front_end.frame_seconds
        planned = list(crops(len(samples) / rate, window, rng))
        rows: list[dict[str, Any]] = []
        previous: list[int] = []
        for timestamps in (True, False):
            some = [crop for crop in planned if crop.timestamps == timestamps]
            for i in range(0, len(some), TOGETHER):
                group = some[i : i + TOGETHER]
                rows += self._group(samples, group, previous)
                if rows:
                    previous = [t for t in rows[-1]["text"] if t < model.target.special.eot][-100:]
        if rows:
            _save(rows, out)
        return len(rows)

    def _group(self, samples: Samples, group: Sequence[Crop], previous: Sequence[int]) -> list[dict[str, Any]]:
        model, special = self.model, self.model.target.special
        rate = model.front_end.sample_rate
        windows = []
        for i, crop in enumerate(group):
            features = model.front_end(samples[int(crop.start * rate) : int(crop.end * rate)])
            features = features[:, : model.target.window_frames]
            options = TranscribeOptions(task=crop.task if special.tasks else "transcribe", timestamps=crop.timestamps)
            prompt = forced_prompt(special, options, model.target.name)
            if crop.previous and previous and special.prev_sot is not None:
                prompt = (special.prev_sot, *previous, *prompt)
            most = len(prompt) + model.target.config.max_target_positions // 2
            windows.append(Window(i, features, prompt, most, int((crop.end - crop.start) * 100)))
        processor = model.logits_processor(group[0].timestamps, None, special.max_initial_timestamp_index)
        self._states.clear()
        speculator = Speculator(model.runner, processor, NoDrafter(), len(windows))
        waiting = iter(windows)
        slot_of: dict[int, int] = {}
        rows = []
        for event in speculator.run(lambda: next(waiting, None)):
            slot_of |= {window.index: slot for slot, window in speculator.slots.occupied}
            if isinstance(event, Decoded) and (row := self._row(event, group, slot_of, speculator)) is not None:
                rows.append(row)
        return rows

    def _row(
        self, decoded: Decoded, group: Sequence[Crop], slot_of: dict[int, int], speculator: Speculator
    ) -> dict[str, Any] | None:
        """A window's labels; None where its text repeats itself or is empty."""
        special, index = self.model.target.special, decoded.window.index
        text = [*decoded.tokens, special.eot]
        words = self.model.target.text(decoded.tokens).encode()
        if len(words) < 2 or len(words) / len(zlib.compress(words)) > LOOP:
            return None
        prompt = [decoded.language if token == -1 else token for token in decoded.window.prompt]
        tokens = [*prompt, *text]
        network, runner = self._headless, self.model.runner
        with torch.inference_mode():
            cross = runner.backend.target.cross_kv(slot_of[index])
            own = torch.zeros(*cross.shape[:4], len(tokens), cross.shape[5], dtype=cross.dtype)
            hidden = network.forward(torch.tensor([tokens]), torch.zeros(1, dtype=torch.long), own, cross)[0]
        languages = {token: name for name, token in special.languages.items()}
        language = decoded.language if decoded.language is not None else -1
        return {
            "states": self._states[index][0].to(torch.bfloat16),
            "tokens": tokens,
            "text": text,
            "hidden": hidden[len(prompt) - 1 : -1].half(),
            "language": languages.get(language, "en"),
            "task": group[index].task,
        }


class _Recorder:
    """An encoder whose states are kept."""

    def __init__(self, encoder: Any, states: list[Tensor]) -> None:
        self._encoder, self._states = encoder, states

    def __call__(self, features: Tensor) -> Tensor:
        states: Tensor = self._encoder(features)
        self._states.append(states)
        return states

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


class _Identity(Linear):
    """An output layer that is left out."""

    packed_bytes = 0

    def __call__(self, x: Tensor) -> Tensor:
        return x


def _save(rows: Sequence[dict[str, Any]], out: Path) -> None:
    tensors = {
        "states": torch.stack([row["states"] for row in rows]),
        "tokens": torch.tensor([token for row in rows for token in row["tokens"]], dtype=torch.int32),
        "sizes": torch.tensor([(len(row["tokens"]), len(row["text"])) for row in rows], dtype=torch.int32),
        "hidden": torch.cat([row["hidden"] for row in rows]),
    }
    facts = {key: " ".join(row[key] for row in rows) for key in ("language", "task")}
    part = out.with_suffix(".part")
    save_file(tensors, part, facts)
    part.rename(out)


def label(target: str, sound: Path, out: Path, *, passes: int = 1, dtype: str = "bfloat16", threads: int = 2) -> None:
    """Label every sound file under a folder that has no labels yet.

    Args:
        target: What `Engine.load` takes.
        sound: A folder of sound files, in any depth.
        out: Folder of the labels.
        passes: How often each file is cut, with other windows each time.
        dtype: Of the target.
        threads: torch threads.
    """
    torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    labeller = Labeller(target, dtype)
    for number in range(passes):
        for path in sound_files(sound):
            name = hashlib.sha256(str(path.relative_to(sound)).encode()).hexdigest()[:16]
            file = out / f"{name}-{number}.safetensors"
            if file.exists() or file.with_suffix(".none").exists():
                continue
            try:
                count = labeller.label(path, file, seed=number)
            except WhisperMagicError as error:
                print(f"{path.name}: left out: {error}", flush=True)
                count = 0
            if not count:
                file.with_suffix(".none").touch()
            print(f"{path.name}, pass {number}: {count} windows", flush=True)
