"""Audio embedded in a transcript's HTML, for pages without a kernel: the browser's audio player, and a script to seek
when a segment is clicked. Without scripts, as in an untrusted notebook, only the audio player remains.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

_SCRIPT = """
(() => {
  const root = document.currentScript.closest(".whisper-magic");
  const audio = root.querySelector("audio");
  const rows = [...root.querySelectorAll(".wm-segment")];
  const starts = rows.map((row) => Number(row.dataset.start));
  const play = (row) => { audio.currentTime = Number(row.dataset.start); audio.play(); };
  for (const row of rows) {
    const time = row.querySelector("time");
    time.tabIndex = 0;
    time.setAttribute("role", "button");
    row.style.cursor = "pointer";
    row.addEventListener("click", () => { if (String(getSelection()) === "") play(row); });
    time.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      play(row);
    });
  }
  audio.addEventListener("timeupdate", () => {
    const now = starts.findLastIndex((start) => start <= audio.currentTime + 0.05);
    rows.forEach((row, index) => row.classList.toggle("wm-now", index === now && !audio.ended));
  });
})();
"""


@dataclass(frozen=True)
class Embedded:
    """Encoded audio.

    Attributes:
        content: a file.
        mime: its type.
        start: its offset in the recording, in seconds.
    """

    content: bytes
    mime: str
    start: float = 0.0

    @property
    def note(self) -> str:
        """Its size, as a note."""
        return f"{len(self.content) / 1e6:.1f} MB of audio are embedded in this page"


def script() -> str:
    """The script that seeks, as HTML to be placed after the text."""
    return f"<script>{_SCRIPT}</script>"


def html(sound: Embedded) -> str:
    """The audio player, as HTML."""
    content = base64.b64encode(sound.content).decode()
    player = f'<audio controls preload="metadata" src="data:{sound.mime};base64,{content}"></audio>'
    return f'<div class="wm-sound">{player}</div>'
