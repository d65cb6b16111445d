import { beforeEach, expect, test, vi } from "vitest";

import { Bench, presets, explained } from "../../src/lesson/bench";
import { withShare } from "../../src/lesson/distributions";
import { Lab, sentence } from "../../src/lesson/lab";
import { Playback } from "../../src/lesson/playback";
import type { LessonSound } from "../../src/lesson/protocol";
import { Race } from "../../src/lesson/race";
import { ratioCosts } from "../../src/lesson/speculation";
import { Score, Stepper, verdict } from "../../src/lesson/stepper";
import { finished, parts, timeline, written } from "../../src/lesson/timeline";
import { ALONE, BENCH, LAB, RACE, ROUNDS, STEPPER } from "./lessons";

function playback(sound: LessonSound = RACE.sound): Playback {
  return new Playback(sound);
}

function click(element: HTMLElement, label: string): void {
  element.querySelector<HTMLButtonElement>(`button[aria-label="${label}"]`)?.click();
}

function text(element: HTMLElement, selector: string): string {
  return element.querySelector(selector)?.textContent ?? "";
}

function choose(element: HTMLElement, selector: string, value: string, event = "change"): void {
  const control = element.querySelector<HTMLInputElement | HTMLSelectElement>(selector);
  if (control === null) throw new Error(`no ${selector}`);
  control.value = value;
  control.dispatchEvent(new Event(event));
}

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: true })); // reduced motion
});

test("rounds on the clock: the encoder, then each round as long as it took, the rest between them", () => {
  const lane = timeline(RACE.lanes[1], RACE.encode_ms); // 43 ms: 5 encoder, 35 rounds, 3 between
  expect(lane.encoded).toBe(5);
  expect(lane.blocks.map(({ start, verify, end }) => [start, verify, end])).toEqual([[5, 7, 17], [18, 21, 31], [32, 32, 42]]); // prettier-ignore
  expect(lane.total).toBe(43);
  expect([0, 16.9, 17, 31, 42.5].map((time) => finished(lane, time))).toEqual([0, 0, 1, 2, 3]);
});

test("where a lane's time went", () => {
  expect(parts(timeline(RACE.lanes[1], RACE.encode_ms))).toEqual({
    total: 43,
    encoder: 5,
    draft: 5,
    verify: 30,
    rest: 3,
    passes: 3,
  });
});

test("a total of decoding alone leaves no room for the encoder, nor does one that is too small", () => {
  expect(timeline({ name: "", total_ms: 35, rounds: ROUNDS }, 5)).toMatchObject({ encoded: 0, total: 35 });
  expect(timeline({ name: "", total_ms: 30, rounds: ROUNDS }, 5)).toMatchObject({ encoded: 0, total: 35 });
  expect(timeline({ name: "", total_ms: 0, rounds: [] }, 0).blocks).toEqual([]);
});

test("what was written, without rejected drafts and marks", () => {
  expect(written(ROUNDS)).toBe(" And so my fellow Americans");
  expect(written(ROUNDS)).toBe(written(ALONE));
});

test("with reduced motion the race jumps to its end, is announced, and can be stepped", () => {
  const { element } = new Race(RACE, playback());
  expect(text(element, ".result")).toBe("");
  click(element, "Race");
  expect(text(element, ".result")).toBe(
    "Speculative decoding: 43 ms in 3 passes; the target alone: 71 ms in 6. 1.65 times as fast, the same text.",
  );
  const rows = [...element.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent));
  expect(rows[1]).toEqual(["drafts", "0 ms", "5.0 ms"]);
  expect(rows[4]).toEqual(["in all", "71 ms", "43 ms"]);
  click(element, "Restart");
  click(element, "Next pass"); // of the target alone, at 15.8 ms
  expect(text(element, ".card")).toContain("The target alone, round 1 of 6: nothing was proposed");
  click(element, "Next pass"); // at 17 ms
  expect(text(element, ".card")).toContain("Speculative decoding, round 1 of 3: the draft model proposed 2, the target accepted 2");
  const seen = [...element.querySelectorAll<HTMLElement>(".lane .words:not(.ghost) .token")].filter(({ hidden }) => !hidden);
  expect(seen.map((token) => token.textContent).join("")).toBe("AndAnd so my");
});

