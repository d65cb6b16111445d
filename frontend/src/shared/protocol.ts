// What the page and the kernel say to each other: the other side is whisper_magic/notebook/widgets/messages.py.
// The page asks, the kernel answers with the same `id`; a notice comes without one.

/** A word: text with its leading space, start and end in seconds, probability 0 to 1. */
export type Word = readonly [text: string, start: number, end: number, probability: number];

/** Somebody speaks, from a second to another. */
export type Turn = readonly [start: number, end: number, name: string];

export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly words: readonly Word[];
  /** Where another speaker is named: before which word. */
  readonly names: readonly (readonly [word: number, name: string])[];
  /** In a line, for people; "" without any. */
  readonly flags: string;
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
  readonly language: string | null;
  readonly segments: readonly Segment[];
  /** In order of time; none where nobody is named. */
  readonly turns: readonly Turn[];
  readonly gaps: readonly Gap[];
  readonly sound: Sound | null;
  readonly levels: readonly Level[];
  readonly formats: readonly string[];
  /** How many changes can be undone. */
  readonly changes: number;
  /** Whether rounds were recorded. */
  readonly rounds: number;
  /** Below the text, a line each. */
  readonly foot: readonly string[];
  /** Whether the transcript still grows. */
  readonly writing: boolean;
  /** Whether this is no transcript, but how far several recordings are. */
  readonly several: boolean;
}

/** a: accepted draft, r: rejected draft, t: the target's own. */
export type Verdict = "a" | "r" | "t";

export interface Token {
  readonly text: string;
  readonly verdict: Verdict;
  /** That in which it stands; of one that stands in none, that of its round. */
  readonly segment: number;
  /** Probabilities by the target and by the draft, where they were recorded. */
  readonly p?: number;
  readonly q?: number;
  /** What the target found likeliest there, the token itself among them. */
  readonly instead?: readonly (readonly [text: string, probability: number])[];
}

export interface Round {
  readonly start: number;
  readonly end: number;
  readonly window: number;
  readonly position: number;
  readonly drafter: string | null; // for people: "the {drafter} proposed"
  readonly accepted: number;
  readonly proposed: number;
  readonly draft_ms: number;
  readonly verify_ms: number;
  readonly temperature: number;
  readonly tokens: readonly Token[];
}

/** What the page may ask, and what it gets. */
export interface Answers {
  document: { ask: object; get: Document };
  peaks: { ask: { level: number; start: number; count: number }; get: { complete: boolean; count: number } };
  mel: { ask: { start: number; end: number }; get: { bins: number } };
  sound: { ask: { offset: number }; get: { mime: string; done: boolean; seconds: number } };
  trace: { ask: object; get: { rounds: readonly Round[]; note: string | null } };
  file: { ask: { format: string }; get: { name: string } };
  words: { ask: object; get: object };
  again: { ask: { start: number; end: number; language: string; task: string }; get: object };
  keep: { ask: object; get: Document };
  undo: { ask: object; get: Document };
  edit: { ask: { segment: number; text: string }; get: Document };
  clip: { ask: { start: number; end: number }; get: { name: string; mime: string } };
  stop: { ask: object; get: object };
}

/** What a recorder may ask; a chunk's bytes are its message's buffer. */
export interface RecorderAnswers {
  chunk: { ask: object; get: object };
  end: { ask: object; get: object };
}

/** What a value of a column is: how it is drawn, and filtered by. */
export type ColumnKind =
  | "select" | "play" | "key" | "name" | "text" | "word" | "duration" | "time" | "share" | "rate" | "number" | "warnings" | "tags" | "switch"
  | "json"; // prettier-ignore

/** A column, as whisper_magic/library/columns.py describes it. */
export interface Column {
  /** Of the value in a row, and of the cell in the style. */
  readonly name: string;
  readonly kind: ColumnKind;
  readonly label: string;
  /** In full, where the label is short for something. */
  readonly title: string;
  /** Its track of the grid; "" where it is only filtered by. */
  readonly width: string;
  /** Which order comes first; "" where one cannot sort by it. */
  readonly sort: "" | "ascending" | "descending";
  readonly filter: "" | "values" | "range";
  /** Whether it is shown only where there are word error rates. */
  readonly scored: boolean;
}

/** A place that a search has found, with the text around it. */
export interface Match {
  readonly before: string;
  readonly match: string;
  readonly after: string;
}

export type Value = string | number | boolean | null | readonly string[] | Match;

