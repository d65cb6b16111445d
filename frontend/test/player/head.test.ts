import { expect, test, vi } from "vitest";

import { Head, usable, type HeadEvents } from "../../src/player/head";
import { document_, segment } from "./documents";

function events(about: Partial<HeadEvents> = {}): HeadEvents {
  return {
    onsearch: vi.fn(), onconfidence: vi.fn(), ontokens: vi.fn(), onspectrogram: vi.fn(), onwords: vi.fn(), onundo: vi.fn(), onsave: vi.fn(),
    onkeys: vi.fn(), ...about,
  }; // prettier-ignore
}

const shown = (head: Head): (string | null)[] => [...head.element.querySelectorAll<HTMLElement>(".tools > :not([hidden])")].map((tool) => (tool instanceof HTMLSelectElement ? tool.ariaLabel : tool.textContent));

test("a tool is offered where the text has a use for it", () => {
  const plain = { confidence: true, tokens: false, spectrogram: true, words: false, undo: false };
  expect(usable(document_())).toEqual(plain);
  expect(usable(document_({ rounds: 5, changes: 1 }))).toEqual({ ...plain, tokens: true, undo: true });
  expect(usable(document_({ segments: [segment("So", 0, 1, false)] }))).toEqual({ ...plain, confidence: false, words: true });
  const writing = document_({ writing: true, rounds: 5, segments: [segment("So", 0, 1, false)] });
  expect(usable(writing)).toEqual({ ...plain, confidence: false, spectrogram: false });
});

test("tools come and go with the text", () => {
  const head = new Head(document_(), events());
  head.update(document_());
  expect(shown(head)).toEqual(["Search", "Confidence", "Spectrogram", "Save the transcript as", "Keys"]);
  head.update(document_({ rounds: 5, changes: 2, warning: "it ends early" }));
  expect(shown(head)).toEqual(["Search", "Confidence", "Tokens", "Spectrogram", "Undo", "Save the transcript as", "Keys"]);
  expect(head.element.querySelector(".warn")?.textContent).toBe("it ends early");
});

test("without sound there is neither spectrogram nor word times to find", () => {
  const head = new Head(document_({ sound: null, formats: [] }), events());
  head.update(document_({ sound: null, segments: [segment("So", 0, 1, false)] }));
  expect(shown(head)).toEqual(["Search", "Keys"]);
});

test("a toggle is pressed and released", () => {
  const [onconfidence, ontokens] = [vi.fn(), vi.fn()];
  const head = new Head(document_({ rounds: 5 }), events({ onconfidence, ontokens }));
  const [confidence, tokens] = ["Confidence", "Tokens"].map((name) => [...head.element.querySelectorAll("button")].find(({ textContent }) => textContent === name));
  confidence?.click();
  expect([head.confidence, confidence?.getAttribute("aria-pressed")]).toEqual([true, "true"]);
  confidence?.click();
  expect(onconfidence.mock.calls).toEqual([[true], [false]]);
  tokens?.click();
  head.releaseTokens(); // there are none
  tokens?.click();
  expect(ontokens.mock.calls).toEqual([[true], [true]]);
});

test("a format is saved each time that it is chosen", () => {
  const onsave = vi.fn();
  const select = new Head(document_(), events({ onsave })).element.querySelector("select");
  if (select === null) throw new Error("there are formats");
  for (const format of ["srt", "srt"]) {
    select.value = format;
    select.dispatchEvent(new Event("change"));
  }
  expect([onsave.mock.calls, select.value]).toEqual([[["srt"], ["srt"]], ""]);
});
