// The numbers of a drawing as a table, for those who do not see it, and for those who want them exactly.

import { h } from "../shared/dom";

export class Numbers {
  readonly element: HTMLElement;
  readonly #body = h("tbody");

  /** titles: of the columns; the first names a row. */
  constructor(titles: readonly string[]) {
    const head = h("tr", {}, ...titles.map((title) => h("th", { scope: "col" }, title)));
    this.element = h("details", {}, h("summary", {}, "The numbers"), h("table", {}, h("thead", {}, head), this.#body));
  }

  show(rows: readonly (readonly [name: string, ...values: string[]])[]): void {
    const elements = rows.map(([name, ...values]) => {
      return h("tr", {}, h("th", { scope: "row" }, name), ...values.map((value) => h("td", { class: "number" }, value)));
    });
    this.#body.replaceChildren(...elements);
  }
}
