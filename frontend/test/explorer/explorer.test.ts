import { afterEach, beforeEach, expect, test, vi } from "vitest";

import explorer from "../../src/explorer/explorer";
import { ANCHOR } from "../../src/shared/anchors";
import { FakeModel } from "../shared/model";
import { clearPage, preparePage } from "../shared/page";
import { column, row } from "./columns";

const FIRST = {
  path: "/data/whisper.db", readonly: false, run: { state: "", fraction: null, running: false }, columns: [column("name", { kind: "name" })],
  query: null, more: false, total: 1, seconds: 30, rows: [row()], failures: 0, scored: false, runs: [],
}; // prettier-ignore

let end = (): void => undefined;

/** An explorer's static output, and its model; the first answer is still awaited. */
function begun(): { model: FakeModel; output: HTMLElement } {
  const model = new FakeModel();
  const output = document.createElement("div");
  output.setAttribute(ANCHOR, "a1");
  document.body.append(output);
  end = explorer.initialize({ model });
  return { model, output };
}

const hosts = (output: Element): number => [...output.children].filter(({ shadowRoot }) => shadowRoot !== null).length;
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(preparePage);

afterEach(() => {
  end();
  clearPage();
});

test("a table takes the place of its static output, once", async () => {
  const { model, output } = begun();
  document.body.append(document.createElement("p")); // the page changes while the answer is awaited
  await settle();
  model.answer(0, { value: FIRST });
  await settle();
  expect([hosts(output), output.classList.contains("wm-live")]).toEqual([1, true]);
  expect(model.sent.filter(({ kind }) => kind === "first")).toHaveLength(1);
});

test("without a kernel the static output stays", async () => {
  const { model, output } = begun();
  model.answer(0, { error: "the library is gone" });
  await settle();
  expect([hosts(output), output.classList.contains("wm-live")]).toEqual([0, false]);
});

test("a run is shown in the table that is there", async () => {
  const { model, output } = begun();
  model.answer(0, { value: FIRST });
  await settle();
  model.answer(-1, { id: undefined, notice: "run", state: "3 of 9", fraction: 0.3, running: true });
  expect(output.lastElementChild?.shadowRoot?.querySelector(".work")?.textContent).toContain("3 of 9");
});

test("an output that is cleared takes its table along after a minute; one that comes back keeps it", async () => {
  const { model, output } = begun();
  model.answer(0, { value: FIRST });
  await settle();
  output.remove();
  await vi.advanceTimersByTimeAsync(30_000);
  document.body.append(output);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(hosts(output)).toBe(1);
  output.remove();
  await vi.advanceTimersByTimeAsync(61_000);
  expect(hosts(output)).toBe(0);
});

test("the model's end takes the table away", async () => {
  const { model, output } = begun();
  model.answer(0, { value: FIRST });
  await settle();
  end();
  expect(hosts(output)).toBe(0);
});
