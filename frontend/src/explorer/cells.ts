// The cells of a row, each by the kind of its column: made once for a row of the screen, and filled as the table is scrolled.

import { clock, h, icon } from "../shared/dom";
import type { Column, ColumnKind, Match, Row, Value } from "../shared/protocol";
import type { Cells } from "./table";

const TAIL = 14; // characters of a name that always show

export interface RowEvents {
  selected(row: Row): boolean;
  playing(row: Row): boolean;
  onselect(row: Row, on: boolean): void;
  onplay(row: Row): void;
}

/** What one cell holds. */
interface Cell {
  readonly content: readonly Node[];
  fill(row: Row): void;
}

/** The cells of a row, one a column. */
export function rowCells(columns: readonly Column[], events: RowEvents): Cells<Row> {
  const timed = !columns.some(({ kind }) => kind === "time"); // else a column of its own has the second of a hit
  const cells = columns.map((column) => cellOf(column, timed, events));
  return {
    content: cells.map(({ content }) => content),
    fill(row) {
      for (const cell of cells) cell.fill(row);
    },
  };
}

function cellOf({ name, kind }: Column, timed: boolean, events: RowEvents): Cell {
  switch (kind) {
    case "select":
      return selectCell(events);
    case "play":
      return playCell(events);
    case "name":
      return nameCell();
    case "text":
      return textCell(name, timed);
    case "tags":
      return tagsCell(name);
    default:
      return plainCell(name, kind);
  }
}

/** A value as a line of text. */
export function written(kind: ColumnKind, value: Value | undefined): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "number" && (kind === "share" || kind === "rate")) return percent(value);
  if (typeof value === "number" && (kind === "duration" || kind === "time")) return clock(value);
  return typeof value === "object" ? "" : String(value);
}

/** "87 %". */
export function percent(value: number): string {
  return `${Math.round(100 * value)} %`;
}

/** The last part of a path. */
export function short(name: string): string {
  return name.split("/").at(-1) ?? name;
}

/** A path in three parts: its folder, and its file's name in two, of which the second always shows. */
export function partsOf(name: string): [folder: string, front: string, ending: string] {
  const file = name.lastIndexOf("/") + 1;
  const tail = Math.max(file, name.length - TAIL);
  return [name.slice(0, file), name.slice(file, tail), name.slice(tail)];
}

/** What stands in the place of a text: beside it the second of a hit, or why there is no text. */
export function textOf({ transcript, hit, start }: Row, text: Value | undefined, timed: boolean): [aside: string, text: Match] {
  if (hit !== null) return [timed ? `${clock(start)} ` : "", { ...hit, before: timed ? hit.before.trimStart() : hit.before }];
  const nothing = transcript === null ? "not transcribed" : "no speech";
  const whole = typeof text === "string" ? text : "";
  return [whole === "" ? nothing : "", { before: whole, match: "", after: "" }];
}

function plainCell(name: string, kind: ColumnKind): Cell {
  const span = h("span");
  return {
    content: [span],
    fill(row) {
      const text = written(kind, row[name]);
      if (span.textContent === text) return;
      span.textContent = text;
      span.title = text;
    },
  };
}

function selectCell(events: RowEvents): Cell {
  let shown: Row | null = null;
  const box = h("input", { type: "checkbox", tabindex: -1 });
  box.addEventListener("change", () => {
    if (shown !== null) events.onselect(shown, box.checked);
  });
  return {
    content: [box],
    fill(row) {
      shown = row;
      box.ariaLabel = `Select ${short(row.name)}`;
      box.checked = events.selected(row);
    },
  };
}

function playCell(events: RowEvents): Cell {
  let shown: Row | null = null;
  let drawn: boolean | null = null;
  const button = h("button", { type: "button", tabindex: -1, class: "small" });
  button.addEventListener("click", () => {
    if (shown !== null) events.onplay(shown);
  });
  return {
    content: [button],
    fill(row) {
      shown = row;
      const playing = events.playing(row);
      button.ariaLabel = `${playing ? "Stop" : "Play"} ${short(row.name)}`;
      if (playing === drawn) return;
      drawn = playing;
      button.classList.toggle("on", playing);
      button.replaceChildren(icon(playing ? "pause" : "play"));
    },
  };
}

/** A path, shortened by the style: the folder first, then the middle of the file's name; whether it is accepted, and a note. */
function nameCell(): Cell {
  const [folder, front, ending] = [h("span", { class: "folder soft" }), h("span", { class: "front" }), h("span", { class: "ending" })];
  const accepted = h("span", { class: "accepted", title: "accepted" }, "✓");
  const note = h("span", { class: "noted" }, "✎");
  return {
    content: [accepted, folder, front, ending, note],
    fill(row) {
      folder.title = front.title = ending.title = row.name;
      [folder.textContent, front.textContent, ending.textContent] = partsOf(row.name);
      accepted.hidden = !row.accepted;
      note.hidden = row.note === "";
      note.title = row.note;
    },
  };
}

/** The opening of a text, or the place in it that a search has found, marked. */
function textCell(name: string, timed: boolean): Cell {
  const [aside, mark] = [h("span", { class: "soft number" }), h("mark")];
  const [front, back] = [new Text(), new Text()];
  const content = h("span", { dir: "auto" }, aside, front, mark, back);
  return {
    content: [content],
    fill(row) {
      const [beside, { before, match, after }] = textOf(row, row[name], timed);
      aside.textContent = beside;
      [front.data, mark.textContent, back.data] = [before, match, after];
      content.title = before + match + after;
    },
  };
}

function tagsCell(name: string): Cell {
  const list = h("span");
  return {
    content: [list],
    fill(row) {
      const tags = Array.isArray(row[name]) ? (row[name] as readonly string[]) : [];
      if (list.childElementCount + tags.length > 0) list.replaceChildren(...tags.map((tag) => h("span", { class: "tag" }, tag)));
    },
  };
}
