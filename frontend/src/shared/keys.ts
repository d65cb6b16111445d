// Keys while a widget has the focus: which go into a field, and the list of those that do something.

import { h } from "./dom";

/** Keys, and what they do, in words. */
export type Keys = readonly (readonly [keys: readonly string[], what: string])[];

/** Whether keys go into a field: letters, arrows and spaces are its own. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return target.matches("input, textarea, select, [contenteditable]");
}

/** A dialog that lists a widget's keys. */
export function keysDialog(widget: string, keys: Keys): HTMLDialogElement {
  const list = h("dl");
  for (const [names, what] of keys) list.append(h("dt", {}, ...names.map((name) => h("kbd", {}, name))), h("dd", {}, what));
  const close = h("button", { type: "button" }, "Close");
  const dialog = h("dialog", { "aria-label": `Keys of the ${widget}` }, h("b", {}, `Keys, while the ${widget} has the focus`), list, close);
  close.addEventListener("click", () => dialog.close());
  return dialog;
}
