import { expect, test, vi } from "vitest";

import { counted, Head, titleOf, type HeadEvents } from "../../src/explorer/head";
import type { First } from "../../src/shared/protocol";

const RUNS = [
  { id: 1, name: "base" },
  { id: 2, name: "large" },
  { id: 5, name: "turbo" },
];
const FIRST: First = {
  path: "/data/talks/whisper.db", readonly: false, run: { state: "", fraction: null, running: false }, columns: [], query: null, more: false,
  total: 0, seconds: 0, rows: [], failures: 0, scored: false, runs: RUNS,
}; // prettier-ignore

function events(about: Partial<HeadEvents> = {}): HeadEvents {
  return { ontype: vi.fn(), onview: vi.fn(), onrun: vi.fn(), oncompare: vi.fn(), onfailures: vi.fn(), onkeys: vi.fn(), ...about };
}

function select(head: Head, label: string): HTMLSelectElement {
  const found = head.element.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`);
  if (found === null) throw new Error(`there is no ${label}`);
  return found;
}

test.each([
  ["recording", 1, 1, null, "1 recording"],
  ["recording", 1, 300, null, "1 of 300 recordings"],
  ["recording", 12_000, 100_000, 3661, "12,000 of 100,000 recordings · 1:01:01"],
  ["recording", 0, 0, 0, "0 recordings"],
  ["hit", 20, 20, null, "20 hits"],
] as const)("%s: %i of %i", (what, total, of, seconds, line) => expect(counted(what, total, of, seconds)).toBe(line));

test("a library is called by the end of its path, hits by their search", () => {
  expect(titleOf({ path: "/data/talks/whisper.db", query: null })).toBe("talks/whisper.db");
  expect(titleOf({ path: "/data/talks/whisper.db", query: "two hundred" })).toBe("“two hundred”");
});

test("a library that cannot be written says so; hits have neither search nor views", () => {
  expect(new Head({ ...FIRST, readonly: true }, events()).element.textContent).toContain("read-only");
  const hits = new Head({ ...FIRST, query: "two", more: true }, events()).element;
  expect(hits.textContent).toContain("there are more: --limit shows them");
  expect(hits.querySelectorAll("select, input")).toHaveLength(0);
});

test("the run that is chosen stays when others come, and one alone is no choice", () => {
  const head = new Head({ ...FIRST, runs: RUNS.slice(0, 1) }, events());
  expect([head.run, select(head, "Models").hidden]).toEqual([0, true]);
  head.update({ ...FIRST, failures: 3 });
  select(head, "Models").value = "2";
  head.update({ ...FIRST, runs: [...RUNS, { id: 9, name: "tiny" }] });
  expect([head.run, select(head, "Models").hidden, head.nameOf(9), head.nameOf(77)]).toEqual([2, false, "tiny", "77"]);
});

test("what could not be read is offered where there is any", () => {
  const onfailures = vi.fn();
  const head = new Head(FIRST, events({ onfailures }));
  const button = [...head.element.querySelectorAll("button")].find(({ title }) => title === "Recordings that could not be read");
  expect(button?.hidden).toBe(true);
  head.update({ ...FIRST, failures: 3 });
  expect([button?.hidden, button?.textContent]).toEqual([false, "3 unreadable"]);
  button?.click();
  expect(onfailures).toHaveBeenCalledOnce();
});

test("a run is compared with that which is shown, else with the newest other", () => {
  const oncompare = vi.fn();
  const head = new Head(FIRST, events({ oncompare }));
  const compare = (run: string): void => {
    select(head, "Compare with").value = run;
    select(head, "Compare with").dispatchEvent(new Event("change"));
  };
  compare("5");
  compare("1");
  select(head, "Models").value = "1";
  compare("5");
  expect(oncompare.mock.calls).toEqual([[2, 5], [5, 1], [1, 5]]); // prettier-ignore
  expect(select(head, "Compare with").value).toBe("");
});
