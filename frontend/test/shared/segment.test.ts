import { expect, test } from "vitest";

import { selectionOf } from "../../src/shared/editor";
import { rangeOf } from "../../src/shared/highlights";
import type { Segment, Word } from "../../src/shared/protocol";
import { hasWords, segmentRow, spokenOf, tokenPieces, wordAt, wordPieces } from "../../src/shared/segment";
import { coloursOf } from "../../src/shared/speakers";
import { roundsBySegment, segmentAt, stepFrom } from "../../src/shared/transcript";

const WORDS: Word[] = [[" One", 0, 0.5, 0.9], [" two", 0.5, 0.8, 0.25], [" three", 1.2, 2, 1]]; // prettier-ignore
const NAMED: Segment = { start: 0, end: 2, text: " One two three", words: WORDS, names: [[0, "Ada"], [2, "Bob"]], flags: "loop", language: null }; // prettier-ignore
const COLOURS = coloursOf([[0, 1, "Ada"], [1, 2, "Bob"]]); // prettier-ignore

function words(segment: Segment): HTMLElement {
  const element = document.createElement("span");
  element.append(...wordPieces(segment, COLOURS));
  return element;
}

test("words stand for a segment where they are its text", () => {
  expect(hasWords(NAMED)).toBe(true);
  expect(hasWords({ ...NAMED, text: "One  two three" })).toBe(true); // but for the spaces
  expect(hasWords({ ...NAMED, text: " One two four" })).toBe(false);
  expect(hasWords({ ...NAMED, words: [] })).toBe(false);
});

test("the word at a time, none in a pause", () => {
  expect([-1, 0, 0.5, 0.9, 1.2, 2].map((time) => wordAt(NAMED, time))).toEqual([-1, 0, 1, -1, 2, -1]);
});

test("what is read out names who speaks", () => {
  expect(spokenOf(NAMED)).toBe("Ada: One two Bob: three");
  expect(spokenOf({ ...NAMED, names: [[0, "Ada"]] })).toBe("Ada: One two three");
  expect(spokenOf({ ...NAMED, names: [] })).toBe("One two three");
});

test.each([
  ["he", null, "rtl", "he"],
  ["en", "he", "rtl", "he"],
  ["he", "en", "auto", "en"],
  [null, null, "auto", null],
])("of a transcript in %s a segment in %s is written %s", (language, own, direction, lang) => {
  const row = segmentRow({ ...NAMED, language: own }, language, 2, COLOURS);
  const element = row.querySelector(".words");
  expect([element?.getAttribute("dir"), element?.getAttribute("lang")]).toEqual([direction, lang]);
});

test("a row has its time as long as the whole needs, its first speaker, and what may be wrong", () => {
  const row = segmentRow(NAMED, "en", 7200, COLOURS);
  expect(row.querySelector(".time")?.textContent).toBe("0:00:00");
  expect([...row.querySelectorAll(".speaker")].map(({ textContent }) => textContent)).toEqual(["Ada"]);
  expect(row.querySelector(".flag")?.textContent).toBe("⚑ loop");
});

test("a further speaker begins a line; each word says how sure it is", () => {
  const element = words(NAMED);
  expect(element.textContent).toBe("One twoBob three");
  expect(element.querySelectorAll("br")).toHaveLength(1);
  const [, two] = [...element.querySelectorAll<HTMLElement>(".word")];
  expect([two?.title, two?.style.getPropertyValue("--unsure")]).toEqual(["25 % sure", "75"]);
});

test("a place in the text is found across words, past the names in it", () => {
  const element = words(NAMED);
  expect(rangeOf(element, 4, 7)?.toString()).toBe("two");
  expect(rangeOf(element, 1, 6)?.toString()).toBe("ne tw");
  const three = rangeOf(element, 8, 13);
  expect([three?.startContainer.textContent, three?.endContainer.textContent]).toEqual(["three", "three"]);
  expect(rangeOf(element, 8, 99)).toBeNull();
});

test("tokens are those of the segment, round by round", () => {
  const round = { start: 0, end: 2, window: 0, position: 0, drafter: "model", accepted: 1, proposed: 1, draft_ms: 1, verify_ms: 2, temperature: 0 };
  const token = (text: string, segment: number) => ({ text, verdict: "a" as const, segment });
  const rounds = [{ ...round, tokens: [token(" One", 0), token(" two", 1)] }, { ...round, tokens: [token(" three", 1)] }]; // prettier-ignore
  const bySegment = roundsBySegment(rounds);
  expect([...bySegment]).toEqual([[0, [0]], [1, [0, 1]]]); // prettier-ignore
  const pieces = tokenPieces(1, bySegment.get(1) ?? [], rounds);
  expect(pieces.map((piece) => [piece.dataset["round"], piece.textContent])).toEqual([["0", " two"], ["1", " three"]]); // prettier-ignore
});

test("the word that was meant is marked in a correction, else all of it", () => {
  expect(selectionOf("one two", "two")).toEqual([4, 7]);
  expect(selectionOf("one two", "six")).toEqual([0, 7]);
  expect(selectionOf("one two", "")).toEqual([0, 7]);
});

test("the segment at a time, and that from which one steps", () => {
  const segments = [{ ...NAMED, start: 0, end: 2 }, { ...NAMED, start: 3, end: 3 }]; // prettier-ignore
  const starts = segments.map(({ start }) => start);
  expect([-1, 0, 2, 3.05, 3.2].map((time) => segmentAt(segments, starts, time))).toEqual([-1, 0, -1, 1, -1]);
  expect([stepFrom(starts, 0, 1), stepFrom(starts, 3.5, -1), stepFrom(starts, 4.5, -1), stepFrom([], 0, 1)]).toEqual([3, 0, 3, null]);
});
