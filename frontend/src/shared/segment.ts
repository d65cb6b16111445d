// One segment of a transcript: its row, its words for the eye, its text for screen readers.

import { clock, h, lastAtOrBefore } from "./dom";
import type { Round, Segment, Word } from "./protocol";
import { label } from "./speakers";
import { asToken, described } from "./tokens";

const RIGHT_TO_LEFT = /^(ar|fa|he|ur|yi|ps|sd)\b/;

/** The words of a segment are its text, cut: otherwise it is shown whole. */
export function hasWords(segment: Segment): boolean {
  const squeezed = (text: string): string => text.replace(/\s+/g, "");
  return segment.words.length > 0 && squeezed(segment.words.map(([text]) => text).join("")) === squeezed(segment.text);
}

/** The word that is said at a time; -1 between words. */
export function wordAt(segment: Segment, time: number): number {
  const index = lastAtOrBefore(segment.words.map(([, start]) => start), time);
  const end = segment.words[index]?.[2];
  return end !== undefined && time < end ? index : -1;
}

/** The text as it is read out: with the names of the speakers. */
export function spokenOf(segment: Segment): string {
  if (segment.names.length < 2) return [...segment.names.map(([, name]) => `${name}:`), segment.text.trim()].join(" ");
  const words = segment.words.map(([text]) => text);
  for (const [index, name] of segment.names) words[index] = ` ${name}:${words[index] ?? ""}`;
  return words.join("").trim();
}

/**
 * A segment's row, its text not cut into words yet.
 *
 * @param language That of the transcript.
 * @param whole Seconds of the whole, by which the clock is as long as it needs to be.
 */
export function segmentRow(segment: Segment, language: string | null, whole: number, colours: ReadonlyMap<string, string>): HTMLElement {
  const own = segment.language ?? language;
  const attributes = { dir: own !== null && RIGHT_TO_LEFT.test(own) ? "rtl" : "auto", ...(own === null ? {} : { lang: own }) };
  const speech = h(
    "span",
    { class: "speech" },
    ...segment.names.filter(([word]) => word === 0).map(([, name]) => label(name, colours)),
    h("span", { class: "words", "aria-hidden": "true", ...attributes }, segment.text.trim()),
    h("span", { class: "spoken", ...attributes }, spokenOf(segment)),
  );
  if (segment.flags !== "") speech.append(h("span", { class: "flag" }, `⚑ ${segment.flags}`));
  return h("div", { class: "segment", role: "listitem" }, h("span", { class: "time" }, clock(segment.start, whole)), speech);
}

/** A segment's text cut into words, with the names of further speakers, which begin a line each. */
export function wordPieces(segment: Segment, colours: ReadonlyMap<string, string>): (string | HTMLElement)[] {
  const names = new Map(segment.names.filter(([word]) => word > 0));
  const pieces = segment.words.flatMap((word, at) => {
    const name = names.get(at);
    return [...(name === undefined ? [] : [h("br"), label(name, colours)]), ...asSpan(word)];
  });
  return pieces.slice(1); // a line begins without the space before its first word
}

/** The tokens of a segment in some rounds. */
export function tokenPieces(segment: number, indices: readonly number[], rounds: readonly Round[]): HTMLElement[] {
  return indices.flatMap((index) => {
    const round = rounds[index];
    if (round === undefined) return [];
    const tokens = round.tokens.filter((token) => token.segment === segment).map(asToken);
    return [h("span", { class: "round", "data-round": index, title: described(round, index) }, ...tokens)];
  });
}

/** A word; the space before it is no part of what is marked. */
function asSpan([text, , , probability]: Word): (string | HTMLElement)[] {
  const word = text.trimStart();
  const span = h("span", { class: "word", title: `${Math.round(probability * 100)} % sure` }, word);
  span.style.setProperty("--unsure", String(Math.round((1 - probability) * 100)));
  return [text.slice(0, text.length - word.length), span];
}
