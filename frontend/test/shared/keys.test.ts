import { expect, test } from "vitest";

import { keysDialog, typing } from "../../src/shared/keys";

test("in a field keys are letters", () => {
  expect(typing(document.createElement("input"))).toBe(true);
  expect(typing(document.createElement("button"))).toBe(false);
  expect(typing(null)).toBe(false);
});

test("the list names every key and what it does", () => {
  const dialog = keysDialog("table", [[["↑", "↓"], "move"], [["Enter"], "open"]]); // prettier-ignore
  expect(dialog.getAttribute("aria-label")).toBe("Keys of the table");
  expect([...dialog.querySelectorAll("dt")].map((term) => [...term.children].map((key) => key.textContent))).toEqual([["↑", "↓"], ["Enter"]]);
  expect([...dialog.querySelectorAll("dd")].map((what) => what.textContent)).toEqual(["move", "open"]);
});
