// Who speaks: each speaker's colour, and its name beside it, which tells where colours do not.

import { h } from "./dom";
import type { Turn } from "./protocol";

/** Four of Okabe and Ito's, and two more; each has a contrast of 3 and more to white and to the dark themes' surfaces. The first is not that of what was played. */
const COLOURS = ["#8a63d2", "#d55e00", "#009e73", "#cc79a7", "#0072b2", "#8a7a00"] as const;

/** Speakers in the order in which they first speak, with their colours, which come again where there are many. */
export function coloursOf(turns: readonly Turn[]): ReadonlyMap<string, string> {
  const names = [...new Set(turns.map(([, , name]) => name))];
  return new Map(names.map((name, index) => [name, COLOURS[index % COLOURS.length] ?? COLOURS[0]]));
}

/** A speaker's name with its colour. */
export function label(name: string, colours: ReadonlyMap<string, string>, role?: "listitem"): HTMLElement {
  const element = h("span", { class: "speaker", dir: "auto", title: name, ...(role === undefined ? { "aria-hidden": "true" } : { role }) }, name);
  element.style.setProperty("--voice", colours.get(name) ?? "transparent");
  return element;
}
