import { afterEach, beforeEach, expect, test, vi } from "vitest";

import player, { grown } from "../../src/player/player";
import { ANCHOR } from "../../src/shared/anchors";
import { h } from "../../src/shared/dom";
import { FakeModel } from "../shared/model";
import { clearPage, preparePage } from "../shared/page";
import { document_, segment } from "./documents";
import { FakeSurfer } from "./surfer";

vi.mock("wavesurfer.js", async () => ({ default: (await import("./surfer")).FakeSurfer }));
vi.mock("wavesurfer.js/plugins/regions", async () => ({ default: (await import("./surfer")).FakeRegions }));

let [ends, count] = [[] as (() => void)[], 0];

/** A player's model of its own, on a page. */
function model(): FakeModel {
  const anchor = `player-${(count += 1)}`;
  return Object.assign(new FakeModel(), { get: (name: string) => (name === "anchor" ? anchor : undefined) });
}

/** The static output of a player, as the notebook shows it. */
function output(of: FakeModel): HTMLElement {
  const element = document.createElement("div");
  element.setAttribute(ANCHOR, String(of.get("anchor")));
  element.append(h("div", { class: "wm-foot" }));
  document.body.append(element);
  return element;
}

function begin(of: FakeModel): void {
  ends.push(player.initialize({ model: of }));
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const texts = (element: Element): (string | undefined)[] =>
  [...(element.querySelector("div:not([class])")?.shadowRoot?.querySelectorAll(".segment .spoken") ?? [])].map(({ textContent }) => textContent);

beforeEach(preparePage);

afterEach(() => {
  for (const end of ends) end();
  ends = [];
  clearPage();
});

test("segments are added, and those that are written again stand in their old place", () => {
  const [one, two, other, three] = ["one", "two", "other", "three"].map((text, at) => segment(text, at, at + 1));
  if (!one || !two || !other || !three) throw new Error("there are four");
  const document = document_({ segments: [one] });
  expect(grown(document, { first: 1, segments: [two] }).segments).toEqual([one, two]);
  expect(grown(document_({ segments: [one, two] }), { first: 1, segments: [other, three] }).segments).toEqual([one, other, three]);
  expect(grown(document_({ segments: [one, two, three] }), { first: 1, segments: [other] }).segments).toEqual([one, other, three]);
  expect(document.segments).toEqual([one]); // as it was
});

test("a player takes the place of its static output, above the foot, once", async () => {
  const of = model();
  const element = output(of);
  begin(of);
  of.answer(0, { value: document_() });
  await settle();
  expect(texts(element)).toEqual(["And so", "my fellow"]);
  expect([element.classList.contains("wm-live"), element.lastElementChild?.className]).toEqual([true, "wm-foot"]);
  document.body.append(document.createElement("p")); // the page changes
  await settle();
  expect(element.querySelectorAll("div:not([class])")).toHaveLength(1);
});

test("without an answer the static output stays", async () => {
  const of = model();
  const element = output(of);
  begin(of);
  of.answer(0, { error: "this transcript is gone" });
  await settle();
  expect([element.children.length, element.hasAttribute("data-live")]).toEqual([1, false]);
});

test("what is written while it is shown grows in every output", async () => {
  const of = model();
  const outputs = [output(of), output(of)];
  begin(of);
  of.answer(0, { value: document_({ segments: [], writing: true }) });
  await settle();
  of.answer(-1, { id: undefined, notice: "live", state: "", fraction: 0.5, tail: "", first: 0, segments: [segment(" And so", 0, 2)] });
  await settle();
  expect(outputs.map(texts)).toEqual([["And so"], ["And so"]]);
  of.answer(-1, { id: undefined, notice: "finished", document: document_(), problem: "" });
  await settle();
  expect(outputs.map(texts)).toEqual([["And so", "my fellow"], ["And so", "my fellow"]]); // prettier-ignore
});

test("the view of an output that another replaces moves along", async () => {
  const of = model();
  const before = output(of);
  begin(of);
  of.answer(0, { value: document_() });
  await settle();
  const host = before.querySelector("div:not([class])");
  before.remove();
  const after = output(of);
  await settle();
  expect(after.contains(host)).toBe(true);
  expect([before.hasAttribute("data-live"), after.classList.contains("wm-live")]).toEqual([false, true]);
});

test("an output that is cleared keeps its player for a minute, and then lets go of it", async () => {
  const of = model();
  const element = output(of);
  begin(of);
  of.answer(0, { value: document_() });
  await settle();
  const surfer = FakeSurfer.last;
  element.remove();
  await vi.advanceTimersByTimeAsync(30_000);
  document.body.append(element); // it was merely scrolled away
  await vi.advanceTimersByTimeAsync(60_000);
  expect(surfer.destroyed).toBe(false);
  element.remove();
  await vi.advanceTimersByTimeAsync(61_000);
  expect([surfer.destroyed, element.classList.contains("wm-live")]).toEqual([true, false]);
});

test("rendered inside another widget it is drawn there, and render gives what takes it away", async () => {
  const of = model();
  const el = document.createElement("div");
  document.body.append(el);
  begin(of);
  const rendering = player.render({ model: of, el });
  of.answer(0, { value: document_() });
  await settle();
  const dispose = await rendering;
  expect(texts(el)).toHaveLength(2);
  dispose();
  expect([el.childElementCount, FakeSurfer.last.destroyed]).toEqual([0, true]);
});

test("a player that cannot be rendered says why", async () => {
  const of = model();
  const el = document.createElement("div");
  begin(of);
  const rendering = player.render({ model: of, el });
  of.answer(0, { error: "this transcript is gone" });
  (await rendering)();
  expect(el.textContent).toBe("The player cannot be shown: this transcript is gone.");
});
