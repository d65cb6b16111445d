// Filters beside the table: values with how many recordings have each, and histograms that are brushed.

import { h } from "../shared/dom";
import type { Column, Filtered, Histogram } from "../shared/protocol";
import { Brush } from "./brush";

const FEW = 8; // values of a facet that are shown at first

export interface State {
  readonly facets: Record<string, string[]>;
  readonly ranges: Record<string, [number, number]>;
}

export class Facets {
  readonly element = h("div", { class: "facets", role: "group", "aria-label": "Filters" });
  readonly state: State = { facets: {}, ranges: {} };
  readonly #columns: ReadonlyMap<string, Column>;
  readonly #changed: () => void;
  #focused = ""; // the facet whose button is drawn anew
  readonly #all = new Set<string>(); // facets of which every value is shown
  readonly #brushes = new Map<string, Brush>();
  readonly #lists = new Map<string, HTMLElement>();
  readonly #clear = h("button", { type: "button", class: "clear", hidden: true }, "Clear filters");

  /** Called after the button that clears, which is hidden then. */
  oncleared: () => void = () => undefined;

  constructor(columns: readonly Column[], changed: () => void) {
    this.#columns = new Map(columns.map((column) => [column.name, column]));
    this.#changed = changed;
    this.#clear.addEventListener("click", () => {
      this.clear();
      this.oncleared();
    });
    this.element.append(this.#clear);
  }

  get active(): boolean {
    return Object.keys(this.state.facets).length + Object.keys(this.state.ranges).length > 0;
  }

  clear(): void {
    for (const name of Object.keys(this.state.facets)) Reflect.deleteProperty(this.state.facets, name);
    for (const name of Object.keys(this.state.ranges)) Reflect.deleteProperty(this.state.ranges, name);
    this.#changed();
  }

  show({ facets, histograms }: Filtered): void {
    for (const [name, values] of Object.entries(facets)) this.#list(name, values);
    for (const [name, histogram] of Object.entries(histograms)) this.#brush(name, histogram);
    this.#clear.hidden = !this.active;
  }

  #list(name: string, values: readonly (readonly [string, number])[]): void {
    let box = this.#lists.get(name);
    if (box === undefined) {
      box = h("fieldset", { class: "facet" });
      this.#lists.set(name, box);
      this.element.append(box);
    }
    const kind = this.#columns.get(name)?.kind;
    const tells = values.length > 1 || kind === "warnings" || kind === "tags" || this.state.facets[name] !== undefined; // more than that all are alike
    box.hidden = values.length === 0 || !tells;
    const focused = box.querySelector<HTMLInputElement>(":focus")?.value;
    const most = Math.max(1, ...values.map(([, count]) => count));
    const shown = this.#all.has(name) ? values : values.slice(0, FEW);
    box.replaceChildren(h("legend", {}, this.#legend(name)), ...shown.map(([value, count]) => this.#value(name, value, count, most)));
    if (values.length > FEW) box.append(this.#more(name, values.length));
    if (this.#focused === name) {
      this.#focused = "";
      box.querySelector<HTMLElement>(".more")?.focus();
    }
    if (focused !== undefined) box.querySelector<HTMLInputElement>(`input[value="${CSS.escape(focused)}"]`)?.focus();
  }

  /** What a facet is called: its column in full. */
  #legend(name: string): string {
    const column = this.#columns.get(name);
    return column === undefined ? name : column.title || column.label;
  }

  #value(name: string, value: string, count: number, most: number): HTMLElement {
    const box = h("input", { type: "checkbox", value });
    box.checked = this.state.facets[name]?.includes(value) ?? false;
    box.addEventListener("change", () => {
      const others = (this.state.facets[name] ?? []).filter((other) => other !== value);
      const values = box.checked ? [...others, value] : others;
      if (values.length > 0) this.state.facets[name] = values;
      else Reflect.deleteProperty(this.state.facets, name);
      this.#changed();
    });
    const bar = h("span", { class: "portion", "aria-hidden": "true" });
    bar.style.width = `${(100 * count) / most}%`;
    return h("label", { class: "value" }, bar, box, h("span", { class: "what", title: value, dir: "auto" }, value), h("span", { class: "number" }, count.toLocaleString("en")));
  }

  #more(name: string, count: number): HTMLElement {
    const all = this.#all.has(name);
    const button = h("button", { type: "button", class: "more" }, all ? "Fewer" : `${count - FEW} more`);
    button.addEventListener("click", () => {
      if (all) this.#all.delete(name);
      else this.#all.add(name);
      this.#focused = name;
      this.#changed();
    });
    return button;
  }

  #brush(name: string, histogram: Histogram): void {
    const known = histogram.counts.some((count) => count > 0) || this.state.ranges[name] !== undefined;
    let brush = this.#brushes.get(name);
    if (brush === undefined) {
      if (!known) return;
      brush = new Brush(this.#legend(name), this.#columns.get(name)?.kind ?? "number", (range) => {
        if (range === null) Reflect.deleteProperty(this.state.ranges, name);
        else this.state.ranges[name] = range;
        this.#changed();
      });
      this.#brushes.set(name, brush);
      this.element.append(brush.element);
    }
    brush.show(histogram, this.state.ranges[name] ?? null);
  }
}
