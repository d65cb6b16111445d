// What the page and the kernel say to each other: the other side is whisper_magic/notebook/widgets/messages.py.
// The page asks, the kernel answers with the same `id`; a notice comes without one.

/** A word: text with its leading space, start and end in seconds, probability 0 to 1. */
export type Word = readonly [text: string, start: number, end: number, probability: number];

export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly words: readonly Word[];
  readonly flags: readonly string[];
  readonly language: string | null;
}

/** Seconds that were left out, and why. */
export interface Gap {
  readonly start: number;
  readonly end: number;
  readonly why: string;
}

/** A resolution of the waveform. */
export interface Level {
  readonly seconds: number;
  readonly count: number;
}

export interface Sound {
  /** Absolute path on the kernel's machine; null where the sound is in no file. */
  readonly path: string | null;
  /** The kernel's home folder: servers shorten theirs to `~`. */
  readonly home: string;
  /** Bytes of the file. */
  readonly size: number;
  /** What a browser calls the file as it is; null where it cannot play it. */
  readonly mime: string | null;
}

export interface Document {
  readonly title: string;
  readonly details: readonly string[];
  readonly warning: string | null;
  readonly duration: number;
  /** Of the source at which the transcript begins: its times count from the source's start. */
  readonly language: string | null;
  readonly segments: readonly Segment[];
  readonly gaps: readonly Gap[];
  readonly sound: Sound | null;
  readonly levels: readonly Level[];
  readonly formats: readonly string[];
  /** Whether rounds were recorded. */
  readonly rounds: number;
  /** Below the text, a line each. */
  readonly foot: readonly string[];
}

/** a: accepted draft, r: rejected draft, t: the target's own. */
export type Verdict = "a" | "r" | "t";

export interface Round {
  readonly start: number;
  readonly end: number;
  readonly window: number;
  /** Index of the segment in which its first token stands; -1 for none. */
  readonly segment: number;
  readonly position: number;
  readonly drafter: string | null;
  readonly accepted: number;
  readonly proposed: number;
  readonly draft_ms: number;
  readonly verify_ms: number;
  readonly temperature: number;
  readonly tokens: readonly (readonly [text: string, verdict: Verdict])[];
}

/** What the page may ask, and what it gets. */
export interface Answers {
  document: { ask: object; get: Document };
  peaks: { ask: { level: number; start: number; count: number }; get: { complete: boolean; count: number } };
  sound: { ask: { offset: number }; get: { mime: string; done: boolean; seconds: number } };
  trace: { ask: object; get: { rounds: readonly Round[]; note: string | null } };
  file: { ask: { format: string }; get: { name: string; text: string } };
}

export type Kind = keyof Answers;

export interface Reply<K extends Kind> {
  readonly value: Answers[K]["get"];
  readonly buffers: readonly DataView[];
}

/** The part of anywidget's model that is used here (https://anywidget.dev/en/afm/). */
export interface Model {
  get(name: string): unknown;
  on(name: string, callback: (...args: never[]) => void): void;
  off(name: string, callback?: (...args: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
}
