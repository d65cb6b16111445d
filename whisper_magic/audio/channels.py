"""Channel selection and mixing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whisper_magic.audio.notes import Notes
from whisper_magic.audio.samples import Samples
from whisper_magic.audio.sound import Sound
from whisper_magic.errors import AudioInvalid
from whisper_magic.wording import shown

CANCELLED = 0.2  # of the power that unrelated channels keep in a mix; below it, they cancel one another
LOUDER = 2.0  # times the power that another channel must have to be taken instead of the first one
AUDIBLE = 1e-8  # mean square (-80 dB of full scale) below which there is nothing to cancel


def columns(channel: object, sound: Sound) -> dict[str | int, list[int]]:
    """Return the columns of the requested channel.

    Args:
        channel: "mix", "split", "left", "right" or an index from 0.
        sound: The source.

    Returns:
        The columns of its blocks that each result is made of, by the result's label.

    Raises:
        AudioInvalid: There is no such channel.
    """
    every = list(range(sound.channels))
    if channel == "mix":
        return {sound.channel if sound.channels == 1 else "mix": every}
    if channel == "split":
        return {sound.channel if sound.channels == 1 else label(index, sound.channels): [index] for index in every}
    index = {"left": 0, "right": 1}.get(channel) if isinstance(channel, str) else channel
    if not isinstance(index, int | np.integer) or isinstance(index, bool) or index < 0:
        raise AudioInvalid(f"channel must be 'mix', 'left', 'right', 'split' or an index from 0, got {channel!r}")
    if index >= sound.channels:
        have = "1 channel" if sound.channels == 1 else f"{sound.channels} channels"
        raise AudioInvalid(f"{shown(sound.name)} has {have}: there is no channel {channel!r}")
    return {channel if isinstance(channel, str) else int(index): [int(index)]}


def label(index: int, channels: int) -> str | int:
    """Return the label of a channel."""
    return ("left", "right")[index] if channels == 2 else index


def picked(blocks: Iterator[Samples], indices: list[int], channels: int) -> Iterator[Samples]:
    """Select columns of each block.

    Args:
        blocks: (n, channels) each; one with another number of channels counts as its mean in all of them.
        indices: The columns.
        channels: Channels of the sound.

    Yields:
        (n, len(indices)) blocks.
    """
    for block in blocks:
        if block.shape[1] != channels:
            yield np.repeat(block.mean(axis=1, keepdims=True), len(indices), axis=1)
        else:
            yield block if len(indices) == channels else block[:, indices]


def mixed(blocks: Iterator[Samples], rate: int, position: int, notes: Notes) -> Iterator[Samples]:
    """Mix all channels to their mean; where they cancel each other out, use the loudest one.

    That is decided for every second of the recording, so that a part is mixed as the whole is.

    Args:
        blocks: (n, channels) each.
        rate: Hz.
        position: Sample frame of the recording at which the first block begins.
        notes: Gets a note where channels cancel.

    Yields:
        (n, 1) blocks.
    """
    taken: dict[str | int, int] = {}  # sample frames, by the channel that was used alone
    total = 0
    for second in _seconds(blocks, rate, position):
        total += len(second)
        chosen = _speaking(second)
        if chosen is None:
            yield second.mean(axis=1, keepdims=True)
            continue
        name = label(chosen, second.shape[1])
        taken[name] = taken.get(name, 0) + len(second)
        yield second[:, chosen : chosen + 1]
    if taken:
        seconds, names = sum(taken.values()) / rate, " and ".join(f"channel {name}" for name in taken)
        notes.add(
            f"its channels are in opposite phase and cancel when mixed, in {seconds:.1f} of {total / rate:.1f} s: "
            f"{names} alone is used there"
        )


def _speaking(block: Samples) -> int | None:
    """The channel to use alone, where the channels of a block cancel one another; else None."""
    channels = block.shape[1]
    if channels == 1:
        return None
    powers = np.square(block, dtype=np.float64).mean(axis=0)
    unrelated = powers.sum() / channels**2  # power of the mean of channels that have nothing to do with one another
    if powers.max() < AUDIBLE or np.square(block.mean(axis=1, dtype=np.float64)).mean() >= CANCELLED * unrelated:
        return None
    loudest = int(np.argmax(powers))
    return loudest if powers[loudest] > LOUDER * powers[0] else 0


def _seconds(blocks: Iterator[Samples], rate: int, position: int) -> Iterator[Samples]:
    """The blocks, cut and joined at whole seconds of the recording and where the number of channels changes."""
    parts: list[Samples] = []
    have = position % rate
    for block in blocks:
        if parts and parts[0].shape[1] != block.shape[1]:
            yield np.concatenate(parts)
            parts = []
        while len(block):
            parts.append(block[: rate - have])
            block = block[rate - have :]
            have += len(parts[-1])
            if have == rate:
                yield np.concatenate(parts)
                parts, have = [], 0
    if parts:
        yield np.concatenate(parts)
