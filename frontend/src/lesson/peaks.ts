// A small waveform of a lesson's sound, with the part in question and the moment that sounds.

import { h } from "../shared/dom";
import type { LessonSound } from "./protocol";
import { s, stretched } from "./svg";

export class Peaks {
  readonly element = h("div", { class: "peaks" });
  readonly #sound: LessonSound;
  readonly #part = s("rect", { class: "part", y: 0, height: 2, width: 0 });
  readonly #cursor = h("div", { class: "cursor", hidden: true });

  constructor(sound: LessonSound) {
    this.#sound = sound;
    const { peaks, duration } = sound;
    const step = duration / Math.max(1, peaks.length);
    const bars = peaks.map((peak, i) => {
      const half = Math.max(0.03, Math.min(1, peak));
      const [left, width] = [((i + 0.15) * step).toFixed(3), (0.7 * step).toFixed(3)];
      return `M${left} ${(1 - half).toFixed(3)}h${width}v${(2 * half).toFixed(3)}h-${width}z`;
    });
    this.element.append(stretched(duration, 2, this.#part, s("path", { class: "wave", d: bars.join("") })), this.#cursor);
  }

  /** Mark a part, in seconds of the recording. */
  mark(start: number, end: number): void {
    this.#part.setAttribute("x", String(start - this.#sound.start));
    this.#part.setAttribute("width", String(Math.max(end - start, this.#sound.duration / 300)));
  }

  /** Show the second of the recording that sounds; null: none. */
  moved(time: number | null): void {
    this.#cursor.hidden = time === null;
    if (time === null) return;
    const share = (time - this.#sound.start) / this.#sound.duration;
    this.#cursor.style.insetInlineStart = `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
  }
}
