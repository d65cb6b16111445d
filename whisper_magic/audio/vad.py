"""Voice activity detection, chunk by chunk.

A detector gives the probability of speech for every frame of 32 ms; `Segmenter` turns those into stretches, with the
hysteresis of silero-vad's `get_speech_timestamps`. There are two detectors: silero-vad's network
(https://github.com/snakers4/silero-vad, MIT) where that package is installed, and a gate on the level of the sound.
Windows, features and transcripts are not known here.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

Samples = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float32]

FRAME_SECONDS = 0.032
SILERO_RATE = 16_000  # Hz; it has a network for 8 kHz too, which is not used here
SILERO_FRAME, SILERO_CONTEXT, SILERO_PAD = 512, 64, 64  # samples
QUIET_PEAK, NORMAL_PEAK = 0.05, 0.5  # a recording whose peak is below the first is amplified to the second
MAX_GAIN = 1e4  # 80 dB
RESTART = 312  # frames, 10 s, after which a second pass of silero-vad's LSTM begins anew
BATCH = 4096  # frames through the network together: two minutes


class Detector(Protocol):
    """Computes the probability of speech, frame by frame, of one recording.

    Attributes:
        name: As shown to people.
        frame: Samples of a frame.
    """

    name: str
    frame: int

    def feed(self, samples: Samples, last: bool = False) -> Probabilities:
        """Take the next samples of the recording.

        Args:
            samples: (n,) float32.
            last: There are no more after these.

        Returns:
            (frames,) probabilities of the frames that these samples complete; with `last`, also of the one they begin.
        """


def detector(sample_rate: int) -> Detector:
    """Make a detector for one recording.

    Args:
        sample_rate: Hz.

    Returns:
        silero-vad where it is installed and the rate is its own, else the level gate.
    """
    weights = _silero_weights() if sample_rate == SILERO_RATE else None
    return LevelGate(sample_rate) if weights is None else Silero(weights)


@cache
def _silero_weights() -> Mapping[str, torch.Tensor] | None:
    """Returns the weights of the installed silero-vad; None where it is not installed, or its network is another one.

    Its package is not imported, which would set torch's thread count to 1; its other files hold older weights.
    """
    spec = importlib.util.find_spec("silero_vad")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / "data" / "silero_vad.jit"
    if path is None or not path.is_file():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; the package ships nothing else that is up to date
        module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]  # torch leaves it so
    weights = {name.removeprefix("_model."): weight for name, weight in module.state_dict().items()}
    return weights if set(_SILERO) <= set(weights) else None


_CONVOLUTIONS = tuple((f"encoder.{number}.reparam_conv", stride) for number, stride in enumerate((1, 2, 2, 1)))
_CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_SILERO = (
    "stft.forward_basis_buffer",
    *(f"{name}.{kind}" for name, _ in _CONVOLUTIONS for kind in ("weight", "bias")),
    *(f"decoder.rnn.{name}" for name in _CELL),
    *(f"decoder.decoder.2.{kind}" for kind in ("weight", "bias")),
)


class _Frames:
    """Cuts what it is fed into whole frames."""

    def __init__(self, frame: int) -> None:
        self._frame = frame
        self._rest: Samples = np.zeros(0, np.float32)

    def feed(self, samples: Samples, last: bool) -> Samples:
        """(frames, frame) samples; with `last` the final one is filled up with zeros."""
        sound = np.concatenate([self._rest, samples])
        if last and len(sound) % self._frame:
            sound = np.pad(sound, (0, self._frame - len(sound) % self._frame))
        whole = len(sound) // self._frame * self._frame
        self._rest = sound[whole:]
        return sound[:whole].reshape(-1, self._frame)


class Silero:
    """silero-vad's network over many frames at a time: its convolutions see each frame alone, its LSTM all in order.

    Equal to the package's own model, which runs frame by frame in Python and takes some ten times as long. But that
    misses speech after long music: of 9 s of speech behind 36 s of a guitar it finds nothing. So the LSTM runs twice,
    once from the beginning and once begun anew every `RESTART` frames, and the higher probability counts.
    """

    name = "silero-vad"
    frame = SILERO_FRAME

    def __init__(self, weights: Mapping[str, torch.Tensor], restarts: bool = True) -> None:
        """Begin a recording.

        Args:
            weights: Those of its 16 kHz model, by the names of its TorchScript file.
            restarts: Whether there is the second pass.
        """
        self._restarts = restarts
        self._w = weights
        self._lstm = torch.nn.LSTM(128, 128)
        self._lstm.load_state_dict({f"{name}_l0": weights[f"decoder.rnn.{name}"] for name in _CELL})
        self._state = self._restarted = (torch.zeros(1, 1, 128), torch.zeros(1, 1, 128))
        self._until_restart = RESTART
        self._context = torch.zeros(1, SILERO_CONTEXT)
        self._frames = _Frames(SILERO_FRAME)

    @torch.inference_mode()
    def feed(self, samples: Samples, last: bool = False) -> Probabilities:
        frames = torch.from_numpy(self._frames.feed(samples, last))
        parts = [self._probs(frames[i : i + BATCH]).numpy() for i in range(0, len(frames), BATCH)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _probs(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, 512) frames -> (N,) probabilities."""
        tails = frames[:, -SILERO_CONTEXT:]
        before = torch.cat([self._context, tails[:-1]])
        self._context = tails[-1:].clone()
        sound = F.pad(torch.cat([before, frames], 1)[:, None], (0, SILERO_PAD), mode="reflect")
        waves = F.conv1d(sound, self._w["stft.forward_basis_buffer"], stride=128)
        real, imaginary = waves.chunk(2, dim=1)
        x = (real.square() + imaginary.square()).sqrt()
        for name, stride in _CONVOLUTIONS:
            weight, bias = self._w[f"{name}.weight"], self._w[f"{name}.bias"]
            x = F.conv1d(x, weight, bias, stride=stride, padding=1).relu()
        x = x[:, None, :, 0]
        states, self._state = self._lstm(x, self._state)
        speech = self._speech(states)
        return torch.maximum(speech, self._speech(self._from_restarts(x))) if self._restarts else speech

    def _from_restarts(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 128) -> (N, 1, 128) states of the LSTM begun anew every `RESTART` frames of the recording."""
        head, rest = x[: self._until_restart], x[self._until_restart :]
        first, self._restarted = self._lstm(head, self._restarted)
        parts = [first]
        self._until_restart -= len(head)
        whole = len(rest) // RESTART * RESTART
        if whole:  # side by side
            states, _ = self._lstm(rest[:whole].reshape(-1, RESTART, 128).transpose(0, 1))
            parts.append(states.transpose(0, 1).reshape(whole, 1, 128))
        if len(tail := rest[whole:]):
            last, self._restarted = self._lstm(tail)
            parts.append(last)
        if len(rest) or not self._until_restart:
            self._until_restart = RESTART - len(tail)
            if not len(tail):
                self._restarted = (torch.zeros(1, 1, 128), torch.zeros(1, 1, 128))
        return torch.cat(parts)

    def _speech(self, states: torch.Tensor) -> torch.Tensor:
        """(N, 1, 128) states of the LSTM -> (N,) probabilities."""
        weight, bias = self._w["decoder.decoder.2.weight"], self._w["decoder.decoder.2.bias"]
        return F.linear(states[:, 0].relu(), weight[..., 0], bias)[:, 0].sigmoid()


class LevelGate:
    """Detects speech as what is clearly louder than the quiet parts so far. Steady sound that is not faint counts as
    speech: nothing is lost for a lack of contrast."""

    name = "level gate"
    FAINT = -55.0  # dB of full scale: what is quieter is no speech
    CONTRAST = 9.0  # dB between quiet and loud from which on pauses can be found

    def __init__(self, sample_rate: int) -> None:
        self.frame = round(FRAME_SECONDS * sample_rate)
        self._frames = _Frames(self.frame)
        self._levels: npt.NDArray[np.float32] = np.zeros(0, np.float32)

    def feed(self, samples: Samples, last: bool = False) -> Probabilities:
        frames = self._frames.feed(samples, last)
        levels: Probabilities = (10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)).astype(np.float32)
        self._levels = np.concatenate([self._levels, levels])
        if not len(levels):
            return levels
        quiet, loud = np.percentile(self._levels, (10, 95))
        quiet = max(quiet, loud - 45)  # digital silence is no measure of the background noise
        gate = quiet + 0.35 * (loud - quiet) if loud - quiet >= self.CONTRAST else loud - self.CONTRAST
        probs: Probabilities = (1 / (1 + np.exp(-(levels - max(gate, self.FAINT)) / 2))).astype(np.float32)
        return probs


@dataclass(frozen=True)
class Stretch:
    """Samples start..end of a recording."""

    start: int
    end: int


@dataclass(frozen=True)
class Pauses:
    """How speech is split at pauses, in seconds.

    Attributes:
        pause: The shortest pause that parts it.
        margin: By how much stretches are widened either way.
        longest: A longer stretch is split where speech is least likely in its second half.
    """

    pause: float
    margin: float
    longest: float


class Amplified:
    """A detector whose input is amplified where a recording is quiet, by its loudest sample so far."""

    def __init__(self, sample_rate: int) -> None:
        self._detector = detector(sample_rate)
        self.name, self.frame = self._detector.name, self._detector.frame
        self._peak = 0.0

    def feed(self, samples: Samples, last: bool = False) -> Probabilities:
        self._peak = max(self._peak, float(np.abs(samples).max(initial=0.0)))
        gain = min(NORMAL_PEAK / self._peak, MAX_GAIN) if 0 < self._peak < QUIET_PEAK else 1.0
        return self._detector.feed(samples if gain == 1.0 else samples * np.float32(gain), last)


class Voice:
    """The speech of one recording, detected as its samples arrive."""

    def __init__(self, sample_rate: int, pauses: Pauses | None = None, detector: Detector | None = None) -> None:
        """Begin a recording.

        Args:
            sample_rate: Hz.
            pauses: Where speech is parted; None for no stretches at all, only `seconds`.
            detector: Of the probabilities that `take` is given; None makes one, for `feed`.
        """
        self._detector = detector or Amplified(sample_rate)
        self._segmenter = Segmenter(sample_rate, self._detector.frame, pauses) if pauses else None
        self._frame_seconds = self._detector.frame / sample_rate
        self._voiced: list[npt.NDArray[np.bool_]] = []  # by frame: whether it is speech
        self._samples = 0

    @property
    def found_by(self) -> str:
        """Name of the detector."""
        return self._detector.name

    def feed(self, samples: Samples, last: bool = False) -> list[Stretch]:
        """Take the next samples of the recording.

        Args:
            samples: (n,) float32.
            last: There are no more after these.

        Returns:
            The stretches that are known to have ended.
        """
        return self.take(self._detector.feed(samples, last), len(samples), last)

    def take(self, probs: Probabilities, count: int, last: bool = False) -> list[Stretch]:
        """The same, where the detector was fed elsewhere: its probabilities for the next `count` samples."""
        self._samples += count
        self._voiced.append(probs >= Segmenter.BEGINS)
        if self._segmenter is None:
            return []
        stretches = self._segmenter.feed(probs.tolist())
        return stretches + self._segmenter.finish(self._samples) if last else stretches

    def seconds(self, start: float, end: float) -> float:
        """How long there is speech from `start` to `end`, in seconds of what was fed."""
        voiced = np.concatenate([*self._voiced, np.zeros(0, np.bool_)])
        self._voiced = [voiced]
        first, last = (int(second / self._frame_seconds) for second in (start, end))
        return float(voiced[first : last + 1].sum()) * self._frame_seconds


class Segmenter:
    """Probabilities of frames -> stretches of speech, each known as soon as the pause after it is.

    Speech begins at 0.5 and ends where the probability stays below 0.35 for a pause; under 0.1 s of it is no speech.
    """

    BEGINS, ENDS, MIN_SECONDS = 0.5, 0.35, 0.1

    def __init__(self, sample_rate: int, frame: int, pauses: Pauses) -> None:
        assert 2 * pauses.margin <= pauses.pause, "stretches would overlap"
        self._frame = frame
        self._pause = max(1, round(pauses.pause * sample_rate / frame))
        self._longest = max(2, int(pauses.longest * sample_rate) // frame)
        self._least = self.MIN_SECONDS * sample_rate
        self._margin = int(pauses.margin * sample_rate)
        self._at = 0  # frames seen
        self._begin: int | None = None  # first frame of the open stretch
        self._split = False  # whether it begins where a longer one was split
        self._open: list[float] = []  # its probabilities so far
        self._quiet = 0  # frames below ENDS at its end

    def feed(self, probs: Iterable[float]) -> list[Stretch]:
        """Take the probabilities of the next frames; returns the stretches that are known to have ended."""
        stretches: list[Stretch] = []
        for prob in probs:
            if self._begin is None:
                if prob >= self.BEGINS:
                    self._begin, self._open, self._quiet, self._split = self._at, [prob], 0, False
            else:
                self._open.append(prob)
                self._quiet = self._quiet + 1 if prob < self.ENDS else 0
                if self._quiet >= self._pause:
                    stretches += self._close()
                elif len(self._open) >= self._longest:
                    stretches.append(self._cut())
            self._at += 1
        return stretches

    def finish(self, total: int) -> list[Stretch]:
        """Returns the stretch that is still open where the recording, `total` samples long, ends."""
        stretches = self._close() if self._begin is not None else []
        return [Stretch(stretch.start, min(stretch.end, total)) for stretch in stretches if stretch.start < total]

    def _close(self) -> list[Stretch]:
        assert self._begin is not None
        start, end = self._begin * self._frame, (self._begin + len(self._open) - self._quiet) * self._frame
        whole = self._stretch(start, end + self._margin)
        long_enough = end - start >= self._least or self._split
        self._begin = None
        return [whole] if long_enough else []

    def _cut(self) -> Stretch:
        assert self._begin is not None
        half = len(self._open) // 2
        at = half + min(range(len(self._open) - half), key=lambda i: self._open[half + i])
        first = self._stretch(self._begin * self._frame, (self._begin + at) * self._frame)
        self._begin, self._open, self._split = self._begin + at, self._open[at:], True
        return first

    def _stretch(self, start: int, end: int) -> Stretch:
        return Stretch(start if self._split else max(0, start - self._margin), end)
