// How a draft's token is accepted or replaced: the two rules that write exactly what the target alone would, and two
// that look as if they did.

/** A source of numbers from 0 up to 1. */
export type Random = () => number;

/** mulberry32: a small generator; the same seed gives the same numbers. */
export function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One token written: what was drafted, whether that was kept, and how it came to be, for a sentence. */
export interface Draw {
  readonly draft: number;
  readonly accepted: boolean;
  readonly written: number;
  /** The chance to be kept, and the number that decided; where the rule has them. */
  readonly chance?: number;
  readonly die?: number;
  /** The target's token, where the rule draws one for each draft. */
  readonly target?: number;
}

export interface Rule {
  readonly name: string;
  readonly lossless: boolean;
  /** What it does, in a sentence. */
  readonly says: string;
  draw(p: readonly number[], q: readonly number[], random: Random): Draw;
  /** The share of drafts that are accepted, computed. */
  acceptance(p: readonly number[], q: readonly number[]): number;
  /** How that is computed, as a formula. */
  readonly formula: string;
}

/** Sample an index by its weight. */
export function sample(weights: readonly number[], random: Random): number {
  let rest = random() * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (const [i, weight] of weights.entries()) {
    if (weight <= 0) continue;
    last = i;
    rest -= weight;
    if (rest < 0) return i;
  }
  return last;
}

/** Gumbel noise: argmax of log p + noise is a sample of p. */
function gumbel(count: number, random: Random): number[] {
  return Array.from({ length: count }, () => -Math.log(-Math.log(Math.max(random(), 2 ** -33))));
}

function argmax(p: readonly number[], noise: readonly number[]): number {
  let [best, most] = [0, -Infinity];
  for (const [i, share] of p.entries()) {
    const value = Math.log(share) + (noise[i] ?? 0);
    if (value > most) [best, most] = [i, value];
  }
  return best;
}

/** What is left of the target's distribution where the draft's is taken away: max(p − q, 0), not yet normalised. */
export function residual(p: readonly number[], q: readonly number[]): number[] {
  return p.map((share, i) => Math.max(share - (q[i] ?? 0), 0));
}

/** Keep a sample of q with probability min(1, p/q); else write what `instead` gives. */
function byRejection(instead: (p: readonly number[], q: readonly number[]) => readonly number[]): Rule["draw"] {
  return (p, q, random) => {
    const draft = sample(q, random);
    const chance = Math.min(1, (p[draft] ?? 0) / (q[draft] ?? 1));
    const die = random();
    const accepted = die < chance;
    return { draft, accepted, written: accepted ? draft : sample(instead(p, q), random), chance, die };
  };
}

/** 1 − TV(p, q): the mass that both share. */
function overlap(p: readonly number[], q: readonly number[]): number {
  return p.reduce((sum, share, i) => sum + Math.min(share, q[i] ?? 0), 0);
}

/** The chance that both choose the same token where the noise is shared: Σᵢ 1 / Σⱼ max(pⱼ/pᵢ, qⱼ/qᵢ). */
function coupled(p: readonly number[], q: readonly number[]): number {
  return p.reduce((total, pi, i) => {
    const qi = q[i] ?? 0;
    if (pi === 0 || qi === 0) return total;
    return total + 1 / p.reduce((sum, pj, j) => sum + Math.max(pj / pi, (q[j] ?? 0) / qi), 0);
  }, 0);
}

export const RULES = {
  rejection: {
    name: "Rejection (Leviathan, Chen)",
    lossless: true,
    says:
      "A token of the draft is kept with probability min(1, p/q); a rejected one is replaced by a sample of the residual, " +
      "max(p − q, 0) normalised.",
    draw: byRejection(residual),
    acceptance: overlap,
    formula: "1 − TV(p, q)",
  },
  coupled: {
    name: "Shared noise (coupled Gumbel)",
    lossless: true,
    says:
      "Draft and target add the same Gumbel noise to their log-probabilities and take the largest; the target’s token is " +
      "written, and the draft is accepted where it is the same.",
    draw: (p, q, random) => {
      const noise = gumbel(p.length, random);
      const [draft, target] = [argmax(q, noise), argmax(p, noise)];
      return { draft, accepted: draft === target, written: target, target };
    },
    acceptance: coupled,
    formula: "Σᵢ 1 / Σⱼ max(pⱼ/pᵢ, qⱼ/qᵢ)",
  },
  residual: {
    name: "Broken: no residual",
    lossless: false,
    says:
      "A token of the draft is kept with probability min(1, p/q), but a rejected one is replaced by a plain sample of p: " +
      "what the draft likes is written too often.",
    draw: byRejection((p) => p),
    acceptance: overlap,
    formula: "1 − TV(p, q)",
  },
  noise: {
    name: "Broken: noise not shared",
    lossless: false,
    says:
      "Draft and target choose with noise of their own; where they differ, a fresh sample of p is written: what both " +
      "like is written too often.",
    draw: (p, q, random) => {
      const [draft, target] = [argmax(q, gumbel(q.length, random)), argmax(p, gumbel(p.length, random))];
      const accepted = draft === target;
      return { draft, accepted, written: accepted ? draft : sample(p, random), target };
    },
    acceptance: (p, q) => p.reduce((sum, share, i) => sum + share * (q[i] ?? 0), 0),
    formula: "Σᵢ pᵢ qᵢ",
  },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
