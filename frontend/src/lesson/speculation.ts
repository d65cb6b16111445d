// What speculative decoding gains, computed: tokens a round (Leviathan et al. 2023, "Fast Inference from Transformers via
// Speculative Decoding", https://arxiv.org/abs/2211.17192) and the time of a pass by a roofline.

import type { Machine, ModelPair } from "./protocol";

export const MAX_LENGTH = 7; // tokens of a draft
export const BATCHES = [1, 4, 8, 16, 32] as const; // windows decoded at once

/**
 * Tokens that a round writes on average: E = (1 − a^(k+1)) / (1 − a) (eq. 1).
 *
 * @param acceptance a: the chance that a draft's token is accepted, the same and independent at each position.
 * @param length k: tokens of a draft.
 */
export function expectedTokens(acceptance: number, length: number): number {
  return acceptance >= 1 ? length + 1 : (1 - acceptance ** (length + 1)) / (1 - acceptance);
}

/** What a round costs. The unit does not matter. */
export interface Costs {
  /** A step of the draft: it reads one token a window. */
  readonly draft: number;
  /** A pass of the target over a number of tokens a window. */
  readonly target: (tokens: number) => number;
}

/** What a pass over a draft of some length costs, in passes over one token. */
export interface PassCost {
  readonly length: number;
  readonly pass_cost: number;
}

/**
 * As it was measured: a pass of the target over one token costs 1.
 *
 * @param measured Passes over longer blocks, by length; between two of them on a line, without any 1 as well.
 */
export function ratioCosts(ratio: number, measured: readonly PassCost[] = []): Costs {
  const points = [{ length: 0, pass_cost: 1 }, ...measured].sort((a, b) => a.length - b.length);
  const target = (tokens: number): number => {
    const after = points.findIndex(({ length }) => length >= tokens - 1);
    const [from, to] = [points[after - 1], points[after]];
    if (to === undefined) return points.at(-1)?.pass_cost ?? 1;
    if (from === undefined) return to.pass_cost;
    return from.pass_cost + ((to.pass_cost - from.pass_cost) * (tokens - 1 - from.length)) / (to.length - from.length);
  };
  return { draft: ratio, target };
}

/** Seconds of a pass: as long as it takes to read what it reads, or to compute what it computes. */
function passSeconds(machine: Machine, bytes: number, flops: number): number {
  return Math.max(bytes / machine.bandwidth, flops / machine.flops);
}

/** By a roofline: each pass reads the weights once, and each window's cross-attention keys and values. */
export function rooflineCosts(machine: Machine, model: ModelPair, batch: number): Costs {
  const { target_bytes, target_row_bytes, target_flops, draft_bytes, draft_row_bytes, draft_flops } = model;
  return {
    draft: passSeconds(machine, draft_bytes + batch * draft_row_bytes, batch * draft_flops),
    target: (tokens) => passSeconds(machine, target_bytes + batch * target_row_bytes, batch * tokens * target_flops),
  };
}

/** How many times as fast as the target alone: S = E · T_target(1) / (k · T_draft + T_target(k + 1)). */
export function speedup(acceptance: number, length: number, { draft, target }: Costs): number {
  return (expectedTokens(acceptance, length) * target(1)) / (length * draft + target(length + 1));
}

/** The length of a draft that is fastest, the shortest of equals: 0 where none is faster than the target alone. */
export function bestLength(acceptance: number, costs: Costs): number {
  let best = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    if (speedup(acceptance, length, costs) > speedup(acceptance, best, costs) + 1e-9) best = length;
  }
  return best;
}
