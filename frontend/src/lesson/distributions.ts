// The target's and the draft's probabilities as bars that are dragged, or moved by keys; each always sums to 1.

import { h } from "../shared/dom";
import { percent, shown } from "../shared/tokens";

export type Which = "p" | "q";

const OF: Readonly<Record<Which, string>> = { p: "target p", q: "draft q" };

/** Set one share; the others keep their proportions and make up the rest. */
export function withShare(shares: readonly number[], index: number, share: number): number[] {
  const value = Math.min(1, Math.max(0, share));
  const rest = shares.reduce((sum, other, i) => (i === index ? sum : sum + other), 0);
  const evenly = (1 - value) / Math.max(1, shares.length - 1);
  if (shares.length === 1) return [1];
  return shares.map((other, i) => (i === index ? value : rest > 0 ? (other * (1 - value)) / rest : evenly));
}

interface Bar {
  readonly which: Which;
  readonly index: number;
  readonly input: HTMLInputElement;
  readonly fill: HTMLElement;
  readonly value: HTMLElement;
}

export class Distributions {
  readonly element: HTMLElement;
  readonly #changed: (which: Which, shares: number[]) => void;
  readonly #bars: readonly Bar[];
  #shares: Readonly<Record<Which, readonly number[]>> = { p: [], q: [] };

  /** changed: a bar was moved. */
  constructor(tokens: readonly string[], changed: (which: Which, shares: number[]) => void) {
    this.#changed = changed;
    const bars: Bar[] = [];
    const columns = tokens.map((text, index) => {
      const pair = (["p", "q"] as const).map((which) => {
        const [bar, element] = this.#bar(which, index, text);
        bars.push(bar);
        return element;
      });
      return h("div", { class: "column" }, h("div", { class: "pair" }, ...pair));
    });
    this.#bars = bars;
    this.element = h("div", { class: "columns-of", role: "group", "aria-label": "Probabilities by target and draft" }, ...columns);
    this.#reach(0);
  }

  show(shares: Readonly<Record<Which, readonly number[]>>): void {
    this.#shares = shares;
    for (const { which, index, input, fill, value } of this.#bars) {
      const share = shares[which][index] ?? 0;
      input.value = String(Math.round(100 * share));
      input.setAttribute("aria-valuetext", percent(share));
      fill.style.height = `${(100 * share).toFixed(2)}%`;
      value.textContent = percent(share).replace(" %", "");
    }
  }

  #bar(which: Which, index: number, text: string): [Bar, HTMLElement] {
    const label = `${OF[which]} of ${shown(text)}`;
    const input = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": label, "aria-orientation": "vertical" });
    const fill = h("div", { class: `fill ${which}` });
    const value = h("div", { class: "number value" });
    const well = h("div", { class: "well", title: label }, fill, input);
    const set = (share: number): void => this.#changed(which, withShare(this.#shares[which], index, share));
    input.addEventListener("input", () => set(Number(input.value) / 100));
    const drag = (event: PointerEvent): void => {
      const { bottom, height } = well.getBoundingClientRect();
      if (event.buttons === 1) set((bottom - event.clientY) / height);
    };
    well.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the focus goes to the input, which no pointer reaches
      this.#reach(this.#bars.findIndex((bar) => bar.input === input));
      input.focus();
      well.setPointerCapture(event.pointerId);
      drag(event);
    });
    well.addEventListener("pointermove", drag);
    return [{ which, index, input, fill, value }, h("div", { class: "one" }, well, value)];
  }

  /** Left and right: to the bar beside. There is one tab stop for all. */
  key(event: KeyboardEvent): boolean {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = this.#bars.findIndex(({ input }) => input === event.composedPath()[0]);
    if (by === undefined || at < 0) return false;
    const next = Math.min(this.#bars.length - 1, Math.max(0, at + by));
    this.#reach(next);
    this.#bars[next]?.input.focus();
    return true;
  }

  #reach(at: number): void {
    for (const [i, { input }] of this.#bars.entries()) input.tabIndex = i === at ? 0 : -1;
  }
}
