import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { RowSound } from "../../src/explorer/rowsound";
import { Kernel } from "../../src/shared/kernel";
import { FakeModel } from "../shared/model";

const INFO = { path: null, home: "/home/a", size: 5, mime: null };

interface Shown {
  sound: RowSound;
  model: FakeModel;
  changes: (number | null)[];
  lines: string[];
  /** Give the sound of the recording that was asked for last. */
  give: () => Promise<void>;
}

let playing: HTMLMediaElement | null = null;

function shown(): Shown {
  const model = new FakeModel();
  const sound = new RowSound(new Kernel(model));
  const [changes, lines]: [(number | null)[], string[]] = [[], []];
  sound.onchange = (recording) => changes.push(recording);
  sound.onstatus = (line) => lines.push(line);
  const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve));
  return {
    sound, model, changes, lines,
    give: async () => {
      model.answer(model.sent.length - 1, { value: INFO });
      await settle();
      if (model.sent.at(-1)?.["kind"] === "rowchunk") model.answer(model.sent.length - 1, { value: { mime: "audio/ogg", done: true, seconds: 1 } }, [new ArrayBuffer(2)]);
      await settle();
      await settle();
    },
  }; // prettier-ignore
}

beforeEach(() => {
  vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:sound", revokeObjectURL: () => undefined }));
  Object.defineProperty(HTMLMediaElement.prototype, "src", { configurable: true, set(this: HTMLMediaElement) { queueMicrotask(() => this.dispatchEvent(new Event("loadedmetadata"))); } }); // prettier-ignore
  Object.defineProperty(HTMLMediaElement.prototype, "paused", { configurable: true, get(this: HTMLMediaElement) { return playing !== this; } }); // prettier-ignore
  HTMLMediaElement.prototype.play = function () {
    playing = this; // eslint-disable-line @typescript-eslint/no-this-alias
    return Promise.resolve();
  };
  HTMLMediaElement.prototype.pause = function () {
    if (playing === this) playing = null;
  };
  HTMLMediaElement.prototype.load = () => undefined;
});

afterEach(() => {
  for (const name of ["src", "paused"]) Reflect.deleteProperty(HTMLMediaElement.prototype, name);
  playing = null;
  vi.unstubAllGlobals();
});

test("a recording plays from a second, and stops where it is asked for again", async () => {
  const { sound, changes, give } = shown();
  void sound.toggle(3, 12.5);
  await give();
  expect([sound.playing, playing?.currentTime]).toEqual([3, 12.5]);
  await sound.toggle(3, 12.5);
  expect([sound.playing, changes.at(-1)]).toEqual([null, null]);
});

test("one at a time sounds", async () => {
  const { sound, give } = shown();
  void sound.toggle(3, 0);
  await give();
  const before = playing;
  void sound.toggle(4, 1);
  await give();
  expect(sound.playing).toBe(4);
  expect(playing).not.toBe(before);
});

test("a part of a file stops at its end", async () => {
  const { sound, give } = shown();
  void sound.toggle(3, 2, 9);
  await give();
  if (playing === null) throw new Error("nothing sounds");
  playing.currentTime = 8.9;
  playing.dispatchEvent(new Event("timeupdate"));
  expect(sound.playing).toBe(3);
  playing.currentTime = 9.1;
  playing.dispatchEvent(new Event("timeupdate"));
  expect(sound.playing).toBeNull();
});

test("what was stopped before its sound came does not play", async () => {
  const { sound, give } = shown();
  void sound.toggle(3, 0);
  sound.pause();
  await give();
  expect([sound.playing, playing]).toEqual([null, null]);
});

test("without sound there is a line", async () => {
  const { sound, model, lines } = shown();
  const toggled = sound.toggle(3, 0);
  model.answer(0, { error: "talk.wav is not here any more" });
  await toggled;
  expect(lines).toEqual(["No sound: talk.wav is not here any more."]);
});
