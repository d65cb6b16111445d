// How loud the microphone is: the last seconds as bars, and the level for a screen reader.

import { h } from "../shared/dom";
import { Scope } from "../shared/scope";

const BAR = 3; // pixels, and one of space
const EVERY = 60; // ms
const HEIGHT = 36;
const QUIETEST = -60; // dBFS

/** Root mean square of samples -> 0 at -60 dBFS or less, 1 at full scale. */
export function loudness(samples: Float32Array): number {
  const square = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length);
  return Math.min(1, Math.max(0, 1 - (10 * Math.log10(Math.max(1e-12, square))) / QUIETEST));
}

export class Meter {
  readonly element: HTMLCanvasElement;
  readonly #bars: number[] = [];
  readonly #scope = new Scope();

  constructor() {
    this.element = h("canvas", {
      class: "meter",
      height: HEIGHT,
      role: "meter",
      "aria-label": "Level of the microphone",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": 0,
    });
  }

  start(stream: MediaStream): void {
    const audio = new AudioContext();
    this.#scope.add(() => void audio.close());
    const analyser = audio.createAnalyser();
    analyser.fftSize = 2048;
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = window.setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.#bars.push(loudness(samples));
      this.#draw();
    }, EVERY);
    this.#scope.add(() => window.clearInterval(timer));
  }

  dispose(): void {
    this.#scope.dispose();
  }

  #draw(): void {
    const { clientWidth: width } = this.element;
    const context = this.element.getContext("2d");
    if (context === null || width === 0) return;
    const ratio = devicePixelRatio;
    [this.element.width, this.element.height] = [width * ratio, HEIGHT * ratio];
    context.scale(ratio, ratio);
    context.fillStyle = getComputedStyle(this.element).getPropertyValue("--mark").trim() || "royalblue";
    const most = Math.floor(width / (BAR + 1));
    this.#bars.splice(0, Math.max(0, this.#bars.length - most));
    const left = width - this.#bars.length * (BAR + 1);
    this.#bars.forEach((level, index) => {
      const height = Math.max(2, level * HEIGHT);
      context.fillRect(left + index * (BAR + 1), (HEIGHT - height) / 2, BAR, height);
    });
    const percent = String(Math.round(100 * (this.#bars.at(-1) ?? 0)));
    if (this.#bars.length % 8 === 0) this.element.setAttribute("aria-valuenow", percent); // twice a second
  }
}
