// The search bar: places in the text, one after the other.

import { button, h } from "../shared/dom";
import type { Document } from "../shared/protocol";
import { find, type Hit } from "../shared/find";

export interface SearchEvents {
  onhits(hits: readonly Hit[], now: number): void;
  onseek(time: number): void;
  onclose(): void;
}

/** When a place of the text is said: by its word, or by its part of the segment. */
export function timeOf(hit: Hit, { segments }: Pick<Document, "segments">): number {
  const segment = segments[hit.segment];
  if (segment === undefined) return 0;
  let read = -(segment.text.length - segment.text.trimStart().length);
  for (const [text, start] of segment.words) {
    read += text.length;
    if (read > hit.start) return start;
  }
  return segment.start + ((segment.end - segment.start) * hit.start) / Math.max(1, segment.text.trim().length);
}

export class Search {
  readonly element = h("div", { class: "bar", role: "search", hidden: true });
  readonly #query = h("input", { type: "search", "aria-label": "Search in the text", placeholder: "Search in the text" });
  readonly #position = h("span", { class: "soft number", role: "status" });
  readonly #on: SearchEvents;
  #document: Document;
  #hits: Hit[] = [];
  #now = 0;

  constructor(document: Document, on: SearchEvents) {
    [this.#document, this.#on] = [document, on];
    const [back, forth] = [button("‹", "Previous place"), button("›", "Next place")];
    const done = button("×", "Close the search");
    back.addEventListener("click", () => this.#go(-1));
    forth.addEventListener("click", () => this.#go(1));
    done.addEventListener("click", () => this.close());
    this.#query.addEventListener("input", () => this.#search());
    this.element.append(this.#query, this.#position, back, forth, done);
  }

  open(): void {
    this.element.hidden = false;
    this.#query.focus();
    this.#query.select();
    this.#search();
  }

  close(): void {
    this.element.hidden = true;
    this.#hits = [];
    this.#on.onhits([], -1);
    this.#on.onclose();
  }

  /** The text was changed. */
  show(document: Document): void {
    this.#document = document;
    if (!this.element.hidden) this.#search();
  }

  /** Take a key of the field; whether it was one. */
  key(event: KeyboardEvent): boolean {
    if (event.key === "Enter") this.#go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.close();
    else return false;
    return true;
  }

  has(target: EventTarget | null): boolean {
    return target === this.#query;
  }

  #search(): void {
    this.#hits = find(this.#query.value, this.#document.segments);
    this.#now = 0;
    this.#show();
  }

  #go(by: number): void {
    if (this.#hits.length === 0) return;
    this.#now = (this.#now + by + this.#hits.length) % this.#hits.length;
    this.#show();
    const hit = this.#hits[this.#now];
    if (hit !== undefined) this.#on.onseek(timeOf(hit, this.#document));
  }

  #show(): void {
    const none = this.#query.value.trim() === "" ? "" : "not found";
    this.#position.textContent = this.#hits.length > 0 ? `${this.#now + 1} of ${this.#hits.length}` : none;
    this.#on.onhits(this.#hits, this.#now);
  }
}
