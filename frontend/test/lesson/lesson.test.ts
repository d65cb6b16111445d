import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { LessonData } from "../../src/lesson/protocol";
import { FakeModel } from "../shared/model";
import { BENCH, LAB, output, RACE, STEPPER } from "./lessons";

interface Entry {
  default: { initialize(context: { model: FakeModel }): () => void };
}

/** Evaluate the module anew, as each output of a page does. */
async function evaluate(): Promise<Entry> {
  vi.resetModules();
  return import("../../src/lesson/lesson");
}

async function shown(data: LessonData): Promise<{ element: HTMLElement; root: ShadowRoot }> {
  const element = output(data);
  document.body.append(element);
  await evaluate();
  return { element, root: rootOf(element) };
}

function rootOf(element: Element): ShadowRoot {
  const root = element.querySelector(".wm-lesson-host")?.shadowRoot;
  if (root == null) throw new Error("not mounted");
  return root;
}

function buttons(root: ParentNode): Map<string | null, HTMLButtonElement> {
  return new Map([...root.querySelectorAll("button")].map((one) => [one.getAttribute("aria-label"), one]));
}

function press(target: Element | null, key: string): boolean {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true });
  const heard = vi.fn();
  document.addEventListener("keydown", heard);
  target?.dispatchEvent(event);
  document.removeEventListener("keydown", heard);
  return heard.mock.calls.length > 0;
}

beforeEach(() => {
  vi.stubGlobal("CSS", { escape: (text: string) => text });
  vi.stubGlobal("matchMedia", () => ({ matches: true })); // reduced motion
});

afterEach(() => {
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

test.each([RACE, STEPPER, LAB, BENCH])("$kind is mounted once, however often the script runs", async (data) => {
  const { element } = await shown(data);
  await evaluate();
  await evaluate();
  expect(element.querySelectorAll(".wm-lesson-host")).toHaveLength(1);
  expect(element.hasAttribute("data-mounted")).toBe(true);
  expect(element.querySelector<HTMLElement>(".wm-static")?.hidden).toBe(true);
});

test("an output that comes to the document after its script is found in the next frame", async () => {
  const element = output(LAB);
  await evaluate();
  document.body.append(element);
  await new Promise(requestAnimationFrame);
  expect(element.hasAttribute("data-mounted")).toBe(true);
});

test("a page that was saved as it was shown is mounted anew", async () => {
  const element = output(LAB);
  element.setAttribute("data-mounted", "");
  const dead = document.createElement("div");
  dead.className = "wm-lesson-host";
  element.append(dead);
  document.body.append(element);
  await evaluate();
  expect(element.querySelectorAll(".wm-lesson-host")).toHaveLength(1);
  expect(rootOf(element).querySelector(".lab")).not.toBeNull();
});

test.each(["", "{", '{"kind": "other"}', "null"])("what is no lesson (%s) keeps its static form", async (text) => {
  const element = output(text);
  document.body.append(element);
  await evaluate();
  expect(element.hasAttribute("data-mounted")).toBe(false);
  expect(element.querySelector<HTMLElement>(".wm-static")?.hidden).toBe(false);
});

test("text is never markup", async () => {
  const { root } = await shown(RACE);
  expect(root.querySelector("img")).toBeNull();
  expect(root.querySelector(".title")?.textContent).toBe(RACE.title);
  expect(root.querySelector(".foot b")).toBeNull();
  const bench = await shown(BENCH);
  expect(bench.root.querySelector(".names i, td i")).toBeNull();
});

test("a cell that is taken out and put back keeps its state", async () => {
  const { element, root } = await shown(STEPPER);
  buttons(root).get("Next")?.click();
  const before = root.querySelector(".what")?.textContent;
  element.remove();
  document.body.append(element);
  await evaluate();
  expect(rootOf(element)).toBe(root);
  expect(root.querySelector(".what")?.textContent).toBe(before);
});

test("the sound is said to be missing, once", async () => {
  const { root } = await shown(STEPPER);
  expect(root.querySelectorAll(".say")).toHaveLength(1);
  expect(root.querySelector(".say")?.textContent).toBe("The sound is not in this page.");
  expect(buttons(root).get("Play this part")?.hidden).toBe(true);
});

test("a kernel gives the sound to a lesson that stands already", async () => {
  const info = { path: null, home: "/", size: 1, mime: null };
  const { root } = await shown({ ...STEPPER, sound: { ...STEPPER.sound, info } });
  const { default: widget } = await evaluate(); // another copy of the module
  const end = widget.initialize({ model: new FakeModel() });
  await vi.waitFor(() => expect(root.querySelector(".say")?.textContent).toBe(""));
  expect(buttons(root).get("Play this part")?.hidden).toBe(false);
  end();
});

test("keys of a lesson and of its controls do not reach the notebook", async () => {
  const { root } = await shown(STEPPER);
  expect(press(root.querySelector("button"), "ArrowRight")).toBe(false);
  expect(root.querySelector(".what")?.textContent).toContain("The target decides.");
  expect(press(root.querySelector("button"), "ArrowLeft")).toBe(false);
  expect(root.querySelector(".what")?.textContent).toContain("The draft proposes.");
  expect(press(root.querySelector("select"), "ArrowRight")).toBe(false); // the select's own
  expect(root.querySelector(".what")?.textContent).toContain("The draft proposes.");
  expect(press(root.querySelector("button"), " ")).toBe(false);
  expect(press(root.querySelector("button"), "j")).toBe(true);
  expect(press(document.body, "ArrowRight")).toBe(true);
});
