import { describe, expect, test } from "vitest";

import { mulberry32, residual, RULES, sample, type Rule } from "../../src/lesson/rules";
import { chiSquared, totalVariation } from "../../src/lesson/statistics";

const DRAWS = 200_000;
const P = [0.45, 0.3, 0.15, 0.1, 0];
const Q = [0.2, 0.35, 0.05, 0.3, 0.1];
// 5 standard errors of a share of one half
const BOUND = 5 * Math.sqrt(0.25 / DRAWS);

function drawn(rule: Rule, p = P, q = Q, seed = 7): { counts: number[]; accepted: number } {
  const random = mulberry32(seed);
  const counts = p.map(() => 0);
  let accepted = 0;
  for (let i = 0; i < DRAWS; i++) {
    const draw = rule.draw(p, q, random);
    counts[draw.written] = (counts[draw.written] ?? 0) + 1;
    if (draw.accepted) accepted += 1;
  }
  return { counts, accepted: accepted / DRAWS };
}

test("mulberry32 gives the numbers of its reference, and again the same", () => {
  const random = mulberry32(0);
  const first = [random(), random(), random()].map((value) => value * 2 ** 32);
  expect(first).toEqual([1144304738, 1416247, 958946056]);
  const again = mulberry32(0);
  expect(again() * 2 ** 32).toBe(1144304738);
});

test("sampling by weight", () => {
  expect(sample([0, 0, 3], () => 0)).toBe(2);
  expect(sample([1, 1, 0], () => 0.999999999)).toBe(1);
  expect(sample([2, 6], () => 0.2)).toBe(0);
  expect(sample([2, 6], () => 0.25)).toBe(1);
});

test("the residual", () => {
  expect(residual([0.5, 0.5], [0.2, 0.8])).toEqual([0.3, 0]);
});

describe.each([RULES.rejection, RULES.coupled])("$name", (rule) => {
  const { counts, accepted } = drawn(rule);

  test("writes the target's distribution", () => {
    for (const [i, count] of counts.entries()) expect(Math.abs(count / DRAWS - (P[i] ?? 0))).toBeLessThan(BOUND);
    expect(chiSquared(counts, P).pValue).toBeGreaterThan(0.001);
  });

  test("accepts as often as computed", () => {
    expect(Math.abs(accepted - rule.acceptance(P, Q))).toBeLessThan(BOUND);
  });

  test("holds where both agree, and where they share nothing", () => {
    const agree = drawn(rule, P, P);
    expect(agree.accepted).toBe(1);
    expect(rule.acceptance(P, P)).toBeCloseTo(1, 12);
    expect(chiSquared(agree.counts, P).pValue).toBeGreaterThan(0.001);
    const disjoint = drawn(rule, [0.6, 0.4, 0], [0, 0, 1]);
    expect([disjoint.accepted, rule.acceptance([0.6, 0.4, 0], [0, 0, 1])]).toEqual([0, 0]);
    expect(chiSquared(disjoint.counts, [0.6, 0.4, 0]).pValue).toBeGreaterThan(0.001);
  });
});

// What a broken rule writes: the token's part that is accepted, and p for the rest.
describe.each([
  [RULES.residual, P.map((p, i) => Math.min(p, Q[i] ?? 0))],
  [RULES.noise, P.map((p, i) => p * (Q[i] ?? 0))],
] as const)("$name", (rule, kept) => {
  const { counts, accepted } = drawn(rule);

  test("is found out", () => {
    expect(chiSquared(counts, P).pValue).toBeLessThan(1e-6);
    expect(chiSquared(counts.map((count) => Math.round(count / 10)), P).pValue).toBeLessThan(0.001); // by 20,000 draws
  });

  test("writes what its flaw makes it write", () => {
    const rest = 1 - kept.reduce((sum, share) => sum + share, 0);
    const written = kept.map((share, i) => share + rest * (P[i] ?? 0));
    expect(totalVariation(counts.map((count) => count / DRAWS), written)).toBeLessThan(BOUND);
    expect(Math.abs(accepted - (1 - rest))).toBeLessThan(BOUND);
    expect(rule.acceptance(P, Q)).toBeCloseTo(1 - rest, 12);
  });
});

test("shared noise accepts less often than rejection, never more", () => {
  expect(RULES.coupled.acceptance(P, Q)).toBeLessThan(RULES.rejection.acceptance(P, Q));
});
