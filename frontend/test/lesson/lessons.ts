import type { BenchData, LabData, LessonData, LessonRound, LessonSound, RaceData, StepperData } from "../../src/lesson/protocol";

/** Lessons of a few rounds. */
const SOUND: LessonSound = { duration: 2, start: 1, peaks: [0.2, 1, 0.4], info: null, url: null };

function round(accepted: string[], rejected: string[], own: string, draft_ms: number, verify_ms: number): LessonRound {
  return {
    start: 1,
    end: 2,
    window: 0,
    drafter: accepted.length + rejected.length > 0 ? "draft model" : null,
    proposed: accepted.length + rejected.length,
    accepted: accepted.length,
    draft_ms,
    verify_ms,
    tokens: [
      ...accepted.map((text) => ({ text, verdict: "a" as const, p: 0.9, q: 0.8 })),
      ...rejected.map((text) => ({ text, verdict: "r" as const, p: 0.1, q: 0.6 })),
      { text: own, verdict: "t" as const, instead: [[own, 0.7], [" else", 0.2]] as const }, // prettier-ignore
    ],
  };
}

export const ROUNDS = [
  round([" And", " so"], [], " my", 2, 10),
  round([" fellow"], [" man", "."], " Americans", 3, 10),
  round([], [], "<|endoftext|>", 0, 10),
];
export const ALONE = [" And", " so", " my", " fellow", " Americans", "<|endoftext|>"].map((text) => round([], [], text, 0, 10));

export const RACE: RaceData = {
  kind: "race",
  title: "<img src=x onerror=alert(1)>",
  sound: SOUND,
  encode_ms: 5,
  text: "And so my fellow Americans",
  same: true,
  lanes: [
    { name: "The target alone", total_ms: 71, rounds: ALONE },
    { name: "Speculative decoding", total_ms: 43, rounds: ROUNDS },
  ],
  notes: ["<b>measured</b>"],
};

export const STEPPER: StepperData = { kind: "stepper", title: "Rounds", sound: SOUND, rounds: ROUNDS, notes: [] };

export const LAB: LabData = {
  kind: "lab",
  title: "Lab",
  measured: {
    acceptance: 0.8,
    cost_ratio: 0.1,
    by_length: [{ length: 4, tokens_per_round: 3.2, speedup: 2.2, acceptance: 0.79, pass_cost: 1 }],
    by_position: [0.9, 0.8],
  },
  machines: [{ name: "slow", bandwidth: 1e9, flops: 1e10, here: true }],
  model: {
    name: "pair",
    target_bytes: 1e9,
    draft_bytes: 1e8,
    target_row_bytes: 1e7,
    draft_row_bytes: 1e6,
    target_flops: 1e9,
    draft_flops: 1e8,
  },
  notes: [],
};

export const BENCH: BenchData = {
  kind: "bench",
  title: "Bench",
  context: " And so",
  tokens: [" my", " your", "<i>"],
  p: [0.6, 0.3, 0.1],
  q: [0.2, 0.5, 0.3],
  notes: [],
};

/** A lesson's output as Python writes it, without the script. */
export function output(data: LessonData | string, anchor = "a1"): HTMLElement {
  const element = document.createElement("div");
  element.dataset["whisperLesson"] = typeof data === "string" ? "race" : data.kind;
  element.dataset["whisperPlayer"] = anchor;
  const fixed = document.createElement("div");
  fixed.className = "wm-static";
  const json = document.createElement("script");
  json.type = "application/json";
  json.className = "wm-lesson-data";
  json.textContent = typeof data === "string" ? data : JSON.stringify(data).replaceAll("</", "<\\/");
  element.append(fixed, json);
  return element;
}
