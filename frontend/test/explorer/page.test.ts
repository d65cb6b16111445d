import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Page, withTag } from "../../src/explorer/page";
import { ROW } from "../../src/explorer/table";
import { Kernel } from "../../src/shared/kernel";
import type { Filtered, First, Manager } from "../../src/shared/protocol";
import { FakeModel } from "../shared/model";
import { clearPage, preparePage } from "../shared/page";
import { column, row } from "./columns";

const COLUMNS = [
  column("select", { kind: "select" }),
  column("play", { kind: "play" }),
  column("name", { kind: "name", sort: "ascending" }),
  column("language", { filter: "values" }),
  column("wer", { kind: "rate", sort: "descending", scored: true }),
  column("target", { width: "", filter: "values" }),
];
const ROWS = [1, 2, 3].map((recording) => row({ recording, transcript: recording + 10, name: `talks/${recording}.wav`, language: "en", wer: null }));
const FIRST: First = {
  path: "/data/whisper.db", readonly: false, run: { state: "", fraction: null, running: false }, columns: COLUMNS, query: null, more: false,
  total: 3, seconds: 30, rows: ROWS, failures: 0, scored: false, runs: [],
}; // prettier-ignore
const VIEW: Filtered = { token: 1, total: 3, of: 3, seconds: 30, facets: {}, histograms: {}, rows: ROWS, failures: 0, scored: false, runs: [] };

interface Shown {
  page: Page;
  model: FakeModel;
  root: ShadowRoot;
  /** The last request of a kind. */
  asked: (kind: string) => Record<string, unknown> | undefined;
  answer: (kind: string, content: object) => Promise<void>;
  press: (key: string, more?: KeyboardEventInit) => boolean;
}

let shown: Page | null = null;

function open(first: Partial<First> = {}, manager?: Manager): Shown {
  const model = Object.assign(new FakeModel(), manager === undefined ? {} : { widget_manager: manager });
  const page = (shown = new Page(model, new Kernel(model), { ...FIRST, ...first }));
  const anchor = document.createElement("div");
  document.body.append(anchor);
  page.mount(anchor);
  const root = page.host.shadowRoot;
  const grid = root?.querySelector<HTMLElement>(".table");
  if (root == null || grid == null) throw new Error("not drawn");
  grid.focus();
  return {
    page,
    model,
    root,
    asked: (kind) => model.sent.findLast((request) => request["kind"] === kind),
    answer: async (kind, content) => {
      model.answer(model.sent.findLastIndex((request) => request["kind"] === kind), content as Record<string, unknown>);
      await vi.advanceTimersByTimeAsync(0);
    },
    press: (key, more = {}) => {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...more });
      (root.activeElement ?? grid).dispatchEvent(event);
      return event.defaultPrevented;
    },
  };
}

const line = (root: ShadowRoot): string | null | undefined => root.querySelector(".say")?.textContent;
const names = (root: ShadowRoot): string[] => [...root.querySelectorAll<HTMLElement>(".rows .row:not([hidden]) .name")].map(({ textContent }) => textContent);

beforeEach(() => {
  preparePage();
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { configurable: true, get: () => 20 * ROW });
});

afterEach(() => {
  clearPage();
  shown?.dispose();
  Reflect.deleteProperty(HTMLElement.prototype, "clientHeight");
});

test("the first rows stand there before anything is asked, and all that passes is asked for", async () => {
  const { root, asked, answer } = open();
  expect(names(root)).toHaveLength(3);
  expect(root.querySelector("[role=status]")?.textContent).toBe("3 recordings · 0:30");
  expect(asked("view")).toMatchObject({ text: "", sort: "added", descending: false, run: 0 });
  await answer("view", { value: { ...VIEW, total: 1, rows: ROWS.slice(1, 2) } });
  expect(root.querySelector("[role=status]")?.textContent).toBe("1 of 3 recordings · 0:30");
  expect(names(root)).toHaveLength(1);
});

test("headings are the columns that have a width; word error rates come with the first reference", async () => {
  const { root, answer } = open();
  const headings = (): string[] => [...root.querySelectorAll<HTMLElement>("[role=columnheader]:not([hidden])")].map(({ className }) => className);
  expect(headings()).toEqual(["select", "play", "name", "language"]);
  await answer("view", { value: { ...VIEW, scored: true } });
  expect(headings()).toEqual(["select", "play", "name", "language", "wer"]);
});

