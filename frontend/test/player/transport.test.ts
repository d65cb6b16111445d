import { expect, test } from "vitest";

import { Transport } from "../../src/player/transport";
import { h } from "../../src/shared/dom";
import type { Sound } from "../../src/shared/sound";

/** A media element without a decoder: jsdom has none. */
function media(): HTMLAudioElement {
  const made = document.createElement("audio");
  let [time, paused] = [0, true];
  Object.defineProperties(made, {
    currentTime: { get: () => time, set: (t: number) => (time = t) },
    paused: { get: () => paused },
    play: {
      value: () => {
        paused = false;
        made.dispatchEvent(new Event("play"));
        return Promise.resolve();
      },
    },
    pause: {
      value: () => {
        paused = true;
        made.dispatchEvent(new Event("pause"));
      },
    },
  });
  return made;
}

function made(exists = true): { transport: Transport; sound: Sound; moves: [number, boolean][]; lines: string[] } {
  const [moves, lines]: [[number, boolean][], string[]] = [[], []];
  const sound = { media: media(), way: "file", exists, ready: () => Promise.resolve() } as unknown as Sound;
  const transport = new Transport(sound, 20, h("div"), [], {
    onmoved: (time, playing) => moves.push([time, playing]),
    onloop: () => undefined,
    onstatus: (line) => lines.push(line),
  });
  return { transport, sound, moves, lines };
}

test("seeking stays inside the recording, and is reported", () => {
  const { transport, moves } = made();
  for (const time of [5, -3, 99]) transport.seek(time);
  expect(moves).toEqual([[5, false], [0, false], [20, false]]); // prettier-ignore
  expect(transport.element.querySelector(".clock")?.textContent).toBe("0:20 / 0:20");
});

test("a looped stretch begins again at its end, while it plays", async () => {
  const { transport } = made();
  transport.looped = { start: 4, end: 6 };
  transport.seek(7);
  expect(transport.time).toBe(7); // nobody is pulled back who only looks
  await transport.play();
  transport.seek(6.01);
  expect(transport.time).toBe(4);
  transport.looped = null;
  transport.seek(7);
  expect(transport.time).toBe(7);
});

test("speed and volume go in steps and stop at their ends", () => {
  const { transport, sound } = made();
  for (let i = 0; i < 20; i++) transport.speedBy(1);
  expect(sound.media.playbackRate).toBe(3);
  for (let i = 0; i < 20; i++) transport.speedBy(-1);
  expect(sound.media.playbackRate).toBe(0.5);
  transport.volumeBy(-0.1);
  expect(sound.media.volume).toBe(0.9);
  for (let i = 0; i < 20; i++) transport.volumeBy(-0.1);
  expect(sound.media.volume).toBe(0);
});

test("one player at a time plays on a page", async () => {
  const [one, other] = [made(), made()];
  await one.transport.play();
  await other.transport.play(3);
  expect([one.sound.media.paused, other.sound.media.paused]).toEqual([true, false]);
});

test("without a recording nothing plays", async () => {
  const { transport, sound } = made(false);
  await transport.toggle();
  expect(sound.media.paused).toBe(true);
  expect(transport.element.querySelector("button")?.disabled).toBe(true);
});
