// What a lesson's page holds: the JSON that whisper_magic/notebook/views/ writes beside a lesson's static form.

import type { Sound, Token, Verdict } from "../shared/protocol";

export type { Verdict };

/** A token without the segment in which it stands. */
export type LessonToken = Omit<Token, "segment">;

export interface LessonRound {
  /** Seconds of the recording that it wrote. */
  readonly start: number;
  readonly end: number;
  readonly window: number;
  readonly drafter: string | null; // for people
  readonly proposed: number;
  readonly accepted: number;
  readonly draft_ms: number;
  readonly verify_ms: number;
  readonly tokens: readonly LessonToken[];
}

export interface LessonSound {
  /** Seconds: the length of the part, and where it begins in the recording. */
  readonly duration: number;
  readonly start: number;
  /** 0 to 1, from the part's start to its end. */
  readonly peaks: readonly number[];
  /** The recording, as the kernel gives it. */
  readonly info: Sound | null;
  /** A data: URI, where the sound was embedded. */
  readonly url: string | null;
}

export interface Lane {
  readonly name: string;
  readonly total_ms: number;
  readonly rounds: readonly LessonRound[];
}

export interface RaceData {
  readonly kind: "race";
  readonly title: string;
  readonly sound: LessonSound;
  readonly encode_ms: number;
  readonly text: string;
  /** Whether both lanes wrote the same text. */
  readonly same: boolean;
  /** The target alone, then speculative decoding. */
  readonly lanes: readonly [Lane, Lane];
  readonly notes: readonly string[];
}

export interface StepperData {
  readonly kind: "stepper";
  readonly title: string;
  readonly sound: LessonSound;
  readonly rounds: readonly LessonRound[];
  readonly notes: readonly string[];
}

/** What was measured with drafts of one length. */
export interface Measurement {
  readonly length: number;
  readonly tokens_per_round: number;
  readonly speedup: number;
  readonly acceptance: number;
  /** Cost of a pass of the target over `length + 1` tokens, in passes over one. */
  readonly pass_cost: number;
}

export interface Machine {
  readonly name: string;
  /** Bytes a second. */
  readonly bandwidth: number;
  /** Floating-point operations a second. */
  readonly flops: number;
  readonly here: boolean;
}

export interface ModelPair {
  readonly name: string;
  /** Bytes that each pass reads, whatever the batch. */
  readonly target_bytes: number;
  readonly draft_bytes: number;
  /** Bytes that each pass reads for each window of the batch: its cross-attention keys and values. */
  readonly target_row_bytes: number;
  readonly draft_row_bytes: number;
  /** Floating-point operations a token. */
  readonly target_flops: number;
  readonly draft_flops: number;
}

export interface LabData {
  readonly kind: "lab";
  readonly title: string;
  readonly measured: {
    readonly acceptance: number;
    /** Time of a draft step by that of a pass of the target. */
    readonly cost_ratio: number;
    readonly by_length: readonly Measurement[];
    /** The chance that a draft's token at each position is accepted, given that those before it were. */
    readonly by_position: readonly number[];
  };
  readonly machines: readonly Machine[];
  readonly model: ModelPair;
  readonly notes: readonly string[];
}

export interface BenchData {
  readonly kind: "bench";
  readonly title: string;
  /** The words before. */
  readonly context: string;
  readonly tokens: readonly string[];
  /** The target's and the draft's probabilities, each summing to 1. */
  readonly p: readonly number[];
  readonly q: readonly number[];
  readonly notes: readonly string[];
}

export type LessonData = RaceData | StepperData | LabData | BenchData;

const KINDS: readonly unknown[] = ["race", "stepper", "lab", "bench"] satisfies LessonData["kind"][];

/** A lesson's data; null where the text is not (or not yet wholly) that of a lesson. */
export function parse(text: string): LessonData | null {
  try {
    const data = JSON.parse(text) as unknown;
    return typeof data === "object" && data !== null && KINDS.includes((data as Partial<LessonData>).kind)
      ? (data as LessonData)
      : null;
  } catch {
    return null;
  }
}
