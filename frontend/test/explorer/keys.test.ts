import { expect, test, vi } from "vitest";

import { act, KEYS, type Actions } from "../../src/explorer/keys";

const MOVES = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];

function actions(about: Partial<Actions<string>> = {}): Actions<string> {
  return {
    active: "row", recordings: true, move: vi.fn(({ key }: KeyboardEvent) => MOVES.includes(key)), extend: vi.fn(), search: vi.fn(), help: vi.fn(),
    escape: vi.fn(() => true), play: vi.fn(), open: vi.fn(), select: vi.fn(), accept: vi.fn(), tag: vi.fn(), ...about,
  }; // prettier-ignore
}

const press = (key: string, on: Actions<string>, more: KeyboardEventInit = {}): boolean => act(new KeyboardEvent("keydown", { key, ...more }), on);

test("every key of the list does something", () => {
  const names: Record<string, string> = { Space: " ", "↑": "ArrowUp", "↓": "ArrowDown", Esc: "Escape" };
  for (const [keys] of KEYS) for (const key of keys) expect(press(names[key] ?? key, actions()), key).toBe(true);
});

test.each([
  [" ", "play"],
  ["Enter", "open"],
  ["x", "select"],
  ["X", "select"],
] as const)("%j means %s of the active row", (key, name) => {
  const action = vi.fn();
  expect(press(key, actions({ [name]: action }))).toBe(true);
  expect(action).toHaveBeenCalledExactlyOnceWith("row");
});

test("Shift and an arrow select from where it was to where it is", () => {
  let active = "first";
  const extend = vi.fn();
  const on = actions({ move: () => ((active = "second"), true), extend });
  Object.defineProperty(on, "active", { get: () => active });
  expect(press("ArrowDown", on, { shiftKey: true })).toBe(true);
  expect(extend).toHaveBeenCalledExactlyOnceWith("first", "second");
});

test("a search's hits are played and opened, not selected or changed", () => {
  const extend = vi.fn();
  const on = actions({ recordings: false, extend });
  expect([" ", "Enter", "x", "a", "t"].map((key) => press(key, on))).toEqual([true, true, false, false, false]);
  press("ArrowDown", on, { shiftKey: true });
  expect(extend).not.toHaveBeenCalled();
});

test("without a row only what needs none is done", () => {
  const on = actions({ active: null });
  expect(["/", "?", "Escape", " ", "Enter", "x", "a"].map((key) => press(key, on))).toEqual([true, true, true, false, false, false, false]);
});

test("Escape with nothing to close, other keys, and those with a modifier are the notebook's", () => {
  expect(press("Escape", actions({ escape: () => false }))).toBe(false);
  expect(press("q", actions())).toBe(false);
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) expect(press("a", actions(), { [modifier]: true })).toBe(false);
});
