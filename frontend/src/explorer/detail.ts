// What stands below the table: a recording's player, the differences of two runs, or what could not be read.

import { button, h } from "../shared/dom";
import type { Difference, ExplorerAnswers } from "../shared/protocol";
import { percent, short } from "./cells";

/** The view of another widget, drawn inside this one. */
export interface Embedded {
  readonly el: HTMLElement;
  remove(): void;
  trigger?(event: string): void;
}

export class Detail {
  readonly element = h("div", { class: "detail", hidden: true });
  readonly #onclose: () => void;
  #embedded: Embedded | null = null;

  constructor(onclose: () => void) {
    this.#onclose = onclose;
  }

  show(title: string, ...content: HTMLElement[]): void {
    this.dispose();
    const close = button("Close", "Close (Escape)");
    close.addEventListener("click", () => this.close());
    this.element.replaceChildren(h("div", { class: "head" }, h("b", { class: "title", dir: "auto" }, title), close), ...content);
    this.element.hidden = false;
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** Show another widget's view, below something of our own. */
  embed(title: string, view: Embedded, ...above: HTMLElement[]): void {
    this.show(title, ...above, view.el);
    this.#embedded = view;
    view.trigger?.("displayed");
  }

  /** Returns whether there was anything to close. */
  close(): boolean {
    if (this.element.hidden) return false;
    this.dispose();
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#onclose();
    return true;
  }

  dispose(): void {
    this.#embedded?.remove();
    this.#embedded = null;
  }
}

/** A field with a recording's note. */
export function noteField(note: string, readonly: boolean, onchange: (note: string) => void): HTMLElement {
  const field = h("textarea", { rows: 1, "aria-label": "Note", placeholder: "Note" });
  field.value = note;
  field.readOnly = readonly;
  field.addEventListener("change", () => onchange(field.value.trim()));
  return h("label", { class: "note" }, field);
}

/** What could not be read, and why. */
export function failureList(failures: ExplorerAnswers["failures"]["get"]): HTMLElement {
  return h("ul", {}, ...failures.map(({ name, error }) => h("li", {}, error.includes(name) ? error : `${name}: ${error}`)));
}

/** A recording that two runs have transcribed differently, with the stretches that differ. */
export function differenceLine({ name, differs, stretches }: Difference): HTMLElement {
  const parts = stretches.map(({ kind, first, second }) =>
    h("span", { class: "stretch" }, ...(kind === "insertion" ? [] : [h("del", {}, first)]), " ", ...(kind === "deletion" ? [] : [h("ins", {}, second)])),
  );
  return h("div", { class: "difference" }, h("b", { title: name }, short(name)), h("span", { class: "number soft" }, ` ${differs === null ? "only the second has words" : percent(differs)} `), ...parts);
}
