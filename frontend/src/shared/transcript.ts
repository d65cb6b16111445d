// The text in step with the sound. Words are spans for the eye, made when a segment comes into view; beside them stands
// each segment's plain text for screen readers.

import { h, lastAtOrBefore } from "./dom";
import { SegmentEditor } from "./editor";
import type { Hit } from "./find";
import { Highlights, rangeOf } from "./highlights";
import type { Document, Round, Segment } from "./protocol";
import { Scope } from "./scope";
import { hasWords, segmentRow, tokenPieces, wordAt, wordPieces } from "./segment";
import { coloursOf } from "./speakers";
import { insteadOf } from "./tokens";

export interface TranscriptEvents {
  onseek(time: number): void;
  onedit(segment: number, text: string): void;
  onround(index: number): void;
}

/** Which rounds wrote tokens of each segment. */
export function roundsBySegment(rounds: readonly Round[]): Map<number, number[]> {
  const bySegment = new Map<number, number[]>();
  rounds.forEach(({ tokens }, index) => {
    for (const segment of new Set(tokens.map((token) => token.segment))) {
      bySegment.set(segment, [...(bySegment.get(segment) ?? []), index]);
    }
  });
  return bySegment;
}

/** The segment that sounds at a time; -1 between segments. */
export function segmentAt(segments: readonly Segment[], starts: readonly number[], time: number): number {
  const index = lastAtOrBefore(starts, time);
  const segment = segments[index];
  return segment === undefined || time >= Math.max(segment.end, segment.start + 0.1) ? -1 : index;
}

/** The start of the segment that comes a number of segments later; back means this one's, where it has sounded for long. */
export function stepFrom(starts: readonly number[], time: number, by: number): number | null {
  let at = lastAtOrBefore(starts, time + 0.05);
  if (by < 0 && time - (starts[at] ?? 0) > 1) at += 1;
  return starts[Math.min(starts.length - 1, Math.max(0, at + by))] ?? null;
}

export class TranscriptView {
  readonly element: HTMLElement;
  readonly follow: HTMLButtonElement;
  #document: Document;
  readonly #list = h("div", { role: "list" });
  readonly #tail = h("div", { class: "tail soft", dir: "auto", "aria-hidden": "true" });
  #playing = false;
  #colours = coloursOf([]);
  #instead: (readonly (string | undefined)[])[] = [];
  #rows: HTMLElement[] = [];
  #starts: number[] = [];
  #segment = -1;
  #word: Element | null = null;
  #following = true;
  #rounds: readonly Round[] | null = null;
  #roundsBySegment = new Map<number, number[]>();
  readonly #highlights = new Highlights();
  readonly #editor: SegmentEditor;
  readonly #on: TranscriptEvents;
  readonly #seen: IntersectionObserver;
  readonly #scope = new Scope();

