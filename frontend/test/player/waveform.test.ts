import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Waveform, type Span } from "../../src/player/waveform";
import { Kernel } from "../../src/shared/kernel";
import type { Document } from "../../src/shared/protocol";
import { FakeModel } from "../shared/model";
import { FakeRegions, FakeSurfer } from "./surfer";

vi.mock("wavesurfer.js", async () => ({ default: (await import("./surfer")).FakeSurfer }));
vi.mock("wavesurfer.js/plugins/regions", async () => ({ default: (await import("./surfer")).FakeRegions }));

const LEVELS = [{ seconds: 0.01, count: 6000 }, { seconds: 0.1, count: 600 }]; // prettier-ignore

interface Shown {
  waveform: Waveform;
  model: FakeModel;
  surfer: FakeSurfer;
  seeks: number[];
  regions: (Span | null)[];
  views: [number, number][];
}

function shown(duration = 60, levels = LEVELS): Shown {
  const model = new FakeModel();
  const [seeks, regions, views]: [number[], (Span | null)[], [number, number][]] = [[], [], []];
  const waveform = new Waveform(document.createElement("audio"), new Kernel(model), duration, levels, {
    onseek: (time) => seeks.push(time),
    onregion: (region) => regions.push(region),
    onview: (start, end) => views.push([start, end]),
  });
  const surfer = FakeSurfer.last;
  Object.defineProperty(waveform.element, "clientWidth", { value: 600 });
  Object.defineProperty(surfer.wrapper, "scrollWidth", { configurable: true, value: 600 });
  document.body.append(waveform.element);
  return { waveform, model, surfer, seeks, regions, views };
}

const peaks = (model: FakeModel, index: number, complete = true): void =>
  model.answer(index, { value: { complete, count: 2 } }, [new Int8Array([-127, 127, 0, 64]).buffer]);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

test("peaks are pulled once, at the resolution that the pixels need", async () => {
  const { model, surfer } = shown();
  surfer.emit("scroll", 0, 60);
  surfer.emit("scroll", 0, 60);
  expect(model.sent).toMatchObject([{ kind: "peaks", level: 1, start: 0, count: 20_000 }]);
  peaks(model, 0);
  await vi.advanceTimersByTimeAsync(2000);
  const drawn = surfer.options.at(-1) as { peaks: Float32Array[]; barHeight: number };
  expect([drawn.peaks[0]?.[0], drawn.peaks[1]?.[0], drawn.barHeight]).toEqual([1, 1, expect.closeTo(0.94)]);
  expect(model.sent).toHaveLength(1);
});

test("a closer look pulls finer peaks", () => {
  const { model, surfer } = shown();
  surfer.emit("scroll", 0, 60);
  Object.defineProperty(surfer.wrapper, "scrollWidth", { configurable: true, value: 6000 });
  surfer.emit("scroll", 0, 6);
  expect(model.sent.map(({ level }) => level)).toEqual([1, 0]);
});

test("peaks that are not there yet are asked for again, unless the waveform is gone", async () => {
  const { waveform, model, surfer } = shown();
  surfer.emit("scroll", 0, 60);
  peaks(model, 0, false);
  await vi.advanceTimersByTimeAsync(1000);
  expect(model.sent).toHaveLength(2);
  peaks(model, 1, false);
  await vi.advanceTimersByTimeAsync(0);
  waveform.dispose();
  await vi.advanceTimersByTimeAsync(1000);
  expect(model.sent).toHaveLength(2);
  expect(surfer.destroyed).toBe(true);
});

test("what the kernel could not give is asked for when it is next in sight", async () => {
  const { model, surfer } = shown();
  surfer.emit("scroll", 0, 60);
  model.answer(0, { error: "busy" });
  await vi.advanceTimersByTimeAsync(0);
  surfer.emit("scroll", 0, 60);
  expect(model.sent).toHaveLength(2);
});

test("a click seeks, and what is seen is reported", () => {
  const { surfer, seeks, views } = shown();
  surfer.emit("interaction", 12.5);
  surfer.emit("scroll", 10, 20);
  expect([seeks, views]).toEqual([[12.5], [[10, 20]]]);
});

test("one stretch at a time is marked", () => {
  const { waveform, regions } = shown();
  waveform.select({ start: 1, end: 2 });
  waveform.select({ start: 5, end: 6 });
  expect(regions).toEqual([{ start: 1, end: 2 }, { start: 5, end: 6 }]); // prettier-ignore
  expect(FakeRegions.last.regions.map(({ start }) => start)).toEqual([5]);
  waveform.clearRegion();
  expect(FakeRegions.last.regions).toEqual([]);
});

test("a zoom stays between the whole recording and 400 pixels a second", () => {
  const { waveform, surfer } = shown();
  for (const factor of [2, 0.1, 1000]) waveform.zoom(factor);
  expect(surfer.zooms).toEqual([20, 0, 400]); // 0: the whole
});

test("the wheel zooms with a modifier only", () => {
  const { waveform, surfer } = shown();
  const wheel = (more: WheelEventInit): boolean => {
    const event = new WheelEvent("wheel", { cancelable: true, deltaY: -1, ...more });
    waveform.element.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect([wheel({}), wheel({ ctrlKey: true })]).toEqual([false, true]);
  expect(surfer.zooms).toEqual([12.5]);
});

test("a screen reader hears whole seconds, and who speaks", () => {
  const { waveform } = shown();
  const text = (): string | null => waveform.element.getAttribute("aria-valuetext");
  waveform.marks({ gaps: [], segments: [], turns: [[0, 5, "Ada"]] } as unknown as Document);
  waveform.moved(2.2);
  expect(text()).toBe("2 seconds of 1 minute, Ada");
  waveform.element.setAttribute("aria-valuetext", "as it was");
  waveform.moved(2.4); // the same second: nothing new to say
  expect(text()).toBe("as it was");
  waveform.moved(30);
  expect(text()).toBe("30 seconds of 1 minute");
});

test("gaps, flags and turns are marked where they are; another text takes the marks along", () => {
  const { waveform, surfer } = shown();
  const gaps = [{ start: 30, end: 36, why: "silence" }];
  const segments = [{ start: 0, end: 6, flags: "loop" }, { start: 6, end: 9, flags: "" }]; // prettier-ignore
  waveform.marks({ gaps, segments, turns: [[0, 30, "Ada"]] } as unknown as Document);
  const marks = [...surfer.wrapper.children] as HTMLElement[];
  expect(marks.map(({ title, style }) => [title, style.left, style.width])).toEqual([
    ["silence", "50%", "10%"],
    ["⚑ loop", "0%", "10%"],
    ["Ada", "0%", "50%"],
  ]);
  waveform.marks({ gaps: [], segments: [], turns: [] } as unknown as Document);
  expect(surfer.wrapper.childElementCount).toBe(0);
});

test("a long recording has a minimap and shows its first minutes", () => {
  expect(shown().waveform.minimap).toBeNull();
  const { waveform, surfer } = shown(3600);
  expect(waveform.minimap).not.toBeNull();
  surfer.emit("ready");
  expect(surfer.zooms).toEqual([expect.closeTo(600 / (0.98 * 120), 5)]);
});
