import { expect, test } from "vitest";

import type { Machine, ModelPair } from "../../src/lesson/protocol";
import { bestLength, expectedTokens, ratioCosts, rooflineCosts, speedup } from "../../src/lesson/speculation";

test.each([
  [0, 5, 1],
  [0.5, 1, 1.5],
  [0.5, 3, 1.875], // 1 + 1/2 + 1/4 + 1/8
  [0.8, 4, 3.3616],
  [1, 7, 8],
  [0.9, 0, 1],
])("with acceptance %f a draft of %d gives %f tokens a round", (acceptance, length, tokens) => {
  expect(expectedTokens(acceptance, length)).toBeCloseTo(tokens, 12);
});

test("the expectation is the mean of simulated rounds", () => {
  // without the formula: a round writes the drafts up to the first that is rejected, and one token of the target's own
  const [a, k] = [0.7, 5];
  let mean = 0;
  for (let accepted = 0; accepted <= k; accepted++) mean += (accepted + 1) * a ** accepted * (accepted < k ? 1 - a : 1);
  expect(expectedTokens(a, k)).toBeCloseTo(mean, 12);
});

test("a speed-up with measured costs", () => {
  expect(speedup(0.8, 4, ratioCosts(0.1))).toBeCloseTo(3.3616 / 1.4, 12);
  expect(speedup(0.8, 0, ratioCosts(0.1))).toBe(1);
  expect(speedup(1, 7, ratioCosts(0))).toBe(8);
  const costs = ratioCosts(0.1, [{ length: 5, pass_cost: 2 }, { length: 1, pass_cost: 1.2 }]);
  expect([1, 2, 4, 6, 8].map(costs.target)).toEqual([1, 1.2, 1.6, 2, 2].map((cost) => expect.closeTo(cost, 12) as number));
  expect(speedup(0.8, 5, costs)).toBeCloseTo(expectedTokens(0.8, 5) / 2.5, 12);
});

test("the best length: none where drafts are dear or useless, the longest where they are free", () => {
  expect(bestLength(0.8, ratioCosts(0))).toBe(7);
  expect(bestLength(0.3, ratioCosts(0.5))).toBe(0);
  expect(bestLength(0, ratioCosts(0))).toBe(0);
  // S(k) for a = 0.8, c = 0.1: 1, 1.636, 2.033, 2.271, 2.401, 2.459, 2.470, 2.447
  expect(bestLength(0.8, ratioCosts(0.1))).toBe(6);
});

const MACHINE: Machine = { name: "m", bandwidth: 1e9, flops: 1e12, here: false };
const MODEL: ModelPair = {
  name: "pair",
  target_bytes: 1e9,
  draft_bytes: 1e8,
  target_row_bytes: 1e7,
  draft_row_bytes: 1e6,
  target_flops: 1e9,
  draft_flops: 1e8,
};

test("a roofline: reading limits a pass, or computing does", () => {
  const one = rooflineCosts(MACHINE, MODEL, 1);
  expect(one.target(1)).toBeCloseTo(1.01, 12); // (1e9 + 1e7) / 1e9
  expect(one.target(8)).toBeCloseTo(1.01, 12); // 8e9 / 1e12 is less
  expect(one.draft).toBeCloseTo(0.101, 12);
  const many = rooflineCosts({ ...MACHINE, flops: 1e10 }, MODEL, 32);
  expect(many.target(1)).toBeCloseTo(3.2, 12); // 32 · 1e9 / 1e10, reading takes 1.32
  expect(many.target(5)).toBeCloseTo(16, 12);
  expect(many.draft).toBeCloseTo(0.32, 12); // 32 · 1e8 / 1e10, reading takes 0.132
  expect(speedup(0.8, 4, many)).toBeCloseTo((3.3616 * 3.2) / (4 * 0.32 + 16), 12);
  expect(bestLength(0.8, many)).toBe(0);
});
