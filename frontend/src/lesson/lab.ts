// A lesson: what speculative decoding gains, by length of the draft, acceptance and cost, on this machine or another.

import { h } from "../shared/dom";
import { percent } from "../shared/tokens";
import { Chart } from "./chart";
import { speedupFormula, tokensFormula } from "./formulas";
import { Numbers } from "./numbers";
import type { LabData } from "./protocol";
import { BATCHES, bestLength, expectedTokens, MAX_LENGTH, ratioCosts, rooflineCosts, speedup, type Costs } from "./speculation";

const LENGTHS = Array.from({ length: MAX_LENGTH + 1 }, (_, length) => length);

const COMPUTED = [
  "Lines are computed, rings were measured. As measured here, a pass over a draft costs v passes over one token.",
  "E: Leviathan et al. 2023, eq. 1, with one acceptance for all positions.",
  "Times of a machine, by a roofline: a pass takes as long as it reads its weights and each window’s cross-attention",
  "keys and values, or as long as it computes, whichever is longer.",
].join(" ");

export class Lab {
  readonly element: HTMLElement;
  readonly #data: LabData;
  readonly #length: HTMLInputElement;
  readonly #acceptance: HTMLInputElement;
  readonly #ratio: HTMLInputElement;
  readonly #machine = h("select", { id: "machine" });
  readonly #batch = h("select", { id: "batch" });
  readonly #outputs = new Map<HTMLInputElement, HTMLOutputElement>();
  readonly #chart: Chart;
  readonly #formulas = h("div", { class: "formulas" });
  readonly #best = h("div", { class: "result", "aria-live": "polite" });
  readonly #numbers = new Numbers(["k", "E", "S", "tokens a round, measured", "speed-up, measured"]);

