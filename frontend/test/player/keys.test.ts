import { expect, test, vi } from "vitest";

import { act, KEYS, type Actions } from "../../src/player/keys";

function actions(): Actions {
  return {
    toggle: vi.fn(), seekBy: vi.fn(), segment: vi.fn(), volumeBy: vi.fn(), speedBy: vi.fn(), zoom: vi.fn(),
    search: vi.fn(), edit: vi.fn(), loop: vi.fn(), help: vi.fn(), escape: vi.fn(() => true),
  }; // prettier-ignore
}

test("every key of the list does something", () => {
  const shown: Record<string, string> = { Space: " ", "←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown" };
  for (const [keys] of KEYS) {
    for (const key of keys) expect(act(new KeyboardEvent("keydown", { key: shown[key] ?? key }), actions()), key).toBe(true);
  }
});

test("arrows go five seconds, with Shift one", () => {
  const seekBy = vi.fn();
  const on = { ...actions(), seekBy };
  act(new KeyboardEvent("keydown", { key: "ArrowLeft" }), on);
  act(new KeyboardEvent("keydown", { key: "ArrowRight", shiftKey: true }), on);
  expect(seekBy.mock.calls).toEqual([[-5], [1]]);
});

test.each(["s", "Enter", "Tab", "a", "F5"])("%s is the notebook's", (key) => {
  expect(act(new KeyboardEvent("keydown", { key }), actions())).toBe(false);
});

test.each(["ctrlKey", "metaKey", "altKey"])("with %s every key is the notebook's", (modifier) => {
  expect(act(new KeyboardEvent("keydown", { key: " ", [modifier]: true }), actions())).toBe(false);
});
