// The explorer's first line: what is shown and how many, the search, and what else is chosen there.

import { clock, h } from "../shared/dom";
import type { Facts, First } from "../shared/protocol";
import { VIEWS } from "./query";

export interface HeadEvents {
  /** The search was typed in. */
  ontype(): void;
  /** Another view, or another run. */
  onview(): void;
  onrun(): void;
  oncompare(first: number, second: number): void;
  onfailures(): void;
  onkeys(): void;
}

/** "12 of 300 recordings · 1:02:03". */
export function counted(what: "recording" | "hit", total: number, of: number, seconds: number | null): string {
  const whole = of === total ? "" : ` of ${of.toLocaleString("en")}`;
  const length = seconds === null || seconds === 0 ? "" : ` · ${clock(seconds)}`;
  return `${total.toLocaleString("en")}${whole} ${what}${total === 1 && whole === "" ? "" : "s"}${length}`;
}

/** The last two parts of a library's path. */
export function titleOf({ path, query }: Pick<First, "path" | "query">): string {
  return query === null ? path.split("/").slice(-2).join("/") : `“${query}”`;
}

export class Head {
  readonly element: HTMLElement;
  readonly search = h("input", { type: "search", placeholder: "Search what was said", "aria-label": "Search what was said" });
  readonly #views = h("select", { "aria-label": "View" });
  readonly #runs = h("select", { "aria-label": "Models" });
  readonly #comparer = h("select", { "aria-label": "Compare with" });
  readonly #failures = h("button", { type: "button", title: "Recordings that could not be read" });
  readonly #count = h("span", { class: "soft", role: "status" });
  #facts: Facts["runs"] = [];

  constructor(first: First, on: HeadEvents) {
    const title = h("span", { class: "title", title: first.path, dir: "auto" }, titleOf(first));
    this.element = h("div", { class: "head" }, title, this.#count);
    if (first.readonly) this.element.append(h("span", { class: "warn" }, "read-only"));
    if (first.more) this.element.append(h("span", { class: "soft" }, "there are more: --limit shows them"));
    const keys = h("button", { type: "button", title: "Keys of the table" }, "Keys");
    keys.addEventListener("click", () => on.onkeys());
    const own = first.query === null ? [this.search, this.#views, this.#runs, this.#comparer, this.#failures] : [];
    this.element.append(h("div", { class: "tools", role: "group", "aria-label": "Tools" }, ...own, keys));
    this.#views.append(...VIEWS.map(([value, label]) => h("option", { value }, label)));
    this.search.addEventListener("input", () => on.ontype());
    this.#views.addEventListener("change", () => on.onview());
    this.#runs.addEventListener("change", () => on.onrun());
    this.#failures.addEventListener("click", () => on.onfailures());
    this.#comparer.addEventListener("change", () => {
      const other = Number(this.#comparer.value);
      this.#comparer.value = "";
      on.oncompare(this.run || (this.#facts.filter(({ id }) => id !== other).at(-1)?.id ?? 0), other);
    });
    this.update(first);
  }

  get named(): string {
    return this.#views.value;
  }

  /** Id of the models and options whose transcripts are shown; 0 for each recording's newest. */
  get run(): number {
    return Number(this.#runs.value);
  }

  nameOf(run: number): string {
    return this.#facts.find(({ id }) => id === run)?.name ?? String(run);
  }

  count(line: string): void {
    this.#count.textContent = line;
  }

  /** What may have changed while the library grew. */
  update({ runs, failures }: Facts): void {
    const chosen = this.#runs.value;
    this.#runs.replaceChildren(h("option", { value: 0 }, "Newest transcripts"));
    this.#comparer.replaceChildren(h("option", { value: "" }, "Compare with…"));
    for (const select of [this.#runs, this.#comparer]) select.append(...runs.map(({ id, name }) => h("option", { value: id }, name)));
    this.#runs.value = chosen === "" ? "0" : chosen;
    this.#runs.hidden = this.#comparer.hidden = runs.length < 2;
    this.#failures.textContent = `${failures} unreadable`;
    this.#failures.hidden = failures === 0;
    this.#facts = runs;
  }
}
