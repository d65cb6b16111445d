import { afterEach, expect, test, vi } from "vitest";

import { partsOf, rowCells, textOf, written, type RowEvents } from "../../src/explorer/cells";
import type { Column, Row } from "../../src/shared/protocol";
import { column, row } from "./columns";

function events(about: Partial<RowEvents> = {}): RowEvents {
  return { selected: () => false, playing: () => false, onselect: vi.fn(), onplay: vi.fn(), ...about };
}

afterEach(() => document.body.replaceChildren());

/** The cells of a row on the screen, filled with one row after the other. */
function filled(columns: Column[], on = events()): { fill: (row: Row) => (string | null)[]; nodes: HTMLElement[] } {
  const cells = rowCells(columns, on);
  const nodes = cells.content.map((content) => {
    const cell = document.createElement("div");
    cell.append(...content);
    document.body.append(cell); // a box that is in no page reports no change
    return cell;
  });
  return {
    nodes,
    fill: (row) => {
      cells.fill(row);
      return nodes.map((node) => node.textContent);
    },
  };
}

test.each([
  ["share", 0.874, "87 %"],
  ["rate", 1.5, "150 %"],
  ["duration", 75.2, "1:15"],
  ["time", 3661, "1:01:01"],
  ["number", 4, "4"],
  ["word", "de", "de"],
  ["warnings", ["loop", "incomplete"], "loop, incomplete"],
  ["share", null, ""],
  ["word", undefined, ""],
] as const)("a %s of %j is written %j", (kind, value, text) => expect(written(kind, value)).toBe(text));

test.each([
  ["a/folder/my ada talk.flac", ["a/folder/", "my", " ada talk.flac"]],
  ["short.wav", ["", "", "short.wav"]],
  ["a/short.wav", ["a/", "", "short.wav"]],
])("of the path %s the end always shows", (name, parts) => expect(partsOf(name)).toEqual(parts));

test("a column is drawn by its kind, from the row's value of its name", () => {
  const columns = [column("speaker"), column("confidence", { kind: "share" }), column("flags", { kind: "warnings" }), column("errors", { kind: "number" })];
  const { fill, nodes } = filled(columns);
  expect(fill(row({ speaker: "Ada", confidence: 0.5, flags: ["loop"], errors: 3 }))).toEqual(["Ada", "50 %", "loop", "3"]);
  expect(nodes[0]?.querySelector("span")?.title).toBe("Ada");
  expect(fill(row({ speaker: null, confidence: null, flags: [], errors: 0 }))).toEqual(["", "", "", "0"]); // nothing of the row before
});

test("a text is its opening, or the place that a search has found, with its second", () => {
  const hit = { before: " two ", match: "hundred", after: " years" };
  expect(textOf(row(), "And so", true)).toEqual(["", { before: "And so", match: "", after: "" }]);
  expect(textOf(row({ hit, start: 61 }), "And so", true)).toEqual(["1:01 ", { ...hit, before: "two " }]);
  expect(textOf(row({ hit, start: 61 }), null, false)).toEqual(["", hit]);
  expect(textOf(row(), "", true)[0]).toBe("no speech");
  expect(textOf(row({ transcript: null }), null, true)[0]).toBe("not transcribed");
});

test("the second of a hit stands beside it, unless it has a column of its own", () => {
  const hit = row({ hit: { before: "", match: "two", after: "" }, start: 61 });
  expect(filled([column("text", { kind: "text" })]).fill(hit)).toEqual(["1:01 two"]);
  expect(filled([column("start", { kind: "time" }), column("text", { kind: "text" })]).fill(hit)).toEqual(["1:01", "two"]);
});

test("text is never markup", () => {
  const { fill, nodes } = filled([column("text", { kind: "text" }), column("name", { kind: "name" }), column("tags", { kind: "tags" })]);
  fill(row({ text: "<b>x</b>", name: "<b>y</b>", tags: ["<b>z</b>"] }));
  expect(nodes.map((node) => node.querySelector("b"))).toEqual([null, null, null]);
  expect(nodes.map((node) => node.textContent)).toEqual(["<b>x</b>", "✓<b>y</b>✎", "<b>z</b>"]);
});

test("a name says whether its recording is accepted, and what was noted", () => {
  const { fill, nodes } = filled([column("name", { kind: "name" })]);
  const [accepted, note] = [".accepted", ".noted"].map((style) => nodes[0]?.querySelector<HTMLElement>(style));
  fill(row());
  expect([accepted?.hidden, note?.hidden]).toEqual([true, true]);
  fill(row({ accepted: true, note: "look again" }));
  expect([accepted?.hidden, note?.hidden, note?.title]).toEqual([false, false, "look again"]);
});

test("tags are those of the row that is shown", () => {
  const { fill, nodes } = filled([column("tags", { kind: "tags" })]);
  fill(row({ tags: ["a", "b"] }));
  expect(nodes[0]?.querySelectorAll(".tag")).toHaveLength(2);
  fill(row());
  expect(nodes[0]?.querySelectorAll(".tag")).toHaveLength(0);
});

test("box and button act on the row that is shown now", () => {
  const [onplay, onselect] = [vi.fn(), vi.fn()];
  const on = events({ selected: ({ recording }) => recording === 2, playing: ({ recording }) => recording === 1, onplay, onselect });
  const { fill, nodes } = filled([column("select", { kind: "select" }), column("play", { kind: "play" })], on);
  const [box, button] = [nodes[0]?.querySelector("input"), nodes[1]?.querySelector("button")];
  fill(row({ recording: 1, name: "talks/one.wav" }));
  expect([box?.checked, button?.ariaLabel, button?.classList.contains("on")]).toEqual([false, "Stop one.wav", true]);
  const two = row({ recording: 2, name: "talks/two.wav" });
  fill(two);
  expect([box?.checked, box?.ariaLabel, button?.ariaLabel]).toEqual([true, "Select two.wav", "Play two.wav"]);
  button?.click();
  expect(onplay).toHaveBeenCalledExactlyOnceWith(two);
  box?.click();
  expect(onselect).toHaveBeenCalledExactlyOnceWith(two, false);
});
