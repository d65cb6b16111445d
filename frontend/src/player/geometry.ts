// Seconds, pixels and peaks of the waveform.

import { lastAtOrBefore } from "../shared/dom";
import type { Document, Level } from "../shared/protocol";

const MAX_PIXELS = 400; // a second

/** Largest values above and below zero, 0 to 1 each, as wavesurfer takes them. */
export type Peaks = readonly [highs: Float32Array, lows: Float32Array];

export function noPeaks(count: number): Peaks {
  return [new Float32Array(count), new Float32Array(count)];
}

/** The coarsest resolution that has a peak for each pixel; -1 where there is none at all. */
export function levelFor(levels: readonly Level[], secondsPerPixel: number): number {
  const level = levels.findIndex((_, index) => (levels[index + 1]?.seconds ?? Infinity) > secondsPerPixel);
  return level < 0 ? levels.length - 1 : level;
}

/** The pieces of so many peaks each that hold a resolution's part between two times. */
export function piecesOf({ seconds, count }: Level, start: number, end: number, size: number): number[] {
  const first = Math.max(0, Math.floor(start / seconds / size));
  const last = Math.min(Math.floor(end / seconds / size), Math.ceil(count / size) - 1);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

/** Write peaks that the kernel sent, a smallest and a largest value from -127 to 127 each, from a place on. */
export function writePeaks([highs, lows]: Peaks, start: number, bytes: DataView): void {
  for (let i = 0; i < bytes.byteLength >> 1 && start + i < highs.length; i++) {
    lows[start + i] = Math.max(0, -bytes.getInt8(2 * i) / 127);
    highs[start + i] = Math.max(0, bytes.getInt8(2 * i + 1) / 127);
  }
}

/** How much the bars are enlarged, so that quiet recordings are as high as loud ones. */
export function barHeight(peaks: Peaks): number {
  let loudest = 0.05;
  for (const channel of peaks) for (const peak of channel) loudest = Math.max(loudest, peak);
  return 0.94 / loudest;
}

/** Pixels a second after a zoom: never fewer than show the whole recording, which `pixels` of 0 means. */
export function zoomed(pixels: number, whole: number, factor: number): number {
  return Math.min(MAX_PIXELS, Math.max(whole, (pixels || whole) * factor));
}

/** The seconds that are seen of a strip of `all` pixels, scrolled by `left`. */
export function visibleSeconds(left: number, width: number, all: number, duration: number): [start: number, end: number] {
  const whole = all || 1;
  return [(left / whole) * duration, ((left + Math.min(width, whole)) / whole) * duration];
}

/** Who speaks at a time; "" for nobody. */
export function speakerAt(turns: Document["turns"], time: number): string {
  const turn = turns[lastAtOrBefore(turns.map(([start]) => start), time)];
  return turn !== undefined && time < turn[1] ? turn[2] : "";
}