test("a block of a bar shows its round, a rejected token for its round only", () => {
  const { element } = new Race(RACE, playback());
  element.querySelectorAll('[data-round="1"] rect')[1]?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(text(element, ".card")).toContain("round 2 of");
  choose(element, 'input[type="range"]', "31.5", "input");
  const rejected = (): boolean[] => [...element.querySelectorAll(".lane .token.r")].map((token) => token.hasAttribute("hidden"));
  expect(rejected()).toEqual([false, false]);
  choose(element, 'input[type="range"]', "42.5", "input");
  expect(rejected()).toEqual([true, true]);
});

test("slow motion where sound can play, unless another speed was chosen", () => {
  const speed = (element: HTMLElement): number | undefined => element.querySelector("select")?.selectedIndex;
  expect(speed(new Race(RACE, playback()).element)).toBe(1);
  expect(speed(new Race(RACE, playback({ ...RACE.sound, url: "data:audio/wav;base64," })).element)).toBe(0);
});

test("a round in steps: proposed, predicted, decided", () => {
  const { element } = new Stepper(STEPPER, playback());
  expect(text(element, ".what")).toBe("The draft proposes. 2 tokens, with the draft’s probability of each.");
  expect([...element.querySelectorAll(".outcome")].map((one) => one.textContent)).toEqual(["proposed", "proposed"]);
  expect(text(element, ".question")).toBe("How many of these 2 will the target accept?012");
  click(element, "2 of 2");
  expect(text(element, ".what")).toBe("The target decides. It accepted all 2, and its pass gave one more: “␣my”. You said 2: right.");
  click(element, "Next");
  click(element, "3 of 3");
  expect([...element.querySelectorAll(".outcome")].map((one) => one.textContent)).toEqual(["accepted", "rejected", "not read", "instead"]);
  expect(text(element, ".what")).toBe("The target decides. It accepted 1 of 3 and wrote “␣Americans” instead of “␣man”. You said 3.");
  expect(text(element, ".score")).toBe("You: 1 of 2 right");
  expect(text(element, ".so-far")).toBe("And so my fellow Americans");
  click(element, "Next"); // nothing was proposed: nothing to ask
  expect(text(element, ".what")).toContain("Nothing was proposed");
  click(element, "First round");
  expect(element.querySelector<HTMLElement>(".question")?.hidden).toBe(true); // the first guess counts
});

test("one need not be asked", () => {
  const { element } = new Stepper(STEPPER, playback());
  const ask = element.querySelector<HTMLInputElement>('input[type="checkbox"]');
  if (ask !== null) ask.checked = false;
  ask?.dispatchEvent(new Event("change"));
  expect(element.querySelector<HTMLElement>(".question")?.hidden).toBe(true);
  click(element, "Last round");
  expect(text(element, ".so-far")).toBe("And so my fellow Americans");
});

test("the first guess of a round counts", () => {
  const score = new Score(ROUNDS);
  expect(score.line).toBe("");
  score.guess(0, 1);
  score.guess(0, 2);
  expect(score.line).toBe("You: 0 of 1 right");
});

test("a verdict in words without a token of the target's own", () => {
  const [first] = ROUNDS;
  if (first === undefined) throw new Error("no rounds");
  expect(verdict({ ...first, tokens: first.tokens.slice(0, 2) })).toBe("It accepted all 2.");
});

