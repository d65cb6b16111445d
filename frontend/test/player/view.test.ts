import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { segmentToLoop, View } from "../../src/player/view";
import { Kernel } from "../../src/shared/kernel";
import type { Document } from "../../src/shared/protocol";
import { FakeModel } from "../shared/model";
import { clearPage, preparePage } from "../shared/page";
import { document_, segment } from "./documents";
import { FakeRegions, FakeSurfer } from "./surfer";

vi.mock("wavesurfer.js", async () => ({ default: (await import("./surfer")).FakeSurfer }));
vi.mock("wavesurfer.js/plugins/regions", async () => ({ default: (await import("./surfer")).FakeRegions }));

interface Shown {
  view: View;
  model: FakeModel;
  root: ShadowRoot;
  changes: Document[];
  /** Answer the last request of a kind. */
  answer: (kind: string, content: object, buffers?: ArrayBuffer[]) => Promise<void>;
  /** A notice, as the kernel sends it by itself. */
  notice: (content: object) => void;
  press: (key: string) => boolean;
  click: (name: string) => void;
}

const opened: View[] = [];

function shown(about: Partial<Document> = {}): Shown {
  const model = new FakeModel();
  const kernel = new Kernel(model);
  const host = document.createElement("div");
  document.body.append(host);
  const changes: Document[] = [];
  const view: View = new View(host, kernel, document_(about), true, (changed) => {
    changes.push(changed);
    view.show(changed);
  });
  opened.push(view);
  const root = host.shadowRoot;
  if (root === null) throw new Error("not drawn");
  const waveform = root.querySelector<HTMLElement>(".waveform");
  waveform?.focus();
  return {
    view, model, root, changes,
    answer: async (kind, content, buffers = []) => {
      model.answer(model.sent.findLastIndex((request) => request["kind"] === kind), content as Record<string, unknown>, buffers);
      await vi.advanceTimersByTimeAsync(0);
    },
    notice: (content) => model.answer(-1, { id: undefined, ...content }),
    press: (key) => {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true });
      (root.activeElement ?? waveform)?.dispatchEvent(event);
      return event.defaultPrevented;
    },
    click: (name) => {
      [...root.querySelectorAll("button")].find((button) => (button.textContent || button.ariaLabel) === name)?.click();
    },
  }; // prettier-ignore
}

const line = (root: ShadowRoot): string | null | undefined => root.querySelector(".say")?.textContent;
const asked = (model: FakeModel, kind: string): Record<string, unknown>[] => model.sent.filter((request) => request["kind"] === kind);

beforeEach(preparePage);

afterEach(() => {
  clearPage();
  for (const view of opened.splice(0)) view.dispose();
});

test("the loop is that of the segment that sounds, or did last", () => {
  const { segments } = document_();
  expect([0.5, 2.5, 3, 99].map((time) => segmentToLoop({ segments }, time)?.start)).toEqual([0, 0, 3, 3]);
  expect(segmentToLoop({ segments: segments.slice(1) }, 0)?.start).toBe(3);
  expect(segmentToLoop({ segments: [] }, 0)).toBeNull();
});

test("L marks and loops a segment, again switches the loop alone, Escape takes the mark away", () => {
  const { root, press } = shown();
  const loop = root.querySelector('[aria-label="Loop the marked part (L)"]');
  expect(press("l")).toBe(true);
  expect(FakeRegions.last.regions).toMatchObject([{ start: 0, end: 2 }]);
  expect(loop?.getAttribute("aria-pressed")).toBe("true");
  press("l");
  expect([loop?.getAttribute("aria-pressed"), FakeRegions.last.regions.length]).toEqual(["false", 1]);
  expect(press("Escape")).toBe(true);
  expect([FakeRegions.last.regions.length, root.querySelector<HTMLElement>('[aria-label="Marked part"]')?.hidden]).toEqual([0, true]);
  expect(press("Escape")).toBe(false); // nothing is marked: the notebook's
});

test("segments are stepped through, and the place is told", () => {
  const { root, press } = shown();
  press(".");
  expect(root.querySelector(".segment.now .spoken")?.textContent).toBe("my fellow");
  expect(root.querySelector(".clock b")?.textContent).toBe("0:03");
  press(",");
  expect(root.querySelector(".clock b")?.textContent).toBe("0:00");
});

test("a correction changes the text in every view, and says where the original is", async () => {
  const { root, model, changes, press, answer } = shown();
  press("e");
  const field = root.querySelector("textarea");
  if (field === null) throw new Error("there is a field");
  field.value = "And now";
  expect(press("l")).toBe(false); // a letter of the text
  press("Enter");
  expect(asked(model, "edit")).toMatchObject([{ segment: 0, text: "And now" }]);
  await answer("edit", { value: document_({ changes: 1, segments: [segment(" And now", 0, 2, false)] }) });
  expect(changes).toHaveLength(1);
  expect(root.querySelector(".segment .spoken")?.textContent).toBe("And now");
  expect(line(root)).toMatch(/^Corrected\./);
});

test("a correction that is refused leaves the text", async () => {
  const { root, changes, answer, click } = shown({ changes: 1 });
  click("Undo");
  await answer("undo", { error: "there is nothing to undo" });
  expect([line(root), changes]).toEqual(["Not changed: there is nothing to undo.", []]);
});