test("a search waits until one rests, and the newest is asked for", async () => {
  const { root, model } = open();
  const search = root.querySelector<HTMLInputElement>("input[type=search]");
  if (search === null) throw new Error("there is a search");
  const before = model.sent.length;
  for (const text of ["t", "tw", "two"]) {
    search.value = text;
    search.dispatchEvent(new Event("input"));
    await vi.advanceTimersByTimeAsync(20);
  }
  expect(model.sent).toHaveLength(before);
  await vi.advanceTimersByTimeAsync(100);
  expect(model.sent.slice(before).map(({ text }) => text)).toEqual(["two"]);
});

test("a heading sorts; another named view is in its own order", () => {
  const { root, asked } = open();
  root.querySelector<HTMLElement>("[data-sort=wer] button")?.click();
  expect(asked("view")).toMatchObject({ sort: "wer", descending: true });
  const views = root.querySelector<HTMLSelectElement>('select[aria-label="View"]');
  if (views === null) throw new Error("there are views");
  views.value = "hardest";
  views.dispatchEvent(new Event("change"));
  expect(asked("view")).toMatchObject({ sort: "added", descending: false });
  expect(JSON.parse(asked("view")?.["filters"] as string)).toMatchObject({ named: "hardest" });
});

test("why the table is empty, and what went wrong, is said below it", async () => {
  const { root, answer } = open();
  await answer("view", { value: { ...VIEW, total: 0, rows: [] } });
  expect(line(root)).toBe("Nothing passes these filters.");
  root.querySelector<HTMLElement>("[data-sort=name] button")?.click();
  await answer("view", { value: { ...VIEW, total: 0, of: 0, rows: [] } });
  expect(line(root)).toBe("The library is empty.");
  root.querySelector<HTMLElement>("[data-sort=name] button")?.click();
  await answer("view", { error: "the search 'x' says only what is not wanted" });
  expect(line(root)).toBe("the search 'x' says only what is not wanted.");
});

test("keys select, and the kernel is told", async () => {
  const { root, asked, answer, press } = open();
  await answer("view", { value: VIEW });
  expect([press("x"), press("ArrowDown", { shiftKey: true })]).toEqual([true, true]);
  expect(asked("select")).toMatchObject({ recordings: [1, 2], token: 1, all: false });
  expect([...root.querySelectorAll(".rows [aria-selected=true]")]).toHaveLength(2);
  expect(root.querySelector(".actions .soft")?.textContent).toBe("2 selected: library.selected");
  expect(press("Escape")).toBe(true);
  expect(asked("select")).toMatchObject({ recordings: [], all: false });
  expect(press("Escape")).toBe(false); // nothing is selected: the notebook's
});

test("all that pass is selected until other filters let others pass", async () => {
  const { root, asked, answer, press } = open();
  await answer("view", { value: VIEW });
  const buttons = [...root.querySelectorAll<HTMLButtonElement>(".actions button")];
  buttons.find(({ textContent }) => textContent === "Select all")?.click();
  expect(asked("select")).toMatchObject({ recordings: [], token: 1, all: true });
  press("a");
  expect(line(root)).toMatch(/^Select recordings one by one/);
  expect(asked("accept")).toBeUndefined();
  root.querySelector<HTMLElement>("[data-sort=name] button")?.click();
  await answer("view", { value: { ...VIEW, token: 2 } });
  expect(asked("select")).toMatchObject({ recordings: [], token: 2, all: false });
});

test("the active row is accepted, and then no longer", async () => {
  const { asked, answer, press, root } = open();
  await answer("view", { value: VIEW });
  press("a");
  expect(asked("accept")).toMatchObject({ recordings: [1], accepted: true });
  await answer("accept", { value: {} });
  expect(root.querySelectorAll(".rows .accepted:not([hidden])")).toHaveLength(1);
  press("a");
  expect(asked("accept")).toMatchObject({ recordings: [1], accepted: false });
  await answer("accept", { error: "whisper.db is read-only" });
  expect(line(root)).toBe("Not changed: whisper.db is read-only.");
  expect(root.querySelectorAll(".rows .accepted:not([hidden])")).toHaveLength(1);
});

