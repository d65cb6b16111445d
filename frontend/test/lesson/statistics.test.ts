import { expect, test } from "vitest";

import { chiSquared, totalVariation, upperGamma } from "../../src/lesson/statistics";

// Critical values of printed tables (NIST/SEMATECH e-Handbook, 1.3.6.7.4), and exact values: for 2 degrees e^(−x/2).
test.each([
  [1, 3.841, 0.05],
  [1, 6.635, 0.01],
  [1, 10.828, 0.001],
  [3, 7.815, 0.05],
  [5, 11.07, 0.05],
  [5, 20.515, 0.001],
  [10, 18.307, 0.05],
  [30, 43.773, 0.05],
  [100, 124.342, 0.05],
])("with %d degrees of freedom %f is exceeded with probability %f", (freedom, statistic, probability) => {
  expect(Math.abs(upperGamma(freedom / 2, statistic / 2) / probability - 1)).toBeLessThan(2e-3);
});

test.each([0.1, 1, 3, 10, 50])("with 2 and 4 degrees the tail at %f is elementary", (x) => {
  expect(upperGamma(1, x / 2)).toBeCloseTo(Math.exp(-x / 2), 14);
  expect(upperGamma(2, x / 2)).toBeCloseTo(Math.exp(-x / 2) * (1 + x / 2), 14);
});

test("the whole is certain, and far away there is nothing", () => {
  expect(upperGamma(2.5, 0)).toBe(1);
  expect(upperGamma(2.5, 1e4)).toBe(0);
});

test("total variation", () => {
  expect(totalVariation([0.5, 0.5, 0], [0.2, 0.3, 0.5])).toBeCloseTo(0.5, 14);
  expect(totalVariation([1, 0], [0, 1])).toBe(1);
  expect(totalVariation([0.3, 0.7], [0.3, 0.7])).toBe(0);
});

test("Pearson's statistic", () => {
  // a die thrown 600 times
  const { statistic, freedom, pValue } = chiSquared([120, 90, 100, 95, 85, 110], Array<number>(6).fill(1 / 6));
  expect(statistic).toBeCloseTo(4 + 1 + 0 + 0.25 + 2.25 + 1, 10);
  expect(freedom).toBe(5);
  // for 5 degrees: erfc(√(x/2)) + √(2x/π) e^(−x/2) (1 + x/3)
  expect(pValue).toBeCloseTo(0.1307477893, 9);
});

test("cells of which little is expected are pooled", () => {
  const rare = chiSquared([90, 4, 3, 3], [0.9, 0.04, 0.03, 0.03]); // 4 + 3 + 3 = 10 expected in one cell
  expect([rare.freedom, rare.statistic]).toEqual([1, 0]);
  const rest = chiSquared([50, 48, 2], [0.49, 0.49, 0.02]); // 2 expected: to the last cell
  expect(rest.freedom).toBe(1);
  expect(chiSquared([3, 0], [0.5, 0.5]).freedom).toBe(0); // too few to tell
});

test("what the target never writes cannot be written", () => {
  expect(chiSquared([999, 1], [1, 0]).pValue).toBe(0);
});
