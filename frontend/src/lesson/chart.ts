// The lab's chart: the speed-up over the length of the draft, computed and measured.

import { h } from "../shared/dom";
import { s } from "./svg";

const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [250, 26, 92, 12, 36];

export interface Curves {
  /** By length, from 0 on. */
  readonly speedups: readonly number[];
  readonly tokens: readonly number[];
  readonly measured: readonly { readonly length: number; readonly speedup: number }[];
  readonly chosen: number;
}

export class Chart {
  readonly element = h("div", { class: "chart" });
  readonly #onlength: (length: number) => void;
  #curves: Curves | null = null;
  #width = 560;

  /** onlength: a length was clicked. */
  constructor(onlength: (length: number) => void) {
    this.#onlength = onlength;
    if (typeof ResizeObserver !== "undefined") {
      new ResizeObserver(() => {
        const width = this.element.clientWidth;
        if (width === 0 || width === this.#width) return;
        this.#width = width;
        this.#draw();
      }).observe(this.element);
    }
  }

  show(curves: Curves): void {
    this.#curves = curves;
    this.#draw();
  }

  #draw(): void {
    const curves = this.#curves;
    if (curves === null) return;
    const { speedups, tokens, measured, chosen } = curves;
    const most = Math.max(2, ...speedups, ...tokens, ...measured.map(({ speedup }) => speedup));
    const step = most > 4 ? 2 : most > 2.5 ? 1 : 0.5;
    const top = Math.ceil((most * 1.04) / step) * step;
    const x = (length: number): number => LEFT + (length / (speedups.length - 1)) * (this.#width - LEFT - RIGHT);
    const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
    const line = (values: readonly number[]): string =>
      values.map((value, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const size = { viewBox: `0 0 ${this.#width} ${HEIGHT}`, width: this.#width, height: HEIGHT };
    const point = (value: number, i: number): SVGElement =>
      s("circle", { class: i === chosen ? "point now" : "point", cx: x(i), cy: y(value), r: i === chosen ? 5 : 2.5 });
    const drawn = s(
      "svg",
      { class: "plot", ...size, role: "img", "aria-label": described(curves) },
      s("title", {}, "Speed-up over the length of the draft"),
      s("rect", { class: "loss", x: LEFT, y: y(1), width: x(speedups.length - 1) - LEFT, height: y(0) - y(1) }),
      ...grid(top, step, LEFT, x(speedups.length - 1), y),
      ...axis(speedups.length, x, y(0)),
      s("line", { class: "chosen", x1: x(chosen), x2: x(chosen), y1: TOP, y2: y(0) }),
      s("path", { class: "tokens", d: line(tokens) }),
      s("path", { class: "speedup", d: line(speedups) }),
      ...speedups.map(point),
      ...measured.map(({ length, speedup }) => s("circle", { class: "ring", cx: x(length), cy: y(speedup), r: 4.5 })),
      s("text", { class: "note", x: x(0) + 6, y: y(0) - 6 }, "slower than the target alone"),
      ...this.#names(curves, x, y),
    );
    drawn.addEventListener("click", (event) => {
      const share = (event.clientX - drawn.getBoundingClientRect().left - LEFT) / (this.#width - LEFT - RIGHT);
      this.#onlength(Math.min(speedups.length - 1, Math.max(0, Math.round(share * (speedups.length - 1)))));
    });
    this.element.replaceChildren(drawn);
  }

  /** The curves' names at their ends, apart from each other. */
  #names({ speedups, tokens }: Curves, x: (length: number) => number, y: (value: number) => number): SVGTextElement[] {
    const at = x(speedups.length - 1) + 10;
    const [upper, lower] = [y(tokens.at(-1) ?? 0) + 4, y(speedups.at(-1) ?? 0) + 4];
    const middle = (upper + lower) / 2;
    const [first, second] = lower - upper < 32 ? [middle - 16, middle + 16] : [upper, lower];
    const two = (name: string, more: string, cls: string, height: number): SVGTextElement =>
      s("text", { class: cls, x: at, y: height }, s("tspan", {}, name), s("tspan", { x: at, dy: "1.2em", class: "soft-text" }, more));
    return [two("E", "tokens", "name-tokens", first - 4), two("S", "times as fast", "name-speedup", second - 4)];
  }
}

function grid(top: number, step: number, left: number, right: number, y: (value: number) => number): SVGElement[] {
  return Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step).flatMap((value) => [
    s("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    s("text", { class: "tick", x: left - 7, y: y(value) + 4, "text-anchor": "end" }, String(value)),
  ]);
}

function axis(count: number, x: (length: number) => number, bottom: number): SVGElement[] {
  const tick = (at: number, height: number, text: string): SVGElement =>
    s("text", { class: "tick", x: at, y: height, "text-anchor": "middle" }, text);
  return [
    ...Array.from({ length: count }, (_, k) => tick(x(k), bottom + 15, String(k))),
    tick((x(0) + x(count - 1)) / 2, bottom + 30, "length of the draft, k"),
  ];
}

/** The chart in a sentence, for those who do not see it; the numbers stand in the table. */
function described({ speedups, chosen, measured }: Curves): string {
  const values = speedups.map((value, k) => `${k}: ${value.toFixed(2)}`).join(", ");
  const rings = measured.map(({ length, speedup }) => `${length}: ${speedup.toFixed(2)}`).join(", ");
  return `Speed-up by length of the draft, computed: ${values}; chosen: ${chosen}${rings === "" ? "" : `; measured: ${rings}`}`;
}