  constructor(document: Document, on: TranscriptEvents) {
    [this.#document, this.#on] = [document, on];
    this.#editor = new SegmentEditor((segment, text) => on.onedit(segment, text));
    this.element = h("div", { class: "text", role: "group", tabindex: 0, "aria-label": "What was said" });
    this.follow = h("button", { class: "follow", type: "button", hidden: true }, "Follow the sound");
    this.follow.addEventListener("click", () => {
      this.#setFollowing(true);
      this.#scrollTo(this.#segment);
    });
    this.#seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) this.#fill(this.#rows.indexOf(entry.target as HTMLElement));
      },
      { root: this.element, rootMargin: "400px" },
    );
    this.#scope.add(() => {
      this.hits([], -1);
      this.#seen.disconnect();
    });
    for (const event of ["wheel", "touchmove", "pointerdown"] as const) {
      this.element.addEventListener(event, () => {
        if (event !== "pointerdown" || this.element.matches(":active")) this.#setFollowing(false);
      }, { passive: true });
    }
    this.element.addEventListener("click", this.#onclick);
    this.element.addEventListener("dblclick", this.#ondblclick);
    this.show(document);
  }

  /** Show another text of the same recording. */
  show(document: Document): void {
    this.#document = document;
    this.#segment = -1;
    this.#word = null;
    this.#editor.forget();
    this.#instead = [];
    this.#colours = coloursOf(document.turns);
    this.#starts = document.segments.map(({ start }) => start);
    this.#seen.disconnect();
    const whole = document.segments.at(-1)?.end ?? 0;
    this.#rows = document.segments.map((segment) => segmentRow(segment, document.language, whole, this.#colours));
    this.#list.replaceChildren(...this.#rows);
    const none = h("p", { class: "soft" }, document.writing ? "" : "no speech");
    this.element.replaceChildren(this.#rows.length > 0 ? this.#list : none);
    for (const row of this.#rows) this.#seen.observe(row);
  }

  /** Show further segments, and behind them text that may still change. */
  grow(document: Document, tail: string): void {
    const before = this.#rows.length;
    if (before === 0) this.element.replaceChildren(this.#list);
    this.#document = document;
    this.#starts = document.segments.map(({ start }) => start);
    for (const segment of document.segments.slice(before)) {
      const row = segmentRow(segment, document.language, segment.end, this.#colours);
      this.#rows.push(row);
      this.#list.append(row);
      this.#seen.observe(row);
    }
    this.#tail.textContent = tail.trim();
    this.#list.after(this.#tail);
    if (this.#following && !this.#playing) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Show tokens, coloured by verdict, in place of words; null shows words again. */
  trace(rounds: readonly Round[] | null): void {
    this.#rounds = rounds;
    this.#roundsBySegment = roundsBySegment(rounds ?? []);
    this.#rows.forEach((row, index) => {
      row.querySelector(".words")?.classList.remove("filled");
      if (row.dataset["near"] !== undefined) this.#fill(index);
    });
  }

  /** What the target thought likeliest at each word's first token: shown on hover. */
  alternatives(rounds: readonly Round[]): void {
    this.#instead = insteadOf(rounds, this.#document.segments);
    this.#rows.forEach((row, index) => this.#hint(row, index));
  }

  #hint(row: HTMLElement, index: number): void {
    const alternatives = this.#instead[index];
    if (alternatives === undefined) return;
    row.querySelectorAll<HTMLElement>(".word").forEach((word, at) => {
      const instead = alternatives[at];
      if (instead !== undefined) word.title = `${word.title.split(":")[0] ?? ""}: ${instead}`;
    });
  }

  /** The sound is at a time: mark what is said then. */
  moved(time: number, playing: boolean): void {
    this.#playing = playing;
    const index = segmentAt(this.#document.segments, this.#starts, time);
    if (index !== this.#segment) {
      this.#rows[this.#segment]?.classList.remove("now");
      this.#rows[index]?.classList.add("now");
      this.#segment = index;
      if (index >= 0) {
        this.#fill(index);
        if (playing && this.#following) this.#scrollTo(index);
      }
    }
    this.#mark(index, time);
  }

  /** Write another text in the place of a segment's; the word that was meant is marked. */
  edit(index: number, word = ""): void {
    const [row, segment] = [this.#rows[index], this.#document.segments[index]];
    const speech = row?.querySelector(".speech");
    if (!row || !speech || segment === undefined || this.#document.writing) return;
    this.#editor.begin(speech, index, segment, word);
  }

  /** Take a key of the text that is being corrected: Enter keeps it, Escape does not. Whether it was one. */
  key(event: KeyboardEvent): boolean {
    if (!this.#editor.key(event)) return false;
    this.element.focus();
    return true;
  }

  /** The segment that sounds now; -1 between segments. */
  get now(): number {
    return this.#segment;
  }

  /** The start of the segment that comes a number of segments later: see `stepFrom`. */
  step(time: number, by: number): number | null {
    return stepFrom(this.#starts, time, by);
  }

  /** Mark the places of a search; the one at `now` stands out and comes into view. */
  hits(hits: readonly Hit[], now: number): void {
    const ranges = hits.map(({ segment, start, end }, index) => {
      if (index === now) this.#scrollTo(segment);
      this.#fill(segment);
      const words = this.#rows[segment]?.querySelector(".words");
      return words == null ? null : rangeOf(words, start, end);
    });
    this.#highlights.show(ranges, now);
    this.#rows.forEach((row, index) => {
      row.classList.toggle("hit", hits[now]?.segment === index);
    });
  }

  dispose(): void {
    this.#scope.dispose();
  }

  /** Cut a segment into words, or tokens, that can be marked and clicked. */
  #fill(index: number): void {
    const [row, segment] = [this.#rows[index], this.#document.segments[index]];
    const words = row?.querySelector<HTMLElement>(".words");
    if (!row || !segment || !words || words.classList.contains("filled")) return;
    row.dataset["near"] = "";
    words.classList.add("filled");
    if (this.#rounds !== null) words.replaceChildren(...tokenPieces(index, this.#roundsBySegment.get(index) ?? [], this.#rounds));
    else if (hasWords(segment)) {
      words.replaceChildren(...wordPieces(segment, this.#colours));
      this.#hint(row, index);
    } else words.replaceChildren(segment.text.trim());
  }

  #mark(index: number, time: number): void {
    let word: Element | null = null;
    const segment = this.#document.segments[index];
    if (segment !== undefined && this.#rounds === null && hasWords(segment)) {
      word = this.#rows[index]?.querySelectorAll(".word")[wordAt(segment, time)] ?? null;
    }
    if (word === this.#word) return;
    this.#word?.classList.remove("now");
    word?.classList.add("now");
    this.#word = word;
  }

  #scrollTo(index: number): void {
    const row = this.#rows[index];
    if (row === undefined) return;
    const [box, at] = [this.element, row.offsetTop - this.element.offsetTop];
    if (at >= box.scrollTop && at + row.offsetHeight <= box.scrollTop + box.clientHeight) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    box.scrollTo({ top: at - box.clientHeight / 3, behavior: still ? "auto" : "smooth" });
  }

  #setFollowing(following: boolean): void {
    this.#following = following || this.element.scrollHeight <= this.element.clientHeight;
    this.follow.hidden = this.#following;
  }

  readonly #ondblclick = (event: MouseEvent): void => {
    const target = event.target as Element;
    const row = target.closest<HTMLElement>(".segment");
    if (row === null || this.#rounds !== null || target.closest("textarea")) return;
    document.getSelection()?.removeAllRanges();
    this.edit(this.#rows.indexOf(row), target.closest(".word")?.textContent ?? "");
  };

  readonly #onclick = (event: MouseEvent): void => {
    const target = event.target as Element;
    if (target.closest("textarea")) return;
    if ((document.getSelection()?.toString() ?? "") !== "") return; // someone marks text to copy it
    const round = target.closest<HTMLElement>("[data-round]");
    const row = target.closest<HTMLElement>(".segment");
    if (row === null) return;
    this.#setFollowing(true);
    if (round !== null) {
      this.#on.onround(Number(round.dataset["round"]));
      return;
    }
    const segment = this.#document.segments[this.#rows.indexOf(row)];
    if (segment === undefined) return;
    const word = target.closest(".word") ?? target.closest(".words .speaker")?.nextElementSibling ?? null;
    const at = word === null ? -1 : Array.from(row.querySelectorAll(".word")).indexOf(word);
    this.#on.onseek(segment.words[at]?.[1] ?? segment.start);
  };
}
