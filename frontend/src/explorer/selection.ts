// Which recordings are selected: one by one, or all that pass the filters. The kernel gets them as `library.selected`.

import type { ExplorerAnswers } from "../shared/protocol";

export class Selection {
  readonly #recordings = new Set<number>();
  #all = false;

  /** Whether it is everything that passes the filters. */
  get all(): boolean {
    return this.#all;
  }

  get empty(): boolean {
    return this.#recordings.size === 0 && !this.#all;
  }

  has(recording: number): boolean {
    return this.#all || this.#recordings.has(recording);
  }

  /** Select a recording, or no longer. Of all, only it is left. */
  set(recording: number, on: boolean): void {
    this.#leaveAll();
    if (on) this.#recordings.add(recording);
    else this.#recordings.delete(recording);
  }

  toggle(recording: number): void {
    this.set(recording, !this.#recordings.has(recording));
  }

  selectAll(): void {
    this.#recordings.clear();
    this.#all = true;
  }

  clear(): void {
    this.#recordings.clear();
    this.#all = false;
  }

  /** Other rows pass now: all of those before is nothing that can be named any more. */
  #leaveAll(): void {
    if (this.#all) this.clear();
  }

  /** What actions apply to: the selection, else the active row's recording. */
  targets(active: number | null): number[] {
    if (this.#recordings.size > 0) return [...this.#recordings];
    return active === null ? [] : [active];
  }

  request(token: number): ExplorerAnswers["select"]["ask"] {
    return { recordings: [...this.#recordings], token, all: this.#all };
  }

  /** In words, for the bar below the table. */
  get summary(): string {
    if (this.#all) return "All selected: library.selected";
    return this.#recordings.size > 0 ? `${this.#recordings.size} selected: library.selected` : "";
  }
}