/** A recording in the explorer's table, or a place where something was said; what its columns show is found by their names. */
export interface Row {
  readonly recording: number;
  readonly transcript: number | null;
  readonly name: string;
  /** Second at which playing begins, and ends where that is before the file's end. */
  readonly start: number;
  readonly end: number | null;
  readonly hit: Match | null;
  readonly tags: readonly string[];
  readonly note: string;
  readonly accepted: boolean;
  readonly [column: string]: Value;
}

export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly unknown: number;
}

/** What changes while a library grows. */
export interface Facts {
  readonly failures: number;
  /** Whether there are word error rates. */
  readonly scored: boolean;
  readonly runs: readonly { readonly id: number; readonly name: string }[];
}

/** What the explorer draws first. */
export interface First extends Facts {
  readonly path: string;
  readonly readonly: boolean;
  /** How far a run in the background is. */
  readonly run: { readonly state: string; readonly fraction: number | null; readonly running: boolean };
  readonly columns: readonly Column[];
  /** The search whose hits are shown; null where recordings are. */
  readonly query: string | null;
  /** Whether there are more hits. */
  readonly more: boolean;
  readonly total: number;
  /** Length of all. */
  readonly seconds: number | null;
  readonly rows: readonly Row[];
}

export interface Filtered extends Facts {
  readonly token: number;
  readonly total: number;
  readonly of: number;
  readonly seconds: number;
  readonly facets: Readonly<Record<string, readonly (readonly [value: string, count: number])[]>>;
  readonly histograms: Readonly<Record<string, Histogram>>;
  readonly rows: readonly Row[];
}

export interface Difference {
  readonly recording: number;
  readonly name: string;
  /** Word error rate of the second against the first; null where the first holds no word. */
  readonly differs: number | null;
  readonly first: string;
  readonly second: string;
  readonly stretches: readonly { readonly kind: string; readonly first: string; readonly second: string }[];
}

/** What the explorer may ask. */
export interface ExplorerAnswers {
  first: { ask: object; get: First };
  view: { ask: { text: string; filters: string; sort: string; descending: boolean; run: number }; get: Filtered };
  rows: { ask: { token: number; start: number; count: number }; get: readonly Row[] };
  rowsound: { ask: { recording: number }; get: Sound };
  rowchunk: { ask: { recording: number; offset: number }; get: Answers["sound"]["get"] };
  open: { ask: { transcript: number }; get: { model: string } };
  tag: { ask: { recordings: readonly number[]; add: string; remove: string }; get: object };
  note: { ask: { recording: number; text: string }; get: object };
  accept: { ask: { recordings: readonly number[]; accepted: boolean }; get: object };
  select: { ask: { recordings: readonly number[]; token: number; all: boolean }; get: { count: number } };
  differences: { ask: { first: number; second: number }; get: readonly Difference[] };
  failures: { ask: object; get: readonly { readonly name: string; readonly error: string }[] };
  stop: { ask: object; get: object };
}

export interface All extends Answers, RecorderAnswers, ExplorerAnswers {}

export type Kind = keyof All;

/** While the transcript is being written: how far it is, and the segments from `first` on. */
export interface Live {
  readonly notice: "live";
  readonly state: string;
  /** Done, 0 to 1; null where that is not known. */
  readonly fraction: number | null;
  /** Text that may still change. */
  readonly tail: string;
  readonly first: number;
  readonly segments: readonly Segment[];
}

/** What the kernel says by itself: of the transcript that is being written, of the work that `words` or `again` began. */
export type Notice =
  | Live
  | { readonly notice: "run"; readonly state: string; readonly fraction: number | null; readonly running: boolean }
  | { readonly notice: "finished"; readonly document: Document; readonly problem: string }
  | { readonly notice: "progress"; readonly fraction: number }
  | { readonly notice: "stopped" }
  | { readonly notice: "failed"; readonly error: string }
  | { readonly notice: "result"; readonly kind: "words"; readonly document: Document }
  | {
      readonly notice: "result";
      readonly kind: "again";
      readonly start: number;
      readonly end: number;
      readonly text: string;
      readonly before: string;
      readonly language: string | null;
    };

export interface Reply<K extends Kind> {
  readonly value: All[K]["get"];
  readonly buffers: readonly DataView[];
}

/** The part of anywidget's model that is used here (https://anywidget.dev/en/afm/). */
export interface Model {
  get(name: string): unknown;
  on(name: string, callback: (...args: never[]) => void): void;
  off(name: string, callback?: (...args: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  readonly widget_manager?: Manager;
}

/** The part of a host's widget manager that draws another widget in one. */
export interface Manager {
  get_model(id: string): Promise<unknown>;
  create_view?(model: unknown): Promise<{ readonly el: HTMLElement; remove(): void; trigger?(event: string): void }>;
}
