// What the kernel can show of how the text was decoded, on request: rounds, features, the model's confidence.

import type { Kernel } from "../shared/kernel";
import type { Document } from "../shared/protocol";
import { Scope } from "../shared/scope";
import type { TranscriptView } from "../shared/transcript";
import { Spectrogram } from "./spectrogram";
import { Trace } from "./trace";
import type { Waveform } from "./waveform";

export class Layers {
  readonly #kernel: Kernel;
  readonly #waveform: Waveform;
  readonly #transcript: TranscriptView;
  readonly #seek: (time: number) => void;
  readonly #scope = new Scope();
  #trace: Trace | null = null;
  #spectrogram: Spectrogram | null = null;

  constructor(kernel: Kernel, waveform: Waveform, transcript: TranscriptView, seek: (time: number) => void) {
    [this.#kernel, this.#waveform, this.#transcript, this.#seek] = [kernel, waveform, transcript, seek];
    this.#scope.add(() => this.#spectrogram?.dispose());
  }

  /** Whether rounds are shown. */
  get traced(): boolean {
    return this.#trace !== null;
  }

  dispose(): void {
    this.#scope.dispose();
  }

  /** The waveform shows another part. */
  view(start: number, end: number): void {
    this.#trace?.draw(start, end);
    this.#spectrogram?.show(start, end);
  }

  /** Draw anew, in other colours. */
  paint(): void {
    this.#trace?.draw(...this.#waveform.view);
  }

  /** The sound plays. */
  moved(time: number): void {
    this.#trace?.moved(time);
  }

  go(round: number): void {
    this.#trace?.go(round);
  }

  /** Shade words by the model's confidence; with a trace, also what it found likeliest. */
  async showConfidence(on: boolean, { rounds, writing }: Document): Promise<void> {
    this.#transcript.element.classList.toggle("confidence", on);
    if (!on || rounds === 0 || writing) return;
    try {
      const { value } = await this.#kernel.ask("trace", {});
      this.#transcript.alternatives(value.rounds);
    } catch {
      // without its model the shades are all there is
    }
  }

  showSpectrogram(on: boolean): void {
    this.#spectrogram?.dispose();
    this.#spectrogram = on ? new Spectrogram(this.#kernel) : null;
    if (this.#spectrogram === null) return;
    this.#waveform.element.after(this.#spectrogram.element);
    this.#spectrogram.show(...this.#waveform.view);
  }

  /**
   * Show the rounds and their tokens, or no longer.
   *
   * @throws Refused where the kernel has none.
   */
  async showTrace(on: boolean): Promise<void> {
    this.#trace?.element.remove();
    this.#trace?.ribbon.remove();
    this.#trace = null;
    this.#transcript.trace(null);
    if (!on) return;
    const { value } = await this.#kernel.ask("trace", {});
    const trace = new Trace(value.rounds, value.note, {
      onround: (index) => {
        const round = value.rounds[index];
        if (round !== undefined) this.#seek(round.start + 0.001);
        trace.show(index);
      },
    });
    this.#trace = trace;
    this.#waveform.element.after(trace.ribbon);
    this.#transcript.element.before(trace.element);
    this.#transcript.trace(value.rounds);
    trace.draw(...this.#waveform.view);
  }
}
