import { expect, test } from "vitest";

import { clock, h, lastAtOrBefore, spoken } from "../../src/shared/dom";

test.each([
  [0, 0, "0:00"],
  [61.9, 61.9, "1:01"],
  [3599, 3599, "59:59"],
  [61, 7200, "0:01:01"],
  [36_000, 36_000, "10:00:00"],
  [-1, 5, "0:00"],
])("%f s of %f is shown as %s", (seconds, whole, text) => {
  expect(clock(seconds, whole)).toBe(text);
});

test.each([
  [0, "0 seconds"],
  [1, "1 second"],
  [62, "1 minute 2 seconds"],
  [3600, "1 hour"],
])("%f s is read aloud as %s", (seconds, text) => {
  expect(spoken(seconds)).toBe(text);
});

test("the last start at or before a time", () => {
  const starts = [0, 2, 2, 5];
  expect([-1, 0, 1.9, 2, 4.9, 5, 99].map((time) => lastAtOrBefore(starts, time))).toEqual([-1, 0, 0, 2, 2, 3, 3]);
  expect(lastAtOrBefore([], 1)).toBe(-1);
});

test("text is never markup", () => {
  const made = h("p", { title: '"><script>' }, "<img src=x onerror=alert(1)>");
  expect(made.querySelector("img")).toBeNull();
  expect(made.textContent).toBe("<img src=x onerror=alert(1)>");
});
