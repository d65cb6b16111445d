import { describe, expect, test, vi } from "vitest";

import { Brush } from "../../src/explorer/brush";
import { barHeights, described, dragged, edgeOf, figure, rangeOf } from "../../src/explorer/histogram";

const HISTOGRAM = { edges: [0, 0.25, 0.5, 0.75, 1], counts: [4, 0, 1, 100], unknown: 3 };

test("a few are seen beside many, and only none is nothing", () => {
  expect(barHeights([0, 1, 25, 100, 10_000])).toEqual([0, 4, 5, 10, 100]);
  expect(barHeights([0, 0])).toEqual([0, 0]);
});

test("a value stands at the edge that is at or after it", () => {
  expect([0, 0.2, 0.25, 0.5 + 1e-12, 9].map((value) => edgeOf(HISTOGRAM, value))).toEqual([0, 1, 1, 2, 4]);
});

test("what lies between two edges; the last bar holds what is beyond, and all is no range", () => {
  expect(rangeOf(HISTOGRAM, 1, 3)).toEqual([0.25, 0.75]);
  expect(rangeOf(HISTOGRAM, 2, 4)).toEqual([0.5, Number.MAX_VALUE]);
  expect(rangeOf(HISTOGRAM, 0, 4)).toBeNull();
});

test("a range is written as the figure is", () => {
  expect(described(HISTOGRAM, "share", 0, 4)).toBe("0 % to 100 %; 3 unknown");
  expect(described(HISTOGRAM, "rate", 2, 4)).toBe("50 % to 100 % and more");
  expect(described(HISTOGRAM, "rate", 1, 3)).toBe("25 % to 75 %");
  expect([figure("duration", 2.5), figure("duration", 75)]).toEqual(["2.5 s", "1:15"]);
});

describe("a drag", () => {
  test.each([
    [1.2, 3.4, [1, 4]],
    [3.4, 1.2, [1, 4]],
    [2.1, 2.3, [2, 3]],
    [-5, 99, [0, 4]],
    [99, 99, [3, 4]],
  ])("from %f to %f takes in bars %j", (from, to, edges) => expect(dragged(from, to, 4)).toEqual(edges));
});

function brushed(): { brush: Brush; low: HTMLInputElement; high: HTMLInputElement; bars: HTMLElement; changed: ReturnType<typeof vi.fn> } {
  const changed = vi.fn();
  const brush = new Brush("Confidence", "share", changed);
  brush.show(HISTOGRAM, null);
  const [low, high] = [...brush.element.querySelectorAll("input")];
  const bars = brush.element.querySelector<HTMLElement>(".bars");
  if (low === undefined || high === undefined || bars === null) throw new Error("not drawn");
  bars.setPointerCapture = () => undefined;
  bars.getBoundingClientRect = () => ({ left: 0, width: 400 }) as DOMRect;
  return { brush, low, high, bars, changed };
}

const pointer = (type: string, clientX: number): Event => Object.assign(new Event(type), { clientX, pointerId: 1 });

test("handles do not pass each other", () => {
  const { low, high, changed } = brushed();
  [low.value, high.value] = ["3", "2"];
  low.dispatchEvent(new Event("input"));
  expect([low.value, high.value]).toEqual(["1", "2"]);
  expect(changed).toHaveBeenLastCalledWith([0.25, 0.5]);
});

test("a drag over the bars brushes, and a click brushes all", () => {
  const { brush, low, high, bars, changed } = brushed();
  bars.dispatchEvent(pointer("pointerdown", 110));
  bars.dispatchEvent(pointer("pointermove", 290));
  expect(changed).not.toHaveBeenCalled(); // until it ends
  bars.dispatchEvent(pointer("pointerup", 290));
  expect(changed).toHaveBeenLastCalledWith([0.25, 0.75]);
  expect([...bars.children].map((bar) => bar.classList.contains("out"))).toEqual([true, false, false, true]);
  expect(brush.element.querySelector(".number")?.textContent).toBe("25 % to 75 %");
  bars.dispatchEvent(pointer("pointerdown", 200));
  bars.dispatchEvent(pointer("pointerup", 201));
  expect(changed).toHaveBeenLastCalledWith(null);
  expect([low.value, high.value]).toEqual(["0", "4"]);
  bars.dispatchEvent(pointer("pointermove", 10)); // it has ended
  expect(low.value).toBe("0");
});

test("a range that is known already stands at its edges", () => {
  const { brush, low, high } = brushed();
  brush.show(HISTOGRAM, [0.5, Number.MAX_VALUE]);
  expect([low.value, high.value]).toEqual(["2", "4"]);
  expect(low.getAttribute("aria-valuetext")).toBe("50 %");
});
