// The text in step with the sound. Words are spans for the eye, made when a segment comes into view; beside them stands
// each segment's plain text for screen readers.

import { clock, h, lastAtOrBefore } from "./dom";
import type { Document, Round, Segment, Word } from "./protocol";
import { Scope } from "./scope";
import { coloursOf, label } from "./speakers";
import { asToken, described, insteadOf } from "./tokens";

const RIGHT_TO_LEFT = /^(ar|fa|he|ur|yi|ps|sd)\b/;
const HITS = "whisper-magic-hit";
const HIT = "whisper-magic-hit-now";

export interface TextEvents {
  onseek(time: number): void;
  onedit(segment: number, text: string): void;
  onround(index: number): void;
}

export interface Hit {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
}

/** Text without case and accents, each character still in its place. */
export function folded(text: string): string {
  return Array.from(text, (c) => Array.from(c.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase())[0] ?? c).join("");
}

/** Where a text occurs, by segment and characters. */
export function find(query: string, segments: readonly Segment[]): Hit[] {
  const wanted = folded(query.trim());
  if (!wanted) return [];
  const hits: Hit[] = [];
  segments.forEach(({ text }, segment) => {
    const within = folded(text.trim());
    for (let at = within.indexOf(wanted); at >= 0; at = within.indexOf(wanted, at + wanted.length)) {
      hits.push({ segment, start: at, end: at + wanted.length });
    }
  });
  return hits;
}

/** The words of a segment are its text, cut: otherwise it is shown whole. */
export function hasWords(segment: Segment): boolean {
  const squeezed = (text: string): string => text.replace(/\s+/g, "");
  return segment.words.length > 0 && squeezed(segment.words.map(([text]) => text).join("")) === squeezed(segment.text);
}

/** The text as it is read out: with the names of the speakers. */
function spokenOf(segment: Segment): string {
  if (segment.names.length < 2) return [...segment.names.map(([, name]) => `${name}:`), segment.text.trim()].join(" ");
  const words = segment.words.map(([text]) => text);
  for (const [index, name] of segment.names) words[index] = ` ${name}:${words[index] ?? ""}`;
  return words.join("").trim();
}

export class Text {
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
  #roundsOf = new Map<number, number[]>();
  #hits: Range[] = [];
  #editing: { readonly index: number; readonly field: HTMLTextAreaElement; readonly end: () => void } | null = null;
  readonly #on: TextEvents;
  readonly #seen: IntersectionObserver;
  readonly #scope = new Scope();

