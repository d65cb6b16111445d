import { beforeAll, expect, test, vi } from "vitest";

import type { Document, Round, Segment, Turn, Word } from "../../src/shared/protocol";
import { coloursOf } from "../../src/shared/speakers";
import { find, folded } from "../../src/shared/find";
import { hasWords } from "../../src/shared/segment";
import { TranscriptView } from "../../src/shared/transcript";
import { described, insteadOf } from "../../src/shared/tokens";

beforeAll(() => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      observe = (): void => undefined;
      disconnect = (): void => undefined;
    },
  );
  vi.stubGlobal("matchMedia", () => ({ matches: true }));
  Element.prototype.scrollTo = (() => undefined);
});

const WORDS: Word[] = [
  [" Été", 0, 0.5, 0.9],
  [" is", 0.5, 0.8, 0.2],
  [" <b>over</b>.", 1.2, 2, 1],
];
const FIRST: Segment = { start: 0, end: 2, text: " Été is <b>over</b>.", words: WORDS, names: [], flags: "", language: null };
const SECOND: Segment = { start: 3, end: 5, text: " שלום is peace", words: [], names: [], flags: "loop", language: "he" };

interface Shown {
  text: TranscriptView;
  sought: number[];
  rounds: number[];
  edits: [number, string][];
}

function shown(segments: Segment[] = [FIRST, SECOND], turns: Turn[] = []): Shown {
  const [sought, rounds, edits]: [number[], number[], [number, string][]] = [[], [], []];
  const document = { segments, turns, language: "fr" } as unknown as Document;
  const text = new TranscriptView(document, {
    onseek: (time) => sought.push(time),
    onround: (index) => rounds.push(index),
    onedit: (segment, typed) => edits.push([segment, typed]),
  });
  return { text, sought, rounds, edits };
}

test("searching passes over case and accents, and keeps each character in its place", () => {
  expect(folded("ÉtÉ İs")).toHaveLength(6);
  expect(find("ete IS", [FIRST])).toEqual([{ segment: 0, start: 0, end: 6 }]);
  expect(find("is", [FIRST, SECOND]).map(({ segment }) => segment)).toEqual([0, 1]);
  expect(find("  ", [FIRST])).toEqual([]);
});

test("words that are not the text are left aside", () => {
  expect(hasWords(FIRST)).toBe(true);
  expect(hasWords({ ...FIRST, text: " Another text" })).toBe(false);
  expect(hasWords(SECOND)).toBe(false);
});

test("the word that sounds is marked, and none in a pause", () => {
  const { text } = shown();
  const now = (): string | null | undefined => text.element.querySelector(".word.now")?.textContent;
  text.moved(0.6, true);
  expect(now()).toBe("is");
  expect(text.element.querySelector(".segment.now")?.textContent).toContain("0:00");
  text.moved(1.0, true);
  expect(now()).toBeUndefined();
  text.moved(1.3, true);
  expect(now()).toBe("<b>over</b>.");
  text.moved(2.5, true);
  expect(text.element.querySelector(".segment.now")).toBeNull();
});

test("a click on a word seeks to it, beside the words to the segment", () => {
  const { text, sought } = shown();
  text.moved(0.6, false);
  text.element.querySelectorAll<HTMLElement>(".word")[2]?.click();
  text.element.querySelectorAll<HTMLElement>(".time")[1]?.click();
  expect(sought).toEqual([1.2, 3]);
});

test("stepping goes from segment to segment and stays at the ends", () => {
  const { text } = shown();
  expect([text.step(0, 1), text.step(3.5, -1), text.step(0, -1), text.step(4, 1)]).toEqual([3, 0, 0, 3]);
  expect(text.step(4.5, -1)).toBe(3); // where it has sounded for a second, back is its own start
});

test("each segment has its plain text for screen readers, its language and direction", () => {
  const { text } = shown();
  const [first, second] = Array.from(text.element.querySelectorAll(".spoken"));
  expect(first?.textContent).toBe("Été is <b>over</b>.");
  expect(first?.getAttribute("lang")).toBe("fr");
  expect(second?.getAttribute("dir")).toBe("rtl");
  expect(text.element.querySelectorAll("b, script")).toHaveLength(0);
  expect(text.element.querySelectorAll('.words:not([aria-hidden="true"])')).toHaveLength(0);
});

const ROUND: Round = {
  start: 0, end: 1, window: 0, position: 4, drafter: "draft model", accepted: 1, proposed: 2,
  draft_ms: 1.26, verify_ms: 8, temperature: 0, tokens: [
    { text: " Été", verdict: "a", segment: 0, p: 0.9, q: 0.999, instead: [[" Été", 0.9], [" the", 0.003]] },
    { text: " was", verdict: "r", segment: 0 },
    { text: " is", verdict: "t", segment: 1 },
  ],
}; // prettier-ignore

test("tokens take the words' place, each with its verdict; a click names its round", () => {
  const { text, rounds } = shown();
  text.moved(0.1, false);
  text.moved(3.1, false); // in view: jsdom observes no intersections
  text.trace([ROUND]);
  const tokens = Array.from(text.element.querySelectorAll(".token"));
  expect(tokens.map((token) => [token.textContent, token.className])).toEqual([
    [" Été", "token a"],
    [" was", "token r"],
    [" is", "token t"],
  ]);
  expect(tokens.map((token) => token.getAttribute("title"))).toEqual(["target 90 %; draft > 99 %; Été 90 % · the < 1 %", null, null]);
  expect(tokens.map((token) => token.closest(".segment")?.textContent.slice(0, 4))).toEqual(["0:00", "0:00", "0:03"]);
  (tokens[1] as HTMLElement).click();
  expect(rounds).toEqual([0]);
  text.trace(null);
  expect(text.element.querySelectorAll(".word")).toHaveLength(3);
});

