// A segment's text while it is corrected: a field in its place, until Enter keeps it or Escape does not.

import { clock, h } from "./dom";
import type { Segment } from "./protocol";

export class SegmentEditor {
  readonly #onedit: (segment: number, text: string) => void;
  #end: ((keep: boolean) => void) | null = null;

  constructor(onedit: (segment: number, text: string) => void) {
    this.#onedit = onedit;
  }

  /** Put a field in the place of what a row shows; the word that was meant is marked. */
  begin(speech: Element, index: number, segment: Segment, word: string): void {
    this.#end?.(false);
    const text = segment.text.trim();
    const field = h("textarea", { "aria-label": `Text of the segment at ${clock(segment.start)}`, rows: 2, dir: "auto" });
    field.value = text;
    const shown = Array.from(speech.children) as HTMLElement[];
    for (const part of shown) part.hidden = true;
    speech.append(field);
    field.focus();
    field.setSelectionRange(...selectionOf(text, word.trim()));
    this.#end = (keep) => {
      this.#end = null;
      const typed = field.value.trim();
      field.remove();
      for (const part of shown) part.hidden = false;
      if (keep && typed !== text) this.#onedit(index, typed);
    };
  }

  /** Take a key of the field. Whether it was one that ends. */
  key(event: KeyboardEvent): boolean {
    if (this.#end === null || (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey))) return false;
    this.#end(event.key === "Enter");
    return true;
  }

  /** The rows are others now, and the field is gone with its own. */
  forget(): void {
    this.#end = null;
  }
}

/** What is marked of a text at first: the word, where it is there; else all of it. */
export function selectionOf(text: string, word: string): [start: number, end: number] {
  const at = word === "" ? -1 : text.indexOf(word);
  return at < 0 ? [0, text.length] : [at, at + word.length];
}
