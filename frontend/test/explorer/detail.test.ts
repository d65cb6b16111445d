import { beforeAll, expect, test, vi } from "vitest";

import { Detail, differenceLine, failureList, noteField } from "../../src/explorer/detail";

beforeAll(() => {
  Element.prototype.scrollIntoView = () => undefined;
});

test("one thing at a time is shown, and its player goes with it", () => {
  const onclose = vi.fn();
  const detail = new Detail(onclose);
  const [first, second] = [0, 1].map(() => ({ el: document.createElement("i"), remove: vi.fn(), trigger: vi.fn() }));
  if (first === undefined || second === undefined) throw new Error("there are two");
  detail.embed("one.wav", first, document.createElement("u"));
  expect(first.trigger).toHaveBeenCalledExactlyOnceWith("displayed");
  expect([...detail.element.children].map(({ localName }) => localName)).toEqual(["div", "u", "i"]);
  detail.embed("two.wav", second);
  expect(first.remove).toHaveBeenCalledOnce();
  expect(detail.element.querySelector(".title")?.textContent).toBe("two.wav");
  detail.element.querySelector("button")?.click();
  expect(second.remove).toHaveBeenCalledOnce();
  expect([detail.element.hidden, detail.element.childElementCount, onclose.mock.calls.length]).toEqual([true, 0, 1]);
  expect(detail.close()).toBe(false); // nothing is open
  expect(onclose).toHaveBeenCalledOnce();
});

test("a note is taken without the space around it, and not where nothing can be written", () => {
  const onchange = vi.fn();
  const field = noteField("old", false, onchange).querySelector("textarea");
  if (field === null) throw new Error("there is a field");
  expect([field.value, field.readOnly]).toEqual(["old", false]);
  field.value = "  look again\n";
  field.dispatchEvent(new Event("change"));
  expect(onchange).toHaveBeenCalledExactlyOnceWith("look again");
  expect(noteField("old", true, onchange).querySelector("textarea")?.readOnly).toBe(true);
});

test("an error that does not name its recording is given the name", () => {
  const failures = [{ name: "a.wav", error: "a.wav is empty" }, { name: "b.wav", error: "no audio stream" }]; // prettier-ignore
  const lines = [...failureList(failures).children].map(({ textContent }) => textContent);
  expect(lines).toEqual(["a.wav is empty", "b.wav: no audio stream"]);
});

test("a difference shows what is left out and what is put in", () => {
  const stretches = [
    { kind: "substitution", first: "two", second: "too" },
    { kind: "insertion", first: "", second: "more" },
    { kind: "deletion", first: "less", second: "" },
  ];
  const line = differenceLine({ recording: 1, name: "talks/a.wav", differs: 0.25, first: "", second: "", stretches });
  expect([...line.querySelectorAll("del")].map(({ textContent }) => textContent)).toEqual(["two", "less"]);
  expect([...line.querySelectorAll("ins")].map(({ textContent }) => textContent)).toEqual(["too", "more"]);
  expect(line.textContent).toContain("a.wav 25 % ");
});
