// Filters beside the table: values with how many recordings have each, and histograms that are brushed.

import { clock, h } from "../shared/dom";
import type { Column, ColumnKind, Filtered, Histogram } from "../shared/protocol";
import { written } from "./cells";

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

/** A histogram with two handles; a drag over its bars moves both. */
class Brush {
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
    const bins = histogram.counts.length;
    for (const handle of [this.#low, this.#high]) handle.max = String(bins);
    if (!this.element.matches(":focus-within")) {
      this.#low.value = String(range === null ? 0 : this.#place(range[0]));
      this.#high.value = String(range === null ? bins : this.#place(range[1]));
    }
    const most = Math.max(1, ...histogram.counts);
    while (this.#bars.children.length < bins) this.#bars.append(h("span", {}));
    histogram.counts.forEach((count, place) => {
      const bar = this.#bars.children[place] as HTMLElement;
      bar.style.height = `${count === 0 ? 0 : Math.max(4, (100 * Math.sqrt(count)) / Math.sqrt(most))}%`;
      bar.title = `${this.#text(histogram.edges[place] ?? 0)} to ${this.#text(histogram.edges[place + 1] ?? 0)}: ${count.toLocaleString("en")}`;
    });
    this.#paint();
  }

  #handle(label: string): HTMLInputElement {
    const handle = h("input", { type: "range", min: 0, max: 30, step: 1, "aria-label": label });
    handle.addEventListener("input", () => this.#moved(handle));
    return handle;
  }

  #moved(handle: HTMLInputElement): void {
    const [low, high] = [Number(this.#low.value), Number(this.#high.value)];
    if (low >= high) handle.value = String(handle === this.#low ? Math.max(0, high - 1) : low + 1);
    this.#apply();
  }

  #apply(): void {
    const [low, high] = [Number(this.#low.value), Number(this.#high.value)];
    const { edges, counts } = this.#histogram;
    const whole = low <= 0 && high >= counts.length;
    this.#paint();
    const top = high >= counts.length ? Number.MAX_VALUE : (edges[high] ?? 0); // the last bar holds what is beyond it
    this.#changed(whole ? null : [edges[low] ?? 0, top]);
  }

  #drag(event: PointerEvent): void {
    event.preventDefault();
    const { left, width } = this.#bars.getBoundingClientRect();
    const bins = this.#histogram.counts.length;
    const at = (x: number): number => Math.max(0, Math.min(bins, ((x - left) / width) * bins));
    const from = at(event.clientX);
    const move = ({ clientX }: PointerEvent): void => {
      const to = at(clientX);
      this.#low.value = String(Math.floor(Math.min(from, to)));
      this.#high.value = String(Math.max(Math.floor(Math.min(from, to)) + 1, Math.ceil(Math.max(from, to))));
      this.#paint();
    };
    const stop = (last: PointerEvent): void => {
      this.#bars.removeEventListener("pointermove", move);
      this.#bars.removeEventListener("pointerup", stop);
      if (Math.abs(last.clientX - event.clientX) < 3) [this.#low.value, this.#high.value] = ["0", String(bins)]; // a click: all
      this.#apply();
    };
    this.#bars.setPointerCapture(event.pointerId);
    this.#bars.addEventListener("pointermove", move);
    this.#bars.addEventListener("pointerup", stop);
  }

  #place(value: number): number {
    const { edges, counts } = this.#histogram;
    const place = edges.findIndex((edge) => edge >= value - 1e-9);
    return place < 0 ? counts.length : place;
  }

  #paint(): void {
    const [low, high] = [Number(this.#low.value), Number(this.#high.value)];
    const { edges, counts, unknown } = this.#histogram;
    [...this.#bars.children].forEach((bar, place) => bar.classList.toggle("out", place < low || place >= high));
    const whole = low <= 0 && high >= counts.length;
    const beyond = this.#kind === "rate" && high >= counts.length ? " and more" : "";
    const text = `${this.#text(edges[low] ?? 0)} to ${this.#text(edges[high] ?? 0)}${beyond}`;
    for (const [handle, place] of [[this.#low, low], [this.#high, high]] as const) handle.setAttribute("aria-valuetext", this.#text(edges[place] ?? 0));
    this.#range.textContent = whole ? (unknown > 0 ? `${text}; ${unknown.toLocaleString("en")} unknown` : text) : text;
  }

  #text(value: number): string {
    if (this.#kind !== "duration") return written(this.#kind, value);
    return value < 10 ? `${value.toFixed(1)} s` : clock(value);
  }
}
