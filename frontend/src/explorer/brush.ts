// A histogram with two handles; a drag over its bars moves both.

import { h } from "../shared/dom";
import type { ColumnKind, Histogram } from "../shared/protocol";
import { barHeights, described, dragged, edgeOf, figure, rangeOf } from "./histogram";

const CLICK = 3; // px that a pointer moves in a click, at most

export class Brush {
  readonly element: HTMLElement;
  readonly #bars = h("div", { class: "bars", "aria-hidden": "true" });
  readonly #low: HTMLInputElement;
  readonly #high: HTMLInputElement;
  readonly #range = h("span", { class: "soft number" });
  readonly #kind: ColumnKind;
  readonly #changed: (range: [number, number] | null) => void;
  #histogram: Histogram = { edges: [], counts: [], unknown: 0 };

  constructor(title: string, kind: ColumnKind, changed: (range: [number, number] | null) => void) {
    [this.#kind, this.#changed] = [kind, changed];
    [this.#low, this.#high] = [this.#handle(`${title}, least`), this.#handle(`${title}, most`)];
    this.element = h("fieldset", { class: "facet brush" }, h("legend", {}, title), this.#bars, h("div", { class: "handles" }, this.#low, this.#high), this.#range);
    this.#bars.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  show(histogram: Histogram, range: [number, number] | null): void {
    this.#histogram = histogram;
    const { edges, counts } = histogram;
    for (const handle of [this.#low, this.#high]) handle.max = String(counts.length);
    if (!this.element.matches(":focus-within")) {
      this.#low.value = String(range === null ? 0 : edgeOf(histogram, range[0]));
      this.#high.value = String(range === null ? counts.length : edgeOf(histogram, range[1]));
    }
    while (this.#bars.children.length < counts.length) this.#bars.append(h("span", {}));
    barHeights(counts).forEach((height, place) => {
      const bar = this.#bars.children[place] as HTMLElement;
      bar.style.height = `${height}%`;
      const [least, most] = [figure(this.#kind, edges[place] ?? 0), figure(this.#kind, edges[place + 1] ?? 0)];
      bar.title = `${least} to ${most}: ${(counts[place] ?? 0).toLocaleString("en")}`;
    });
    this.#paint();
  }

  /** The edges at which the handles stand. */
  get #edges(): [low: number, high: number] {
    return [Number(this.#low.value), Number(this.#high.value)];
  }

  #handle(label: string): HTMLInputElement {
    const handle = h("input", { type: "range", min: 0, max: 30, step: 1, "aria-label": label });
    handle.addEventListener("input", () => this.#moved(handle));
    return handle;
  }

  #moved(handle: HTMLInputElement): void {
    const [low, high] = this.#edges;
    if (low >= high) handle.value = String(handle === this.#low ? Math.max(0, high - 1) : low + 1);
    this.#apply();
  }

  #apply(): void {
    this.#paint();
    this.#changed(rangeOf(this.#histogram, ...this.#edges));
  }

  #drag(event: PointerEvent): void {
    event.preventDefault();
    const { left, width } = this.#bars.getBoundingClientRect();
    const bars = this.#histogram.counts.length;
    const at = ({ clientX }: PointerEvent): number => ((clientX - left) / width) * bars;
    const move = (to: PointerEvent): void => {
      [this.#low.value, this.#high.value] = dragged(at(event), at(to), bars).map(String) as [string, string];
      this.#paint();
    };
    const stop = (last: PointerEvent): void => {
      this.#bars.removeEventListener("pointermove", move);
      this.#bars.removeEventListener("pointerup", stop);
      if (Math.abs(last.clientX - event.clientX) < CLICK) [this.#low.value, this.#high.value] = ["0", String(bars)]; // a click: all
      this.#apply();
    };
    this.#bars.setPointerCapture(event.pointerId);
    this.#bars.addEventListener("pointermove", move);
    this.#bars.addEventListener("pointerup", stop);
  }

  #paint(): void {
    const [low, high] = this.#edges;
    [...this.#bars.children].forEach((bar, place) => bar.classList.toggle("out", place < low || place >= high));
    for (const handle of [this.#low, this.#high]) handle.setAttribute("aria-valuetext", figure(this.#kind, this.#histogram.edges[Number(handle.value)] ?? 0));
    this.#range.textContent = described(this.#histogram, this.#kind, low, high);
  }
}
