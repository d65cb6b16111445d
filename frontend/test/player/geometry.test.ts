import { expect, test } from "vitest";

import { barHeight, levelFor, noPeaks, piecesOf, speakerAt, visibleSeconds, writePeaks, zoomed } from "../../src/player/geometry";

const LEVELS = [
  { seconds: 0.01, count: 6000 },
  { seconds: 0.1, count: 600 },
  { seconds: 1, count: 60 },
];

test.each([
  [0.001, 0], // closer than the finest: the finest
  [0.05, 0],
  [0.1, 1],
  [0.5, 1],
  [1, 2],
  [30, 2],
])("at %f seconds a pixel the coarsest resolution that has a peak for each is %i", (perPixel, level) => {
  expect(levelFor(LEVELS, perPixel)).toBe(level);
});

test("without resolutions there is none", () => expect(levelFor([], 1)).toBe(-1));

test("pieces are those that hold the part, inside the recording", () => {
  const level = { seconds: 0.01, count: 6000 };
  expect(piecesOf(level, 0, 9, 1000)).toEqual([0]);
  expect(piecesOf(level, 9.5, 30, 1000)).toEqual([0, 1, 2, 3]);
  expect(piecesOf(level, 55, 999, 1000)).toEqual([5]);
  expect(piecesOf(level, -4, 1, 1000)).toEqual([0]);
  expect(piecesOf({ seconds: 0.01, count: 0 }, 0, 5, 1000)).toEqual([]);
});

test("peaks are written from their place on, and none beyond the end", () => {
  const peaks = noPeaks(3);
  writePeaks(peaks, 1, new DataView(new Int8Array([-127, 0, 0, 127, -64, 64]).buffer));
  expect([...peaks[0]].map((peak) => Math.round(100 * peak))).toEqual([0, 0, 100]);
  expect([...peaks[1]].map((peak) => Math.round(100 * peak))).toEqual([0, 100, 0]);
});

test("a stretch that lies on one side of zero has no bar on the other", () => {
  const peaks = noPeaks(1);
  writePeaks(peaks, 0, new DataView(new Int8Array([20, 60]).buffer));
  expect([peaks[0][0], peaks[1][0]]).toEqual([expect.closeTo(60 / 127, 5), 0]);
});

test("quiet recordings are as high as loud ones, silence is not blown up", () => {
  const peaks = noPeaks(2);
  expect(barHeight(peaks)).toBeCloseTo(0.94 / 0.05);
  peaks[1][1] = 0.5;
  expect(barHeight(peaks)).toBeCloseTo(1.88);
});

test("a zoom goes from the whole recording to 400 pixels a second", () => {
  expect(zoomed(0, 2, 1.5)).toBe(3);
  expect(zoomed(3, 2, 0.5)).toBe(2);
  expect(zoomed(300, 2, 1.5)).toBe(400);
});

test("what is seen of a scrolled strip", () => {
  expect(visibleSeconds(100, 200, 800, 40)).toEqual([5, 15]);
  expect(visibleSeconds(0, 1000, 800, 40)).toEqual([0, 40]); // wider than the strip
  expect(visibleSeconds(0, 0, 0, 40)).toEqual([0, 0]); // out of sight
});

test("who speaks at a time", () => {
  const turns = [[0, 2, "Ada"], [3, 5, "Bob"]] as const; // prettier-ignore
  expect([-1, 0, 1.9, 2.5, 3, 9].map((time) => speakerAt(turns, time))).toEqual(["", "Ada", "Ada", "", "Bob", ""]);
});
