// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Facets } from "../../src/explorer/facets";
import { ROW, Table } from "../../src/explorer/table";
import type { Filtered } from "../../src/shared/protocol";
import { column } from "./columns";

const HEIGHT = 20 * ROW;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("ResizeObserver", class { observe(): void {} disconnect(): void {} });
  vi.stubGlobal("CSS", { escape: (text: string) => text });
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { configurable: true, get: () => HEIGHT });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

interface Item {
  readonly place: number;
}

function made(total: number): { table: Table<Item>; fetched: number[]; sorted: string[]; opened: number[] } {
  const [fetched, sorted, opened]: [number[], string[], number[]] = [[], [], []];
  const rows = (start: number, count: number): Item[] => Array.from({ length: Math.min(count, total - start) }, (_, i) => ({ place: start + i }));
  const table = new Table<Item>(
    "Rows",
    {
      columns: [column("name", { sort: "ascending", width: "5em" }), column("wer", { scored: true, width: "4em" })],
      cells: () => {
        const text = new Text();
        return { content: [[text], []], fill: (row) => (text.data = String(row.place)) };
      },
      fetch: (start, count) => {
        fetched.push(start);
        return Promise.resolve(rows(start, count));
      },
      selected: () => false,
      same: (row, other) => row.place === other.place,
      label: (row) => String(row.place),
    },
    { onsort: ({ name }) => sorted.push(name), onactive: () => undefined, onopen: (row) => opened.push(row.place) },
  );
  document.body.replaceChildren(table.element);
  table.show(total, rows(0, 100));
  return { table, fetched, sorted, opened };
}

const texts = (table: Table<Item>): string[] =>
  [...table.element.querySelectorAll<HTMLElement>(".rows .row:not([hidden])")].map((row) => row.textContent).sort((a, b) => Number(a) - Number(b));

test("of 100,000 rows only those in sight are in the page, and the others are asked for", async () => {
  const { table, fetched } = made(100_000);
  expect(texts(table)).toEqual(Array.from({ length: 26 }, (_, place) => String(place)));
  expect(table.element.getAttribute("aria-rowcount")).toBe("100001");
  table.go(54_350);
  await vi.advanceTimersByTimeAsync(100);
  expect(fetched).toEqual([54_300]);
  expect(texts(table)).toContain("54350");
  expect(table.element.querySelectorAll(".rows .row").length).toBeLessThan(60);
});

test("a screenful that comes while one scrolls is filled over several frames, in sight first", async () => {
  const { table } = made(100_000);
  const filled = (): number[] =>
    [...table.element.querySelectorAll<HTMLElement>(".rows .row:not([hidden], .waiting)")].map((row) => Number(row.textContent)).sort((a, b) => a - b);
  table.element.scrollTop = 50 * ROW;
  table.element.dispatchEvent(new Event("scroll"));
  const rows = (first: number, count: number): number[] => Array.from({ length: count }, (_, place) => first + place);
  for (const seen of [rows(50, 5), rows(50, 10), rows(50, 15), rows(50, 20), rows(50, 25), [...rows(44, 4), ...rows(50, 26)], rows(44, 32)]) {
    await vi.advanceTimersToNextTimerAsync();
    expect(filled()).toEqual(seen); // those in sight before those above
  }
});

test("a row that comes anew stays in sight until its turn", async () => {
  const { table } = made(100_000);
  const waiting = (): number => table.element.querySelectorAll(".rows .row.waiting:not([hidden])").length;
  table.go(150);
  await vi.advanceTimersByTimeAsync(300);
  expect(waiting()).toBe(0);
  table.show(100_000, Array.from({ length: 100 }, (_, place) => ({ place })), true); // those in sight are asked for again
  for (let turn = 0; turn < 20; turn += 1) {
    await vi.advanceTimersToNextTimerAsync();
    expect(waiting()).toBe(0);
  }
});

test("rows that are merely passed are not asked for", async () => {
  const { table, fetched } = made(100_000);
  for (const place of [10_050, 20_050, 30_050]) table.go(place);
  await vi.advanceTimersByTimeAsync(100);
  expect(fetched).toEqual([30_000]);
});

test("keys move the active row, and headings sort", () => {
  const { table, sorted, opened } = made(50);
  const key = (name: string): boolean => table.key(new KeyboardEvent("keydown", { key: name }));
  expect(key("ArrowDown")).toBe(true);
  expect(table.active?.place).toBe(1);
  key("End");
  expect(table.active?.place).toBe(49);
  key("ArrowDown");
  expect(table.active?.place).toBe(49);
  expect(key("q")).toBe(false);
  const active = table.element.querySelector(`#${table.element.getAttribute("aria-activedescendant") ?? ""}`);
  expect(active?.textContent).toBe("49");
  table.element.querySelector<HTMLElement>("[data-sort=name] button")?.click();
  expect(sorted).toEqual(["name"]);
  active?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  expect(opened).toEqual([49]);
});

test("filters are what is checked and brushed", () => {
  let changes = 0;
  const facets = new Facets([column("language"), column("confidence", { kind: "share", title: "How sure" })], () => (changes += 1));
  const counts = Array.from({ length: 30 }, (_, place) => place);
  const edges = Array.from({ length: 31 }, (_, place) => place / 30);
  const shown = { facets: { language: [["de", 3], ["en", 2]] }, histograms: { confidence: { edges, counts, unknown: 0 } } };
  facets.show(shown as unknown as Filtered);
  document.body.replaceChildren(facets.element);
  facets.element.querySelector<HTMLInputElement>("input[value=de]")?.click();
  expect(facets.state.facets).toEqual({ language: ["de"] });
  expect([...facets.element.querySelectorAll("legend")].map((legend) => legend.textContent)).toEqual(["language", "How sure"]);
  const low = facets.element.querySelector<HTMLInputElement>("input[type=range]");
  if (low === null) throw new Error("there is a handle");
  low.value = "15";
  low.dispatchEvent(new Event("input"));
  expect(facets.state.ranges["confidence"]?.[0]).toBeCloseTo(0.5);
  facets.clear();
  expect(facets.state).toEqual({ facets: {}, ranges: {} });
  expect(changes).toBe(3);
});

test("columns that are not shown leave no track and no cell", () => {
  const { table } = made(50);
  expect(table.element.style.getPropertyValue("--tracks")).toBe("5em 4em");
  table.columns(({ scored }) => !scored);
  expect(table.element.style.getPropertyValue("--tracks")).toBe("5em");
  const cells = [...table.element.querySelectorAll<HTMLElement>(".wer")];
  expect(cells.length).toBeGreaterThan(20);
  expect(cells.every(({ hidden }) => hidden)).toBe(true);
  table.go(40); // rows made later, too
  expect([...table.element.querySelectorAll<HTMLElement>(".wer")].every(({ hidden }) => hidden)).toBe(true);
  table.columns(() => true);
  expect([...table.element.querySelectorAll<HTMLElement>(".wer")].some(({ hidden }) => hidden)).toBe(false);
});