  constructor(document: Document, on: TextEvents) {
    this.#document = document;
    this.#on = on;
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
    this.#editing = null;
    this.#instead = [];
    this.#colours = coloursOf(document.turns);
    this.#starts = document.segments.map(({ start }) => start);
    this.#seen.disconnect();
    const whole = document.segments.at(-1)?.end ?? 0;
    this.#rows = document.segments.map((segment) => this.#row(segment, whole));
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
      const row = this.#row(segment, segment.end);
      this.#rows.push(row);
      this.#list.append(row);
      this.#seen.observe(row);
    }
    this.#tail.textContent = tail.trim();
    this.#list.after(this.#tail);
    if (this.#following && !this.#playing) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Show tokens, coloured by their fate, in place of words; null shows words again. */
  trace(rounds: readonly Round[] | null): void {
    this.#rounds = rounds;
    this.#roundsOf = new Map();
    rounds?.forEach(({ tokens }, index) => {
      for (const segment of new Set(tokens.map((token) => token.segment))) {
        const of = this.#roundsOf.get(segment) ?? [];
        of.push(index);
        this.#roundsOf.set(segment, of);
      }
    });
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
    const found = this.#instead[index];
    if (found === undefined) return;
    row.querySelectorAll<HTMLElement>(".word").forEach((word, at) => {
      const instead = found[at];
      if (instead !== undefined) word.title = `${word.title.split(":")[0] ?? ""}: ${instead}`;
    });
  }

  /** The sound is at a time: mark what is said then. */
  moved(time: number, playing: boolean): void {
    this.#playing = playing;
    let index = lastAtOrBefore(this.#starts, time);
    const segment = this.#document.segments[index];
    if (segment === undefined || time >= Math.max(segment.end, segment.start + 0.1)) index = -1;
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
    this.#editing?.end();
    const text = segment.text.trim();
    const field = h("textarea", { "aria-label": `Text of the segment at ${clock(segment.start)}`, rows: 2, dir: "auto" });
    field.value = text;
    const shown = Array.from(speech.children) as HTMLElement[];
    const end = (): void => {
      field.remove();
      for (const one of shown) one.hidden = false;
    };
    for (const one of shown) one.hidden = true;
    speech.append(field);
    field.focus();
    const at = word.trim() === "" ? -1 : text.indexOf(word.trim());
    field.setSelectionRange(Math.max(0, at), at < 0 ? text.length : at + word.trim().length);
    this.#editing = { index, field, end };
  }

  /** Take a key of the text that is being corrected: Enter keeps it, Escape does not. Whether it was one. */
  key(event: KeyboardEvent): boolean {
    const editing = this.#editing;
    if (editing === null || (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey))) return false;
    const { index, field, end } = editing;
    this.#editing = null;
    const typed = field.value.trim();
    end();
    if (event.key === "Enter" && typed !== this.#document.segments[index]?.text.trim()) this.#on.onedit(index, typed);
    this.element.focus();
    return true;
  }

  /** The segment that sounds now; -1 between segments. */
  get now(): number {
    return this.#segment;
  }

  /** The start of the segment that comes a number of segments later; back means this one's, where it sounds for long. */
  step(time: number, by: number): number | null {
    let at = lastAtOrBefore(this.#starts, time + 0.05);
    if (by < 0 && time - (this.#starts[at] ?? 0) > 1) at += 1;
    return this.#starts[Math.min(this.#starts.length - 1, Math.max(0, at + by))] ?? null;
  }

  /** Mark the places of a search; the one at `now` stands out and comes into view. */
  hits(hits: readonly Hit[], now: number): void {
    const [all, one] = [highlight(HITS), highlight(HIT)];
    for (const range of this.#hits) {
      all?.delete(range);
      one?.delete(range);
    }
    this.#hits = [];
    hits.forEach((hit, index) => {
      if (index === now) this.#scrollTo(hit.segment);
      this.#fill(hit.segment);
      const range = this.#range(hit);
      if (range === null) return;
      (index === now ? one : all)?.add(range);
      this.#hits.push(range);
    });
    this.#rows.forEach((row, index) => {
      row.classList.toggle("hit", hits[now]?.segment === index);
    });
  }

  dispose(): void {
    this.#scope.dispose();
  }

  #row(segment: Segment, whole: number): HTMLElement {
    const language = segment.language ?? this.#document.language ?? undefined;
    const attributes = {
      dir: language !== undefined && RIGHT_TO_LEFT.test(language) ? "rtl" : "auto",
      ...(language === undefined ? {} : { lang: language }),
    };
    const row = h(
      "div",
      { class: "segment", role: "listitem" },
      h("span", { class: "time" }, clock(segment.start, whole)),
      h(
        "span",
        { class: "speech" },
        ...segment.names.filter(([word]) => word === 0).map(([, name]) => label(name, this.#colours)),
        h("span", { class: "words", "aria-hidden": "true", ...attributes }, segment.text.trim()),
        h("span", { class: "spoken", ...attributes }, spokenOf(segment)),
      ),
    );
    if (segment.flags !== "") row.lastElementChild?.append(h("span", { class: "flag" }, `⚑ ${segment.flags}`));
    return row;
  }

  /** Cut a segment into words, or tokens, that can be marked and clicked. */
  #fill(index: number): void {
    const [row, segment] = [this.#rows[index], this.#document.segments[index]];
    const words = row?.querySelector<HTMLElement>(".words");
    if (!row || !segment || !words || words.classList.contains("filled")) return;
    row.dataset["near"] = "";
    words.classList.add("filled");
    if (this.#rounds !== null) words.replaceChildren(...this.#tokens(index));
    else if (hasWords(segment)) {
      const names = new Map(segment.names.filter(([word]) => word > 0));
      const pieces = segment.words.flatMap((word, at) => [...this.#name(names.get(at)), ...asSpan(word)]);
      words.replaceChildren(...pieces.slice(1)); // a line begins without the space before its first word
      this.#hint(row, index);
    }
    else words.replaceChildren(segment.text.trim());
  }

  /** The name of another speaker inside a segment begins a line. */
  #name(name: string | undefined): HTMLElement[] {
    return name === undefined ? [] : [h("br"), label(name, this.#colours)];
  }

  *#tokens(segment: number): Generator<HTMLElement> {
    for (const index of this.#roundsOf.get(segment) ?? []) {
      const round = this.#rounds?.[index];
      if (round === undefined) continue;
      const tokens = round.tokens.filter((token) => token.segment === segment).map(asToken);
      yield h("span", { class: "round", "data-round": index, title: described(round, index) }, ...tokens);
    }
  }

  #mark(index: number, time: number): void {
    let word: Element | null = null;
    const segment = this.#document.segments[index];
    if (segment !== undefined && this.#rounds === null && hasWords(segment)) {
      const at = lastAtOrBefore(segment.words.map(([, start]) => start), time);
      const found = segment.words[at];
      if (found !== undefined && time < found[2]) word = this.#rows[index]?.querySelectorAll(".word")[at] ?? null;
    }
    if (word === this.#word) return;
    this.#word?.classList.remove("now");
    word?.classList.add("now");
    this.#word = word;
  }

  #range({ segment, start, end }: Hit): Range | null {
    const words = this.#rows[segment]?.querySelector(".words");
    if (!words) return null;
    const range = new Range();
    const said = (node: Node): number =>
      node.parentElement?.classList.contains("speaker") === true ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT;
    const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT, said);
    const leading = (words.textContent.match(/^\s*/)?.[0] ?? "").length; // words keep the space in front
    let offset = -leading;
    let begun = false;
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const length = node.textContent?.length ?? 0;
      if (!begun && start < offset + length) {
        range.setStart(node, start - offset);
        begun = true;
      }
      if (begun && end <= offset + length) {
        range.setEnd(node, end - offset);
        return range;
      }
      offset += length;
    }
    return null;
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
    if (getSelectionText() !== "") return; // someone marks text to copy it
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

/** A word; the space before it is no part of what is marked. */
function asSpan([text, , , probability]: Word): (string | HTMLElement)[] {
  const word = text.trimStart();
  const span = h("span", { class: "word", title: `${Math.round(probability * 100)} % sure` }, word);
  span.style.setProperty("--doubt", String(Math.round((1 - probability) * 100)));
  return [text.slice(0, text.length - word.length), span];
}

function getSelectionText(): string {
  return document.getSelection()?.toString() ?? "";
}

/** The page's highlight of that name, where the browser has the CSS Custom Highlight API. */
function highlight(name: string): Highlight | null {
  if (typeof Highlight === "undefined") return null;
  let found = CSS.highlights.get(name);
  if (found === undefined) {
    found = new Highlight();
    CSS.highlights.set(name, found);
  }
  return found;
}
