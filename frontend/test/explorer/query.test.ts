import { expect, test } from "vitest";

import { AS_ADDED, Query, reordered, requestOf } from "../../src/explorer/query";
import { Kernel } from "../../src/shared/kernel";
import { FakeModel } from "../shared/model";
import { column } from "./columns";

const WER = column("wer", { sort: "descending" });
const NAME = column("name", { sort: "ascending" });
const WANTED = { text: "two", named: "all", run: 0, filters: { facets: {}, ranges: {} } };

test("a heading sorts its column's way first, then the other, then as they were added", () => {
  const clicks = [WER, WER, WER, WER].reduce((orders, column) => [...orders, reordered(orders.at(-1) ?? AS_ADDED, column)], [AS_ADDED]);
  expect(clicks.slice(1)).toEqual([
    { sort: "wer", descending: true },
    { sort: "wer", descending: false },
    AS_ADDED,
    { sort: "wer", descending: true },
  ]);
  expect(reordered({ sort: "wer", descending: true }, NAME)).toEqual({ sort: "name", descending: false });
  expect(reordered({ sort: "name", descending: false }, NAME)).toEqual({ sort: "name", descending: true });
});

test("a request holds the filters as one JSON, the named view among them", () => {
  const filters = { facets: { language: ["de"] }, ranges: { wer: [0.1, 0.2] as [number, number] } };
  const request = requestOf({ ...WANTED, named: "hardest", run: 3, filters, sort: "wer", descending: true });
  expect(request).toMatchObject({ text: "two", sort: "wer", descending: true, run: 3 });
  expect(JSON.parse(request.filters)).toEqual({ ...filters, named: "hardest" });
});

test("of two questions only the last is answered", async () => {
  const model = new FakeModel();
  const query = new Query(new Kernel(model));
  const [first, last] = [query.ask(WANTED), query.ask({ ...WANTED, text: "two hundred" })];
  model.answer(1, { value: { token: 2 } });
  model.answer(0, { value: { token: 1 } });
  expect(await first).toBeNull();
  expect(await last).toEqual({ token: 2 });
  expect(query.shown).toEqual({ token: 2 });
});

test("what goes wrong with a question matters while it is the last", async () => {
  const model = new FakeModel();
  const query = new Query(new Kernel(model));
  const [first, last] = [query.ask(WANTED), query.ask(WANTED)];
  model.answer(0, { error: "no such word" });
  model.answer(1, { error: "the disk is full" });
  expect(await first).toBeNull();
  await expect(last).rejects.toThrow("the disk is full");
  expect(query.shown).toBeNull();
});

test("the order is asked for from then on", () => {
  const model = new FakeModel();
  const query = new Query(new Kernel(model));
  query.sortBy(WER);
  void query.ask(WANTED);
  query.sortAsAdded();
  void query.ask(WANTED);
  expect(model.sent.map(({ sort, descending }) => [sort, descending])).toEqual([["wer", true], ["added", false]]); // prettier-ignore
});
