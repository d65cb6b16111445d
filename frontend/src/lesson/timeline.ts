// When a lane of the race did what: its rounds on the clock that its total was measured by.

import type { Lane, LessonRound } from "./protocol";

/** A round on the clock, in ms: the draft from `start` to `verify`, the target's pass from there to `end`. */
export interface Block {
  readonly round: LessonRound;
  readonly start: number;
  readonly verify: number;
  readonly end: number;
}

export interface Timeline {
  /** Until when the encoder works. */
  readonly encoded: number;
  readonly blocks: readonly Block[];
  readonly total: number;
}

/**
 * Put a lane's rounds on its clock. Only their lengths were measured: what the total has more than encoder and rounds
 * (work of the host) is spread evenly behind the rounds.
 */
export function timeline({ total_ms, rounds }: Lane, encode_ms: number): Timeline {
  const decoding = rounds.reduce((sum, { draft_ms, verify_ms }) => sum + draft_ms + verify_ms, 0);
  const encoded = Math.min(encode_ms, Math.max(0, total_ms - decoding)); // 0 where the total is that of decoding alone
  const total = Math.max(total_ms, decoding);
  const gap = rounds.length === 0 ? 0 : (total - encoded - decoding) / rounds.length;
  let at = encoded;
  const blocks = rounds.map((round) => {
    const start = at;
    const verify = start + round.draft_ms;
    const end = verify + round.verify_ms;
    at = end + gap;
    return { round, start, verify, end };
  });
  return { encoded, blocks, total };
}

/** Where a lane's milliseconds went; `rest`: neither encoder nor round. */
export interface Parts {
  readonly total: number;
  readonly encoder: number;
  readonly draft: number;
  readonly verify: number;
  readonly rest: number;
  readonly passes: number;
}

export function parts({ encoded, blocks, total }: Timeline): Parts {
  const draft = blocks.reduce((sum, { start, verify }) => sum + verify - start, 0);
  const verify = blocks.reduce((sum, block) => sum + block.end - block.verify, 0);
  return { total, encoder: encoded, draft, verify, rest: Math.max(0, total - encoded - draft - verify), passes: blocks.length };
}

/** How many rounds are over at a time. */
export function finished({ blocks, total }: Timeline, time: number): number {
  if (time >= total) return blocks.length;
  const next = blocks.findIndex(({ end }) => end > time);
  return next < 0 ? blocks.length : next;
}

/** The text that rounds have written so far, without marks such as `<|0.00|>`. */
export function written(rounds: readonly LessonRound[]): string {
  return rounds
    .flatMap(({ tokens }) => tokens)
    .filter(({ verdict, text }) => verdict !== "r" && !isMark(text))
    .map(({ text }) => text)
    .join("");
}

/** Whether a token is a timestamp or another of Whisper's special tokens. */
export function isMark(text: string): boolean {
  return /^<\|.*\|>$/.test(text);
}

/** Milliseconds for people. */
export function milliseconds(time: number): string {
  const shown = time > 0 && time < 10 ? time.toFixed(1) : Math.round(time).toLocaleString("en-US");
  return `${shown} ms`;
}
