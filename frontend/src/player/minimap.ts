// The whole of a long recording in a narrow strip, with the part that the waveform shows; a click goes there.

import { h } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import type { Level, Segment } from "../shared/protocol";
import { Scope } from "../shared/scope";

const HEIGHT = 18;
export const LONG = 300; // seconds; what is longer has a minimap

export class Minimap {
  readonly element = h("div", { class: "minimap" });
  readonly #canvas = h("canvas", { height: HEIGHT, "aria-hidden": "true" }); // the waveform's slider says it all
  readonly #duration: number;
  readonly #scope = new Scope();
  #peaks: Int8Array | null = null;
  #flags: readonly number[] = [];
  #view: [number, number] = [0, 0];
  #now = 0;

  /** onseek: a place was clicked, or dragged to. */
  constructor(kernel: Kernel, duration: number, levels: readonly Level[], onseek: (time: number) => void) {
    this.#duration = duration;
    this.element.append(this.#canvas);
    const seek = (event: PointerEvent): void => {
      if (event.buttons === 1) onseek((event.offsetX / this.#canvas.clientWidth) * this.#duration);
    };
    this.#canvas.addEventListener("pointerdown", (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.#canvas.addEventListener("pointermove", seek);
    void this.#pull(kernel, levels.length - 1, levels.at(-1)?.count ?? 0);
  }

  /** Mark the segments that may be wrong. */
  flags(segments: readonly Segment[]): void {
    this.#flags = segments.filter(({ flags }) => flags !== "").map(({ start }) => start);
    this.#draw();
  }

  /** The part that the waveform shows. */
  view(start: number, end: number): void {
    this.#view = [start, end];
    this.#draw();
  }

  moved(time: number): void {
    if (Math.abs(time - this.#now) * this.#canvas.clientWidth < this.#duration / 2) return; // less than half a pixel
    this.#now = time;
    this.#draw();
  }

  dispose(): void {
    this.#scope.dispose();
  }

  async #pull(kernel: Kernel, level: number, count: number): Promise<void> {
    for (let complete = count === 0; !complete && !this.#scope.disposed; ) {
      try {
        const { value, buffers } = await kernel.ask("peaks", { level, start: 0, count });
        const bytes = buffers[0];
        if (bytes !== undefined) this.#peaks = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        complete = value.complete;
      } catch {
        return; // no kernel: what is drawn stays
      }
      this.#draw();
      if (!complete) await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  #draw(): void {
    const width = this.#canvas.clientWidth;
    const context = this.#canvas.getContext("2d");
    if (context === null || width === 0) return;
    const ratio = devicePixelRatio;
    [this.#canvas.width, this.#canvas.height] = [width * ratio, HEIGHT * ratio];
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.element);
    const colour = (name: string): string => style.getPropertyValue(name).trim() || "gray";
    const x = (time: number): number => (time / this.#duration) * width;
    context.fillStyle = colour("--wave");
    const heights = heightsOf(this.#peaks, Math.floor(width));
    heights.forEach((height, left) => context.fillRect(left, (HEIGHT - height * HEIGHT) / 2, 1, Math.max(1, height * HEIGHT)));
    context.fillStyle = colour("--warn");
    for (const start of this.#flags) context.fillRect(x(start), HEIGHT - 4, 2, 4);
    const [start, end] = this.#view;
    context.strokeStyle = colour("--mark");
    context.lineWidth = 1.5;
    if (end > start) context.strokeRect(x(start) + 0.75, 0.75, Math.max(3, x(end) - x(start) - 1.5), HEIGHT - 1.5);
    context.fillStyle = colour("--text");
    context.fillRect(x(this.#now), 0, 1, HEIGHT);
  }
}

/** Pairs of smallest and largest -> a height from 0 to 1 for each of so many pixels; quiet recordings as high as loud ones. */
export function heightsOf(peaks: Int8Array | null, pixels: number): number[] {
  const count = (peaks?.length ?? 0) / 2;
  if (peaks === null || count === 0) return [];
  const heights = Array.from({ length: pixels }, (_, pixel) => {
    const [first, last] = [Math.floor((pixel * count) / pixels), Math.ceil(((pixel + 1) * count) / pixels)];
    let most = 0;
    for (let i = first; i < last; i++) most = Math.max(most, (peaks[2 * i + 1] ?? 0) - (peaks[2 * i] ?? 0));
    return most / 254;
  });
  const loudest = Math.max(0.05, ...heights);
  return heights.map((height) => height / loudest);
}
