// The keys of the table, while it has the focus.

import type { Keys } from "../shared/keys";

export const KEYS: Keys = [
  [["↑", "↓"], "move; also Page Up, Page Down, Home, End"],
  [["Space"], "play, stop"],
  [["Enter"], "open the player"],
  [["X"], "select; with Shift and an arrow, several"],
  [["A"], "accept, or not"],
  [["T"], "tag"],
  [["/"], "search"],
  [["Esc"], "clear the selection; close the player"],
];

export interface Actions<R> {
  /** The row that keys act on. */
  readonly active: R | null;
  /** Whether the rows are recordings, which can be changed; hits cannot. */
  readonly recordings: boolean;
  /** Move the active row, where the key is one of movement. */
  move(event: KeyboardEvent): boolean;
  /** Select the rows between which Shift and an arrow moved. */
  extend(from: R | null, to: R | null): void;
  search(): void;
  help(): void;
  escape(): boolean;
  play(row: R): void;
  open(row: R): void;
  select(row: R): void;
  accept(): void;
  tag(): void;
}

/**
 * Do what a key means.
 *
 * @returns Whether the key was the table's.
 */
export function act<R>(event: KeyboardEvent, on: Actions<R>): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const row = on.active;
  if (on.move(event)) {
    if (event.shiftKey && on.recordings) on.extend(row, on.active);
    return true;
  }
  switch (event.key) {
    case "/":
      on.search();
      return true;
    case "?":
      on.help();
      return true;
    case "Escape":
      return on.escape();
  }
  return row !== null && (actOn(row, event.key, on) || (on.recordings && change(row, event.key.toLowerCase(), on)));
}

function actOn<R>(row: R, key: string, on: Actions<R>): boolean {
  switch (key) {
    case " ":
      on.play(row);
      return true;
    case "Enter":
      on.open(row);
      return true;
    default:
      return false;
  }
}

function change<R>(row: R, key: string, on: Actions<R>): boolean {
  switch (key) {
    case "x":
      on.select(row);
      return true;
    case "a":
      on.accept();
      return true;
    case "t":
      on.tag();
      return true;
    default:
      return false;
  }
}
