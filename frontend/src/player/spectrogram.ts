// Whisper's own log-mel spectrogram of what the waveform shows: what the model sees. The kernel computes it.

import { h } from "../shared/dom";
import { Refused, type Kernel } from "../shared/kernel";
import { Scope } from "../shared/scope";

const PATIENCE = 150; // ms without another change of view
export const MAX_SECONDS = 120; // seconds that are drawn at once

export class Spectrogram {
  readonly element = h("div", { class: "spectrogram" });
  readonly #canvas = h("canvas", { role: "img" });
  readonly #note = h("div", { class: "soft" });
  readonly #kernel: Kernel;
  readonly #scope = new Scope();
  #cancel = (): void => undefined;
  #asked = "";

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.element.append(this.#canvas, this.#note);
    this.#scope.add(() => this.element.remove());
  }

  /** Show the part between two times, once they rest. */
  show(start: number, end: number): void {
    this.#cancel();
    this.#cancel = this.#scope.timeout(() => void this.#pull(start, end), PATIENCE);
  }

  dispose(): void {
    this.#scope.dispose();
  }

  async #pull(start: number, end: number): Promise<void> {
    const view = `${start} ${end}`;
    if (view === this.#asked || !(end > start)) return;
    this.#asked = view;
    this.#canvas.hidden = end - start > MAX_SECONDS;
    this.#note.textContent = this.#canvas.hidden ? `Zoom in (+) to ${MAX_SECONDS / 60} minutes or less for the spectrogram.` : "";
    if (this.#canvas.hidden) return;
    try {
      const { value, buffers } = await this.#kernel.ask("mel", { start, end });
      const bytes = buffers[0];
      if (this.#asked !== view || bytes === undefined) return;
      this.#draw(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), value.bins);
      this.#canvas.setAttribute("aria-label", `Log-mel spectrogram, ${start.toFixed(1)} to ${end.toFixed(1)} seconds`);
    } catch (error) {
      this.#asked = "";
      if (error instanceof Refused) this.#note.textContent = `No spectrogram: ${error.message}.`;
    }
  }

  /** Columns of `bins` values from 0 to 255, the lowest frequency first. */
  #draw(values: Uint8Array, bins: number): void {
    const columns = Math.floor(values.length / bins);
    const context = this.#canvas.getContext("2d");
    if (context === null || columns === 0) return;
    [this.#canvas.width, this.#canvas.height] = [columns, bins];
    const image = context.createImageData(columns, bins);
    for (let column = 0; column < columns; column++) {
      for (let bin = 0; bin < bins; bin++) {
        image.data.set(colourOf(values[column * bins + bin] ?? 0), 4 * ((bins - 1 - bin) * columns + column));
      }
    }
    context.putImageData(image, 0, 0);
  }
}

/** Dark blue over red to bright yellow, evenly brighter, as in the colour map "magma". */
export function colourOf(value: number): [number, number, number, number] {
  const x = value / 255;
  return [
    Math.round(255 * Math.min(1, Math.max(0, 1.9 * x - 0.15))),
    Math.round(255 * Math.max(0, 1.7 * x - 0.75)),
    Math.round(255 * (0.12 + 0.5 * Math.sin(Math.PI * Math.min(1, 1.25 * x)) + 0.25 * Math.max(0, x - 0.75) * 4 * 0.5)),
    255,
  ];
}
