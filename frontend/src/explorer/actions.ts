// The bar below the table: what is selected, and what can be done with it.

import { h } from "../shared/dom";

export interface ActionEvents {
  onall(): void;
  ontag(on: boolean): void;
  onaccept(): void;
  onclear(): void;
}

export class ActionBar {
  readonly element = h("div", { class: "bar actions", role: "group", "aria-label": "What is selected" });
  readonly tag = h("input", { type: "text", placeholder: "Tag", "aria-label": "Tag", maxlength: 64 });
  readonly #selected = h("span", { class: "soft" });

  constructor(readonly: boolean, on: ActionEvents) {
    const action = (text: string, title: string, act: () => void): HTMLButtonElement => {
      const button = h("button", { type: "button", title }, text);
      button.addEventListener("click", act);
      return button;
    };
    const all = action("Select all", "Select all that pass the filters", () => on.onall());
    const add = action("Add tag", "Tag what is selected", () => on.ontag(true));
    const remove = action("Remove tag", "Remove the tag from what is selected", () => on.ontag(false));
    const accept = action("Accept", "Mark as checked, or not (A)", () => on.onaccept());
    const clear = action("Clear selection", "Clear the selection (Escape)", () => on.onclear());
    for (const control of [this.tag, add, remove, accept]) control.disabled = readonly;
    this.element.append(this.#selected, all, this.tag, add, remove, accept, clear);
  }

  show(summary: string): void {
    this.#selected.textContent = summary;
  }
}