test("the lab names the best length, computes a machine's costs, and draws what was measured", () => {
  const { element } = new Lab(LAB);
  expect(text(element, ".result")).toBe("Best: 6 tokens a draft, 2.47 times as fast as the target alone. With 4 it is 2.40 times as fast.");
  expect(element.querySelectorAll(".ring").length).toBe(2); // the chart's, the key's
  expect(element.querySelector("#slider-c")?.hasAttribute("disabled")).toBe(false);
  choose(element, "#machine", "0");
  choose(element, "#batch", "32");
  expect(element.querySelector<HTMLInputElement>("#slider-c")?.disabled).toBe(true);
  expect(text(element, ".result")).toContain("No draft: whatever its length, the target alone is fastest.");
  expect(text(element, "table")).toContain("2.20");
  expect(element.querySelectorAll("table tbody tr")).toHaveLength(8);
});

test("the lab at its ends", () => {
  expect(sentence(1, 7, ratioCosts(0))).toBe("Best: 7 tokens a draft, 8.00 times as fast as the target alone.");
  const { element } = new Lab(LAB);
  choose(element, "#slider-a", "1", "input");
  expect(element.querySelector(".equation")?.getAttribute("aria-label")).toBe("E = k + 1 = 5.00 tokens a round");
});

test("a share that is set leaves the others their proportions", () => {
  expect(withShare([0.5, 0.3, 0.2], 0, 0.75)).toEqual([0.75, 0.15, 0.1]);
  expect(withShare([1, 0, 0], 0, 0.5)).toEqual([0.5, 0.25, 0.25]);
  expect(withShare([0.5, 0.5], 1, 2)).toEqual([0, 1]);
  expect(withShare([1], 0, 0.2)).toEqual([1]);
});

test("presets are distributions", () => {
  for (const [, { p, q }] of presets(BENCH)) {
    for (const shares of [p, q]) expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  }
  const disjoint = new Map(presets(BENCH)).get("disjoint");
  expect(disjoint?.p.map((share, i) => share * (disjoint.q[i] ?? 1))).toEqual([0, 0, 0]);
});

test("draws are the same after a reset; a broken rule is found out", () => {
  const { element } = new Bench(BENCH);
  click(element, "Draw 1,000");
  const first = text(element, "table");
  expect(text(element, ".result")).toContain("Consistent with the target");
  click(element, "Reset");
  expect(text(element, ".result")).toBe("Nothing is drawn yet.");
  click(element, "Draw 1,000");
  expect(text(element, "table")).toBe(first);
  choose(element, "#rule", "residual");
  expect(text(element, ".result")).toBe("Nothing is drawn yet."); // another rule, other draws
  click(element, "Draw 1,000");
  expect(text(element, ".result")).toBe("NOT the target’s distribution: p < 0.001");
});

test("bars have one tab stop, and each a name", () => {
  const bench = new Bench(BENCH);
  const sliders = [...bench.element.querySelectorAll<HTMLInputElement>('input[type="range"]')];
  expect(sliders.map(({ tabIndex }) => tabIndex)).toEqual([0, -1, -1, -1, -1, -1]);
  expect(sliders[2]?.getAttribute("aria-label")).toBe("target p of ␣your");
  choose(bench.element, 'input[aria-label="draft q of ␣your"]', "100", "input");
  expect(sliders.map(({ value }) => value)).toEqual(["60", "0", "30", "100", "10", "0"]);
  expect(bench.element.querySelector<HTMLSelectElement>("#preset")?.selectedOptions[0]?.text).toBe("your own");
});

test("a draw in words", () => {
  const shares = { p: [0.31, 0.69], q: [0.42, 0.58] };
  const drawn = { draft: 0, accepted: false, written: 1, chance: 0.738, die: 0.81 };
  expect(explained("rejection", drawn, [" world", "."], shares)).toBe(
    "The draft says “␣world” (q 0.42); p is 0.31, so it is kept with probability 0.74; the die says 0.81: rejected; from the residual: “.”.",
  );
  expect(explained("coupled", { draft: 0, accepted: true, written: 0, target: 0 }, [" world", "."], shares)).toBe(
    "The draft says “␣world” (q 0.42); with the same noise the target says “␣world” (p 0.31): accepted.",
  );
});