test("a round in words names the drafter, or that there was none", () => {
  expect(described(ROUND, 0)).toBe(
    "Round 1, position 4: the draft model proposed 2, the target accepted 1; draft 1.3 ms, verify 8.0 ms",
  );
  expect(described({ ...ROUND, drafter: null, temperature: 0.4 }, 1)).toContain("temperature 0.4: nothing was proposed");
});

test("a correction is sent by Enter, and dropped by Escape", () => {
  const { text, edits } = shown();
  const field = (): HTMLTextAreaElement | null => text.element.querySelector("textarea");
  text.edit(1, "is");
  expect(field()?.value).toBe("שלום is peace");
  expect(text.element.querySelectorAll<HTMLElement>(".words")[1]?.hidden).toBe(true);
  text.key(new KeyboardEvent("keydown", { key: "Escape" }));
  expect(field()).toBeNull();
  text.edit(0);
  const open = field();
  if (open) open.value = " Été was over. ";
  expect(text.key(new KeyboardEvent("keydown", { key: "a" }))).toBe(false);
  expect(text.key(new KeyboardEvent("keydown", { key: "Enter" }))).toBe(true);
  expect(edits).toEqual([[0, "Été was over."]]);
  expect(text.key(new KeyboardEvent("keydown", { key: "Enter" }))).toBe(false);
});

test("what was likeliest at a word is that at its first token", () => {
  const words: Word[] = [[" ask", 0, 1, 1], [" not", 1, 2, 1]]; // prettier-ignore
  const segment: Segment = { start: 0, end: 2, text: " ask not", words, names: [], flags: "", language: null };
  const token = (text: string, verdict: "a" | "r" | "t", instead?: [string, number][]): object => ({ text, verdict, segment: 0, instead });
  const tokens = [
    token("<|0.00|>", "a"),
    token(" as", "a", [[" as", 0.8], [" and", 0.11]]), // prettier-ignore
    token(" was", "r"),
    token("k", "t", [["k", 1]]),
    token(" not", "t", [[" not", 0.7], [" now", 0.004]]), // prettier-ignore
  ];
  const round = { ...ROUND, tokens } as unknown as Round;
  expect(insteadOf([round], [segment])).toEqual([["as 80 % · and 11 %", "not 70 % · now < 1 %"]]);
  expect(insteadOf([round], [{ ...segment, words: [[" asked", 0, 1, 1]] }])).toEqual([[]]); // corrected since
});

const EVIL = "<img src=x>";
const TURNS: Turn[] = [
  [0, 0.8, EVIL],
  [1.2, 2, "Grace"],
  [3, 5, "Grace"],
];

test("a speaker is named where another one was, as text, and read out", () => {
  const { text, sought } = shown([{ ...FIRST, names: [[0, EVIL], [2, "Grace"]] }, SECOND], TURNS); // prettier-ignore
  text.moved(0.6, false); // in view
  const names = Array.from(text.element.querySelectorAll<HTMLElement>(".speaker"));
  expect(names.map((name) => name.textContent)).toEqual([EVIL, "Grace"]);
  expect(names.map((name) => name.style.getPropertyValue("--voice"))).toEqual(["#8a63d2", "#d55e00"]);
  expect(text.element.querySelector("img")).toBeNull();
  expect(text.element.querySelector(".word.now")?.textContent).toBe("is");
  const spoken = Array.from(text.element.querySelectorAll(".spoken"), (one) => one.textContent);
  expect(spoken).toEqual([`${EVIL}: Été is Grace: <b>over</b>.`, "שלום is peace"]);
  names[1]?.click();
  expect(sought).toEqual([1.2]);
});

test("a segment whose words are not its text names who begins it", () => {
  const { text } = shown([{ ...FIRST, text: " Another", names: [[0, "Grace"]] }], TURNS);
  expect(text.element.querySelector(".spoken")?.textContent).toBe("Grace: Another");
  expect(text.element.querySelector(".speech > .speaker")?.textContent).toBe("Grace");
});

test("names are no part of what is searched", () => {
  const marked: string[] = [];
  vi.stubGlobal("CSS", { highlights: new Map() });
  vi.stubGlobal("Highlight", class extends Set<Range> {
    override add(range: Range): this {
      marked.push(range.toString());
      return super.add(range);
    }
  }); // prettier-ignore
  const segment = { ...FIRST, names: [[0, "Ada"], [2, "Grace"]] as const }; // prettier-ignore
  const { text } = shown([segment], TURNS);
  text.hits(find("over", [segment]), 0);
  text.hits(find("ete is", [segment]), 0);
  expect(marked).toEqual(["over", "Été is"]);
  text.dispose();
});

test("speakers have colours in the order in which they speak, which come again", () => {
  const colours = coloursOf(Array.from("abcdefgh", (name, at): Turn => [at, at + 1, name]));
  expect([...colours.keys()].join("")).toBe("abcdefgh");
  expect(new Set(colours.values()).size).toBe(6);
  expect(colours.get("g")).toBe(colours.get("a"));
});
