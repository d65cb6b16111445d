"""espeak-ng as a shared library, from the ``espeakng-loader`` wheel: for machines without Debian's program.

Synthesis is synchronous and one voice at a time; the library keeps its state in the process.
"""

import ctypes
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS, _CHARACTERS, _UTF8, _RATE, _PITCH = 2, 1, 1, 1, 3  # speak_lib.h
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def present() -> bool:
    """Whether the wheel is installed."""
    return find_spec("espeakng_loader") is not None


class Library:
    """The loaded library, and the samples of the utterance under way."""

    def __init__(self) -> None:
        loader = import_module("espeakng_loader")
        self._library = ctypes.CDLL(loader.get_library_path())
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(loader.get_data_path()).encode(), 0))
        self._heard: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._hear)  # kept: the library holds no reference that Python knows of
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: int | None) -> int:
        if samples and count > 0:
            self._heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, voice: str, speed: int, pitch: int) -> NDArray[np.int16]:
        """Samples at ``rate``; empty where the voice is unknown."""
        self._heard.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return np.zeros(0, np.int16)
        self._library.espeak_SetParameter(_RATE, speed, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        said = text.encode() + b"\0"
        self._library.espeak_Synth(said, ctypes.c_size_t(len(said)), 0, _CHARACTERS, 0, _UTF8, None, None)
        return np.concatenate([np.zeros(0, np.int16), *self._heard])


@lru_cache
def library() -> Library:
    """The one library of this process."""
    return Library()