test("words are shaded on request, and with a trace what was likeliest stands in their titles", async () => {
  const { root, model, answer, click } = shown({ rounds: 1 });
  click("Confidence");
  expect(root.querySelector(".text")?.classList.contains("confidence")).toBe(true);
  await answer("trace", { error: "no trace" }); // the shades are all there is then
  expect(line(root)).toBe("");
  click("Confidence");
  expect(root.querySelector(".text")?.classList.contains("confidence")).toBe(false);
  expect(asked(model, "trace")).toHaveLength(1);
});

test("tokens that the kernel does not have leave their button released", async () => {
  const { root, answer, click } = shown({ rounds: 1 });
  const tokens = [...root.querySelectorAll("button")].find(({ textContent }) => textContent === "Tokens");
  click("Tokens");
  expect(tokens?.getAttribute("aria-pressed")).toBe("true");
  await answer("trace", { error: "load base to see its tokens" });
  expect([tokens?.getAttribute("aria-pressed"), line(root)]).toEqual(["false", "No trace: load base to see its tokens."]);
});

test("rounds stand under the waveform and in the text, until they are put away", async () => {
  const tokens = [{ text: " And", verdict: "a", segment: 0 }, { text: " so", verdict: "t", segment: 0 }]; // prettier-ignore
  const round = { start: 0, end: 2, window: 0, position: 0, drafter: "model", accepted: 1, proposed: 1, draft_ms: 1, verify_ms: 2, temperature: 0, tokens };
  const { root, answer, click } = shown({ rounds: 1 });
  click("Tokens");
  await answer("trace", { value: { rounds: [round], note: null } });
  expect([root.querySelectorAll(".trace").length, root.querySelectorAll(".ribbon").length]).toEqual([1, 1]);
  click("Tokens");
  expect([root.querySelectorAll(".trace").length, root.querySelectorAll(".ribbon").length]).toEqual([0, 0]);
});

test("how far work is, is shown until it ends in a line or a text", async () => {
  const { root, model, changes, answer, notice, click } = shown({ segments: [segment("So", 0, 1, false)] });
  const work = root.querySelector<HTMLElement>(".work");
  click("Find words");
  await answer("words", { value: {} });
  expect([work?.hidden, work?.querySelector("progress")?.value]).toEqual([false, 0]);
  notice({ notice: "progress", fraction: 0.5 });
  expect(work?.querySelector("progress")?.value).toBe(0.5);
  click("Stop");
  expect(asked(model, "stop")).toHaveLength(1);
  notice({ notice: "stopped" });
  expect([work?.hidden, line(root)]).toEqual([true, "Stopped; the text is as it was."]);
  notice({ notice: "failed", error: "no memory" });
  expect(line(root)).toBe("Not transcribed: no memory.");
  notice({ notice: "result", kind: "words", document: document_() });
  expect(changes).toHaveLength(1);
});

test("a text that grows shows how far it is, and what may still change", () => {
  const { view, root } = shown({ segments: [], writing: true });
  const longer = document_({ segments: [segment(" And so", 0, 2)], writing: true });
  view.grow(longer, { notice: "live", state: "0:02 of 1:00", fraction: 0.03, tail: " my fel", first: 0, segments: longer.segments });
  expect(root.querySelector(".work .soft")?.textContent).toBe("0:02 of 1:00");
  expect(root.querySelector(".tail")?.textContent).toBe("my fel");
  view.finish(document_(), "the disk is full");
  expect(root.querySelectorAll(".segment")).toHaveLength(2);
  expect([root.querySelector<HTMLElement>(".work")?.hidden, line(root)]).toEqual([true, "Not transcribed: the disk is full."]);
});

test("without a kernel what needs it is off, and the line says what still works", () => {
  const { view, root } = shown({ rounds: 1, changes: 1 });
  view.offline();
  expect(line(root)).toBe("The kernel is gone; the sound was not fetched yet.");
  const off = [...root.querySelectorAll<HTMLButtonElement>(".tools [data-kernel]")].map(({ disabled }) => disabled);
  expect(off.length).toBeGreaterThan(3);
  expect(off.every(Boolean)).toBe(true);
});

test("without its sound the text stands", () => {
  const { root } = shown({ sound: null });
  expect(line(root)).toBe("The recording is not here any more: the text stands without its sound.");
  expect(root.querySelector<HTMLButtonElement>(".play")?.disabled).toBe(true);
});

test("speakers are named where there are several, figures below the text", () => {
  const { view, root } = shown({ turns: [[0, 2, "Ada"], [3, 5, "Bob"]] }); // prettier-ignore
  expect([...root.querySelectorAll('[role="listitem"].speaker')].map(({ textContent }) => textContent)).toEqual(["Ada", "Bob"]);
  expect(root.querySelector(".foot")?.textContent).toBe("base, float32");
  view.show(document_());
  expect(root.querySelector<HTMLElement>(".legend")?.hidden).toBe(true);
});

test("a view that is gone leaves nothing on the page and hears no key", () => {
  const { view, press } = shown();
  const surfer = FakeSurfer.last;
  view.dispose();
  expect([surfer.destroyed, view.host.isConnected]).toEqual([true, false]);
  expect(press("l")).toBe(false);
  expect(FakeRegions.last.regions).toEqual([]);
});
