"""espeak-ng as a shared library, from the ``espeakng-loader`` wheel, for machines without the program.

Synthesis is synchronous, one voice at a time; the library keeps its state in the process.
"""

import ctypes
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS, _CHARACTERS, _UTF8, _RATE, _PITCH = 2, 1, 1, 1, 3  # speak_lib.h
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def available() -> bool:
    """Whether the wheel is installed."""
    return find_spec("espeakng_loader") is not None


class Library:
    """The loaded library, and the samples of the current utterance."""

    def __init__(self) -> None:
        """Load and initialize it."""
        loader = import_module("espeakng_loader")
        self._library = ctypes.CDLL(loader.get_library_path())
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(loader.get_data_path()).encode(), 0))
        self._chunks: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._on_samples)  # kept alive: the library's reference is unknown to Python
        self._library.espeak_SetSynthCallback(self._callback)

    def _on_samples(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, voice: str, speed: int, pitch: int) -> NDArray[np.int16]:
        """Synthesize: samples at ``rate``; empty where the voice is unknown."""
        self._chunks.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return np.zeros(0, np.int16)
        self._library.espeak_SetParameter(_RATE, speed, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        encoded = text.encode() + b"\0"
        self._library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, _CHARACTERS, 0, _UTF8, None, None)
        return np.concatenate([np.zeros(0, np.int16), *self._chunks])


@lru_cache
def library() -> Library:
    """The library, loaded once per process."""
    return Library()
