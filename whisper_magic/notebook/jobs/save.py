"""`--save`: each transcript is written as soon as it is finished, so that a later failure loses nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from IPython.core.error import UsageError

from whisper_magic.errors import WhisperMagicError
from whisper_magic.formats import ENDINGS, WRITERS, stem_of
from whisper_magic.transcript import Transcript
from whisper_magic.wording import one_line


class Saver:
    """Writes transcripts to a pattern whose * is each source's name; of two equal names the second gets a -2.

    Attributes:
        saved: the files that were written.
        problems: a line for each transcript that could not be written.
    """

    def __init__(self, pattern: str | None) -> None:
        """Make one for one job; a pattern of None saves nothing."""
        self.pattern = pattern
        self.saved: list[Path] = []
        self.problems: list[str] = []
        self._used: Counter[Path] = Counter()

    def check(self, several: bool) -> None:
        """Check the pattern before any work is done, and make its folder.

        Args:
            several: whether there will be more than one transcript.

        Raises:
            UsageError: for an ending that is no format, one name for several transcripts, or a folder that cannot
                be made.
            PackageMissing: for a format that needs one.
        """
        if self.pattern is None:
            return
        if not self.pattern.lower().endswith(ENDINGS):
            raise UsageError(f"--save takes a name ending in {', '.join(ENDINGS)}, got {self.pattern}")
        path = Path(os.path.expanduser(self.pattern))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
        WRITERS[path.suffix.lower().removeprefix(".")].check()
        if several and "*" not in self.pattern:
            raise UsageError(f"--save with several transcripts takes a name for each, such as *{path.suffix}")
        if "*" not in str(path.parent):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = one_line(error.strerror or error)
                raise UsageError(f"--save cannot make the folder {path.parent}: {reason}") from None

    def save(self, transcript: Transcript) -> None:
        """Write a transcript that is complete. A failure goes to `problems`: the transcript must not be lost."""
        if self.pattern is None or not transcript.complete:
            return
        path = Path(os.path.expanduser(self.pattern.replace("*", stem_of(transcript.source, "transcript"))))  # noqa: PTH111 (as above)
        self._used[path] += 1
        if self._used[path] > 1:
            path = path.with_stem(f"{path.stem}-{self._used[path]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.saved.append(transcript.save(path))
        except (WhisperMagicError, OSError) as error:
            self.problems.append(f"not saved: {one_line(error)}")

    def summary(self) -> str | None:
        """'Saved talk.srt', and how many more; None where nothing was saved."""
        if not self.saved:
            return None
        first = f"Saved {self.saved[0]}"
        return first if len(self.saved) == 1 else f"{first} and {len(self.saved) - 1} more"
