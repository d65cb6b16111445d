// The cells of a recording's row and of a hit's: made once for a row of the screen, and filled as the table is scrolled.

import { clock, h, icon } from "../shared/dom";
import type { Hit, Row } from "../shared/protocol";
import type { Cells } from "./table";

const TAIL = 14; // characters of a name that always show

export type Any = Row | Hit;
export const recordingOf = (row: Any): number => ("recording" in row ? row.recording : row.id);

export interface RowEvents {
  selected(row: Any): boolean;
  playing(row: Any): boolean;
  onselect(row: Any, on: boolean): void;
  onplay(row: Any): void;
}

/** Of a recording: select, play, name, length, language, text, flags, confidence, word error rate, tags. */
export function recordingCells(events: RowEvents): Cells<Row> {
  let shown: Row | null = null;
  const box = h("input", { type: "checkbox", tabindex: -1 });
  box.addEventListener("change", () => {
    if (shown !== null) events.onselect(shown, box.checked);
  });
  const play = playButton(events);
  const name = middle();
  const accepted = h("span", { class: "accepted", title: "accepted" }, "✓");
  const note = h("span", { class: "noted" }, "✎");
  const [length, language, flags, confidence, wer] = [h("span"), h("span"), h("span"), h("span"), h("span")];
  const said = saying();
  const tags = h("span");
  return {
    content: [box, play.element, [accepted, ...name.content, note], length, language, said.content, flags, confidence, wer, tags],
    fill(row) {
      shown = row;
      box.ariaLabel = `Select ${short(row.name)}`;
      box.checked = events.selected(row);
      play.fill(row);
      name.fill(row.name);
      accepted.hidden = !row.accepted;
      note.hidden = row.note === "";
      note.title = row.note;
      set(length, row.duration === null ? "" : clock(row.duration, row.duration));
      set(language, row.language.join(" "));
      if (row.hit !== null) said.fill(`${clock(row.hit[0])} `, row.hit[1].trimStart(), row.hit[2], row.hit[3]);
      else if (row.text !== "") said.fill("", row.text, "", "");
      else said.fill(row.transcript === null ? "not transcribed" : "no speech", "", "", "");
      set(flags, row.flag.join(", "));
      set(confidence, percent(row.confidence));
      set(wer, percent(row.wer));
      if (tags.childElementCount + row.tag.length > 0) tags.replaceChildren(...row.tag.map((tag) => h("span", { class: "tag" }, tag)));
    },
  };
}

/** Of a hit: play, name, second, what was said, language. */
export function hitCells(events: RowEvents): Cells<Hit> {
  const [play, name, at, said, language] = [playButton(events), middle(), h("span"), saying(), h("span")];
  return {
    content: [play.element, name.content, at, said.content, language],
    fill(hit) {
      play.fill(hit);
      name.fill(hit.name);
      set(at, clock(hit.start));
      said.fill("", hit.before, hit.match, hit.after);
      set(language, hit.language ?? "");
    },
  };
}

/** "87 %", or nothing where there is no figure. */
export function percent(value: number | null): string {
  return value === null ? "" : `${Math.round(100 * value)} %`;
}

/** The last part of a path. */
export function short(name: string): string {
  return name.split("/").at(-1) ?? name;
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent === text) return;
  element.textContent = text;
  element.title = text;
}

function playButton(events: RowEvents): { element: HTMLElement; fill(row: Any): void } {
  let shown: Any | null = null;
  let drawn: boolean | null = null;
  const element = h("button", { type: "button", tabindex: -1, class: "small" });
  element.addEventListener("click", () => {
    if (shown !== null) events.onplay(shown);
  });
  return {
    element,
    fill(row) {
      shown = row;
      const playing = events.playing(row);
      element.ariaLabel = `${playing ? "Stop" : "Play"} ${short(row.name)}`;
      if (playing === drawn) return;
      drawn = playing;
      element.classList.toggle("on", playing);
      element.replaceChildren(icon(playing ? "pause" : "play"));
    },
  };
}

/** A path, shortened by the style: the folder first, then the middle of the file's name. Its end always shows. */
function middle(): { content: HTMLElement[]; fill(name: string): void } {
  const [folder, front, ending] = [h("span", { class: "folder soft" }), h("span", { class: "front" }), h("span", { class: "ending" })];
  return {
    content: [folder, front, ending],
    fill(name) {
      const file = name.lastIndexOf("/") + 1;
      const tail = Math.max(file, name.length - TAIL);
      folder.title = front.title = ending.title = name;
      folder.textContent = name.slice(0, file);
      front.textContent = name.slice(file, tail);
      ending.textContent = name.slice(tail);
    },
  };
}

/** What was said: something beside it (a second, or why there is nothing), and text around a hit. */
function saying(): { content: HTMLElement; fill(beside: string, before: string, match: string, after: string): void } {
  const [aside, mark] = [h("span", { class: "soft number" }), h("mark")];
  const [front, back] = [new Text(), new Text()];
  const content = h("span", { dir: "auto" }, aside, front, mark, back);
  return {
    content,
    fill(beside, before, match, after) {
      aside.textContent = beside;
      [front.data, mark.textContent, back.data] = [before, match, after];
      content.title = before + match + after;
    },
  };
}
