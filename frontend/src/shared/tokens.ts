// Tokens for people: coloured by verdict, with the probabilities of both models, and their round in words.

import { h } from "./dom";
import type { Round, Segment, Token } from "./protocol";

/**
 * For each word of each segment what the target found likeliest where its first token stands, as a line; undefined where
 * that was not recorded, or the tokens are not those of the text.
 */
export function insteadOf(rounds: readonly Round[], segments: readonly Segment[]): (readonly (string | undefined)[])[] {
  const written = segments.map((): Token[] => []);
  for (const { tokens } of rounds) {
    for (const token of tokens) if (token.verdict !== "r" && !token.text.startsWith("<|")) written[token.segment]?.push(token);
  }
  return segments.map((segment, index) => {
    const tokens = written[index] ?? [];
    const starts = new Map<number, Token>();
    let at = 0;
    for (const token of tokens) {
      starts.set(at, token);
      at += token.text.length;
    }
    if (tokens.map(({ text }) => text).join("") !== segment.words.map(([text]) => text).join("")) return [];
    let begin = 0;
    return segment.words.map(([text]) => {
      const instead = starts.get(begin)?.instead;
      begin += text.length;
      return instead?.map(([other, share]) => `${other.trim()} ${percent(share)}`).join(" · ");
    });
  });
}

/** A probability for people: nothing that is not certain is written as 100 %. */
export function percent(share: number): string {
  const rounded = Math.round(100 * share);
  if (share < 0.005) return "< 1 %";
  return rounded === 100 && share < 0.9995 ? "> 99 %" : `${rounded} %`;
}

/** A token, coloured by its verdict; on hover the probabilities of both models, where they were recorded. */
export function asToken({ text, verdict, p, q, instead }: Omit<Token, "segment">): HTMLElement {
  const parts = [
    ...(p === undefined ? [] : [`target ${percent(p)}`]),
    ...(q === undefined ? [] : [`draft ${percent(q)}`]),
    ...(instead === undefined ? [] : [instead.map(([other, share]) => `${other.trim() || "space"} ${percent(share)}`).join(" · ")]),
  ];
  return h("span", { class: `token ${verdict}`, ...(parts.length > 0 ? { title: parts.join("; ") } : {}) }, text);
}

/** What a round did and how long that took, in words. */
export function outcome(round: Pick<Round, "drafter" | "proposed" | "accepted" | "draft_ms" | "verify_ms">): string {
  const { drafter, proposed, accepted } = round;
  const what = drafter === null ? "nothing was proposed" : `the ${drafter} proposed ${proposed}, the target accepted ${accepted}`;
  return `${what}; draft ${round.draft_ms.toFixed(1)} ms, verify ${round.verify_ms.toFixed(1)} ms`;
}

/** A round in words. */
export function described(round: Round, index: number): string {
  const hot = round.temperature > 0 ? `, temperature ${round.temperature}` : "";
  return `Round ${index + 1}, position ${round.position}${hot}: ${outcome(round)}`;
}

/** A token's text with its space seen. */
export function shown(text: string): string {
  return text.replace(/^ /, "␣");
}

/** A line of text begins without the space that its first token has. */
export function trimStart([first]: readonly HTMLElement[]): void {
  if (first !== undefined) first.textContent = first.textContent.trimStart();
}
