import { expect, test } from "vitest";

import { Selection } from "../../src/explorer/selection";

test("recordings are selected one by one", () => {
  const selection = new Selection();
  expect(selection.empty).toBe(true);
  selection.set(3, true);
  selection.toggle(5);
  selection.toggle(3);
  expect([3, 5].map((recording) => selection.has(recording))).toEqual([false, true]);
  expect(selection.summary).toBe("1 selected: library.selected");
  expect(selection.request(7)).toEqual({ recordings: [5], token: 7, all: false });
});

test("all that pass are one request, whatever was selected before", () => {
  const selection = new Selection();
  selection.set(3, true);
  selection.selectAll();
  expect([selection.all, selection.empty, selection.has(99)]).toEqual([true, false, true]);
  expect(selection.summary).toBe("All selected: library.selected");
  expect(selection.request(7)).toEqual({ recordings: [], token: 7, all: true });
});

test("one of all leaves it alone selected", () => {
  const selection = new Selection();
  selection.selectAll();
  selection.toggle(4);
  expect([selection.all, selection.has(4), selection.has(99)]).toEqual([false, true, false]);
});

test("actions apply to the selection, else to the active row", () => {
  const selection = new Selection();
  expect([selection.targets(null), selection.targets(8)]).toEqual([[], [8]]);
  selection.set(2, true);
  selection.set(1, true);
  expect(selection.targets(8)).toEqual([2, 1]);
  selection.clear();
  expect([selection.empty, selection.summary]).toEqual([true, ""]);
});