  constructor(data: LabData) {
    this.#data = data;
    const { acceptance, cost_ratio, by_length } = data.measured;
    const fastest = [...by_length].sort((a, b) => b.speedup - a.speedup)[0];
    this.#length = slider(MAX_LENGTH, 1, fastest?.length ?? 4);
    this.#acceptance = slider(1, 0.01, acceptance);
    this.#ratio = slider(1, 0.01, cost_ratio);
    this.#machine.append(
      h("option", { value: "" }, "as measured here"),
      h(
        "optgroup",
        { label: "computed by a roofline" },
        ...data.machines.map(({ name, here }, i) => h("option", { value: i }, here ? `${name}, here` : name)),
      ),
    );
    this.#batch.append(...BATCHES.map((batch) => h("option", { value: batch }, batch === 1 ? "1 window" : `${batch} windows`)));
    this.#chart = new Chart((length) => {
      this.#length.value = String(length);
      this.#show();
    });
    this.element = this.#layout();
    for (const control of [this.#length, this.#acceptance, this.#ratio]) control.addEventListener("input", () => this.#show());
    for (const control of [this.#machine, this.#batch]) control.addEventListener("change", () => this.#show());
    this.#show();
  }

  #layout(): HTMLElement {
    const { acceptance, cost_ratio } = this.#data.measured;
    return h(
      "div",
      { class: "lab" },
      h(
        "div",
        { class: "two" },
        h(
          "div",
          { class: "controls" },
          this.#row(this.#length, "Length of the draft", "k", "tokens that the draft proposes a round"),
          this.#row(this.#acceptance, "Acceptance", "a", `measured: ${percent(acceptance)}`),
          this.#positions(),
          this.#row(this.#ratio, "Cost of a draft step", "c", `measured: ${cost_ratio.toFixed(2)} of a pass of the target`),
          h("div", { class: "field" }, h("label", { for: "machine" }, "Machine"), this.#machine),
          h("div", { class: "field" }, h("label", { for: "batch" }, "Batch"), this.#batch),
        ),
        h(
          "div",
          {},
          h("div", { class: "keys" }, h("span", {}, h("i", { class: "swatch ring" }), "measured here")),
          this.#chart.element,
          this.#best,
        ),
      ),
      this.#formulas,
      this.#numbers.element,
      h("div", { class: "foot" }, COMPUTED),
    );
  }

  #row(input: HTMLInputElement, name: string, sign: string, hint: string): HTMLElement {
    input.id = `slider-${sign}`;
    const output = h("output", { class: "number", for: input.id });
    this.#outputs.set(input, output);
    const label = h("label", { for: input.id }, `${name} `, h("i", {}, sign));
    return h("div", { class: "field" }, label, output, input, h("div", { class: "soft hint" }, hint));
  }

  /** What was measured at each position of a draft. */
  #positions(): HTMLElement {
    const { by_position } = this.#data.measured;
    const line = by_position.map((share, i) => `${i + 1}: ${percent(share)}`).join(", ");
    const bars = by_position.map((share) => h("span", { style: `height: ${Math.max(2, 100 * share).toFixed(1)}%` }));
    const range = `${percent(by_position[0] ?? 0)} to ${percent(by_position.at(-1) ?? 0)}`;
    const label = `measured acceptance by position: ${line}`;
    return h(
      "div",
      { class: "positions", role: "img", "aria-label": label, title: line, hidden: by_position.length === 0 },
      h("span", { class: "columns" }, ...bars),
      h("span", { class: "soft hint" }, `by position, where those before were accepted: ${range}`),
    );
  }

  #costs(): Costs {
    const machine = this.#data.machines[Number(this.#machine.value)];
    if (this.#machine.value === "" || machine === undefined) {
      return ratioCosts(Number(this.#ratio.value), this.#data.measured.by_length);
    }
    return rooflineCosts(machine, this.#data.model, Number(this.#batch.value));
  }

  #show(): void {
    const computed = this.#machine.value !== "";
    const costs = this.#costs();
    this.#batch.disabled = !computed;
    this.#ratio.disabled = computed;
    if (computed) this.#ratio.value = String(costs.draft / costs.target(1));
    const [length, acceptance] = [Number(this.#length.value), Number(this.#acceptance.value)];
    this.#label(this.#length, String(length));
    this.#label(this.#acceptance, acceptance.toFixed(2));
    this.#label(this.#ratio, (costs.draft / costs.target(1)).toFixed(2));
    const speedups = LENGTHS.map((k) => speedup(acceptance, k, costs));
    const tokens = LENGTHS.map((k) => expectedTokens(acceptance, k));
    const measured = this.#data.measured.by_length.filter(({ length }) => length <= MAX_LENGTH);
    this.#chart.show({ speedups, tokens, measured, chosen: length });
    this.#formulas.replaceChildren(tokensFormula(acceptance, length), speedupFormula(acceptance, length, costs, computed));
    this.#best.textContent = sentence(acceptance, length, costs);
    this.#fill(speedups, tokens);
  }

  #label(input: HTMLInputElement, text: string): void {
    const output = this.#outputs.get(input);
    if (output !== undefined) output.value = text;
  }

  #fill(speedups: readonly number[], tokens: readonly number[]): void {
    const rows = LENGTHS.map((k) => {
      const point = this.#data.measured.by_length.find(({ length }) => length === k);
      const measured = point === undefined ? ["", ""] : [point.tokens_per_round.toFixed(2), point.speedup.toFixed(2)];
      return [String(k), (tokens[k] ?? 0).toFixed(2), (speedups[k] ?? 0).toFixed(2), ...measured] as const;
    });
    this.#numbers.show(rows);
  }
}

/** The best length, and what the chosen one gives. */
export function sentence(acceptance: number, length: number, costs: Costs): string {
  const best = bestLength(acceptance, costs);
  const times = (k: number): string => speedup(acceptance, k, costs).toFixed(2);
  const chosen = best === length ? "" : ` With ${length} it is ${times(length)} times as fast.`;
  if (best === 0) return `No draft: whatever its length, the target alone is fastest.${chosen}`;
  return `Best: ${best === 1 ? "1 token" : `${best} tokens`} a draft, ${times(best)} times as fast as the target alone.${chosen}`;
}

function slider(max: number, step: number, value: number): HTMLInputElement {
  return h("input", { type: "range", min: 0, max, step, value });
}