test("a tag is written before it is given", async () => {
  const { root, asked, answer, press } = open();
  await answer("view", { value: VIEW });
  const tag = root.querySelector<HTMLInputElement>('input[aria-label="Tag"]');
  press("t");
  expect(root.activeElement).toBe(tag);
  press("Enter");
  expect(line(root)).toBe("Write a tag first.");
  if (tag !== null) tag.value = " noisy ";
  press("Enter");
  expect(asked("tag")).toMatchObject({ recordings: [1], add: "noisy", remove: "" });
});

test("tags stay in order, and none stands there twice", () => {
  const tagged = withTag(row({ tags: ["b"] }), "a", true);
  expect(tagged.tags).toEqual(["a", "b"]);
  expect(withTag(tagged, "a", true).tags).toEqual(["a", "b"]);
  expect(withTag(tagged, "b", false).tags).toEqual(["a"]);
});

test("a recording's player is drawn below the table, and its note is kept", async () => {
  const view = { el: document.createElement("section"), remove: vi.fn() };
  const { root, asked, answer, press } = open({}, { get_model: (id) => Promise.resolve(id), create_view: () => Promise.resolve(view) });
  await answer("view", { value: VIEW });
  press("Enter");
  expect(asked("open")).toMatchObject({ transcript: 11 });
  await answer("open", { value: { model: "IPY_MODEL_m1" } });
  expect(root.querySelector(".detail section")).toBe(view.el);
  const note = root.querySelector<HTMLTextAreaElement>(".detail textarea");
  if (note === null) throw new Error("there is a note");
  note.value = "look again";
  note.dispatchEvent(new Event("change"));
  expect(asked("note")).toMatchObject({ recording: 1, text: "look again" });
  await answer("note", { value: {} });
  expect(root.querySelectorAll(".rows .noted:not([hidden])")).toHaveLength(1);
  root.querySelector<HTMLElement>(".table")?.focus();
  expect(press("Escape")).toBe(true);
  expect([root.querySelector<HTMLElement>(".detail")?.hidden, view.remove.mock.calls.length]).toEqual([true, 1]);
});

test("what cannot be opened says why", async () => {
  const { root, answer, press } = open({ rows: [row({ transcript: null }), ...ROWS.slice(1)] });
  press("Enter");
  expect(line(root)).toBe("This recording is not transcribed.");
  press("ArrowDown");
  press("Enter");
  await answer("open", { value: { model: "IPY_MODEL_m1" } });
  expect(line(root)).toBe("The player cannot be shown: this page cannot show a player in a table.");
});

test("hits of a search are rows that are neither filtered nor selected", () => {
  const columns = [column("play", { kind: "play" }), column("start", { kind: "time" }), column("text", { kind: "text" })];
  const hit = row({ start: 61, hit: { before: "one ", match: "two", after: "" } });
  const { root, model, press } = open({ query: "two", columns, rows: [hit], total: 1, seconds: null });
  expect(root.querySelector(".title")?.textContent).toBe("“two”");
  expect(root.querySelector("[role=status]")?.textContent).toBe("1 hit");
  expect([...root.querySelectorAll(".rows [role=gridcell]")].map(({ textContent }) => textContent)).toEqual(["", "1:01", "one two"]);
  expect(root.querySelectorAll(".facets")).toHaveLength(0);
  expect(press("x")).toBe(false);
  expect(model.sent).toEqual([]);
});

test("while a run fills the library it is asked for again, at most every two seconds", async () => {
  const { page, model, root } = open();
  const before = model.sent.length;
  for (let second = 0; second < 5; second += 1) {
    page.run({ state: `${second} of 5`, fraction: second / 5, running: true });
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(model.sent.length - before).toBe(2);
  expect(root.querySelector(".work .soft")?.textContent).toBe("4 of 5");
  page.run({ state: "", fraction: null, running: false });
  expect(root.querySelector<HTMLElement>(".work")?.hidden).toBe(true);
});

test("a page that is gone hears no key and asks for nothing more", async () => {
  const { page, model, press, root } = open();
  const search = root.querySelector<HTMLInputElement>("input[type=search]");
  search?.dispatchEvent(new Event("input"));
  const before = model.sent.length;
  page.dispose();
  press("x");
  await vi.advanceTimersByTimeAsync(5000);
  expect(model.sent).toHaveLength(before);
  expect(page.host.isConnected).toBe(false);
});
