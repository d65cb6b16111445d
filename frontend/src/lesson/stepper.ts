// A lesson: speculative decoding round by round. The draft proposes, one may predict, the target decides.

import { button, clock, h } from "../shared/dom";
import { asToken, percent, shown, trimStart } from "../shared/tokens";
import { Peaks } from "./peaks";
import type { Playback } from "./playback";
import type { LessonRound, LessonToken, StepperData } from "./protocol";
import { isMark, written } from "./timeline";

const RULE =
  "A draft’s token is accepted while the target’s own choice is the same token; the first that differs is replaced by " +
  "the target’s. q: the draft’s probability, p: the target’s.";

/** What one predicted, by round: the first guess counts. */
export class Score {
  readonly #guesses = new Map<number, number>();
  readonly #rounds: readonly LessonRound[];

  constructor(rounds: readonly LessonRound[]) {
    this.#rounds = rounds;
  }

  guess(round: number, accepted: number): void {
    if (!this.#guesses.has(round)) this.#guesses.set(round, accepted);
  }

  of(round: number): number | undefined {
    return this.#guesses.get(round);
  }

  get line(): string {
    const right = [...this.#guesses].filter(([round, guess]) => this.#rounds[round]?.accepted === guess).length;
    return this.#guesses.size === 0 ? "" : `You: ${right} of ${this.#guesses.size} right`;
  }
}

export class Stepper {
  readonly element: HTMLElement;
  readonly playback: Playback;
  readonly #rounds: readonly LessonRound[];
  readonly #score: Score;
  readonly #peaks: Peaks;
  readonly #first = button("«", "First round");
  readonly #back = button("‹", "Back");
  readonly #next = button("Next");
  readonly #last = button("»", "Last round");
  readonly #play = button("Play this part");
  readonly #jump = h("select", { "aria-label": "Round" });
  readonly #ask = h("input", { type: "checkbox", checked: true });
  readonly #text = h("div", { class: "words so-far", role: "group", "aria-label": "Text so far" });
  readonly #what = h("div", { class: "what", role: "status" });
  readonly #cells = h("div", { class: "cells", role: "list", "aria-label": "Tokens of the round" });
  readonly #question = h("div", { class: "question", role: "group" });
  readonly #right = h("span", { class: "score number" });
  #round = 0;
  #decided = false; // whether the target's verdicts are shown

  constructor({ rounds, sound }: StepperData, playback: Playback) {
    [this.#rounds, this.playback] = [rounds, playback];
    this.#score = new Score(rounds);
    this.#peaks = new Peaks(sound);
    for (const [i, { start, end }] of rounds.entries()) {
      this.#jump.append(h("option", { value: i }, `Round ${i + 1} of ${rounds.length}, ${clock(start)}–${clock(end)}`));
    }
    this.#next.classList.add("main");
    this.element = h(
      "div",
      { class: "rounds" },
      h(
        "div",
        { class: "bar" },
        h("span", { class: "steps" }, this.#first, this.#back, this.#next, this.#last),
        this.#jump,
        h("label", { class: "check" }, this.#ask, "Ask me first"),
        this.#right,
      ),
      h("div", { class: "sounding" }, this.#play, this.#peaks.element),
      this.#text,
      this.#what,
      this.#cells,
      this.#question,
      this.playback.element,
      h("div", { class: "rule soft" }, RULE),
    );
    this.#listen();
    this.#go(0, false);
  }

  /** Left and right: one step back, one on. */
  key(event: KeyboardEvent): boolean {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || event.composedPath()[0] instanceof HTMLSelectElement) return false;
    if (by < 0) this.#previous();
    else this.#on();
    return true;
  }

  #listen(): void {
    this.#first.addEventListener("click", () => this.#go(0, false));
    this.#back.addEventListener("click", () => this.#previous());
    this.#next.addEventListener("click", () => this.#on());
    this.#last.addEventListener("click", () => this.#go(this.#rounds.length - 1, true));
    this.#jump.addEventListener("change", () => this.#go(Number(this.#jump.value), false));
    this.#ask.addEventListener("change", () => this.#show());
    this.#play.addEventListener("click", () => {
      const round = this.#rounds[this.#round];
      if (this.playback.playing) this.playback.pause();
      else if (round !== undefined) void this.playback.play(round.start, Math.max(round.end, round.start + 0.15));
    });
    const available = (there: boolean): void => {
      this.#play.hidden = !there;
    };
    this.playback.onavailable = available;
    available(this.playback.available);
    this.playback.onmoved = (time) => {
      this.#peaks.moved(time);
      this.#play.textContent = time === null ? "Play this part" : "Stop";
      this.#play.setAttribute("aria-label", this.#play.textContent);
    };
  }

  #on(): void {
    if (!this.#decided) this.#go(this.#round, true);
    else if (this.#round < this.#rounds.length - 1) this.#go(this.#round + 1, false);
  }

  #previous(): void {
    if (this.#decided && this.#proposes(this.#round)) this.#go(this.#round, false);
    else if (this.#round > 0) this.#go(this.#round - 1, true);
  }

  #proposes(round: number): boolean {
    return (this.#rounds[round]?.proposed ?? 0) > 0;
  }

  #go(round: number, decided: boolean): void {
    if (this.#rounds[round] === undefined) return;
    if (round !== this.#round) this.playback.pause();
    this.#round = round;
    this.#decided = decided || !this.#proposes(round); // where nothing was proposed there is nothing to wait for
    this.#show();
  }

  #show(): void {
    const round = this.#rounds[this.#round];
    if (round === undefined) return;
    this.#jump.value = String(this.#round);
    this.#peaks.mark(round.start, round.end);
    this.#writeText(round);
    this.#cells.replaceChildren(...cells(round, this.#decided));
    this.#predict(round);
    this.#what.replaceChildren(...this.#explain(round));
    this.#right.textContent = this.#score.line;
    const [atStart, atEnd] = [this.#round === 0, this.#decided && this.#round === this.#rounds.length - 1];
    const earliest = atStart && !(this.#decided && this.#proposes(0));
    disable(this.#first, earliest);
    disable(this.#back, earliest);
    disable(this.#next, atEnd);
    disable(this.#last, atEnd);
  }

  #writeText(round: LessonRound): void {
    const before = written(this.#rounds.slice(0, this.#round)).trimStart();
    const now = this.#decided ? kept(round.tokens).map(asToken) : [h("span", { class: "caret", "aria-hidden": "true" })];
    if (before === "" && this.#decided) trimStart(now);
    this.#text.replaceChildren(h("span", {}, before), ...now);
  }

  #predict({ proposed }: LessonRound): void {
    const asked = this.#ask.checked && !this.#decided && this.#score.of(this.#round) === undefined;
    this.#question.hidden = !asked;
    if (!asked) return;
    const question = `How many of ${proposed === 1 ? "this 1" : `these ${proposed}`} will the target accept?`;
    this.#question.setAttribute("aria-label", question);
    const answers = Array.from({ length: proposed + 1 }, (_, count) => {
      const answer = button(String(count), `${count} of ${proposed}`);
      answer.addEventListener("click", () => {
        this.#score.guess(this.#round, count);
        this.#go(this.#round, true);
        this.#next.focus();
      });
      return answer;
    });
    this.#question.replaceChildren(h("span", {}, question), ...answers);
  }

  #explain(round: LessonRound): HTMLElement[] {
    const { proposed, accepted } = round;
    const counted = proposed === 1 ? "1 token" : `${proposed} tokens`;
    if (!this.#decided) {
      return [h("b", {}, "The draft proposes."), h("span", {}, ` ${counted}, with the draft’s probability of each.`)];
    }
    const guess = this.#score.of(this.#round);
    const explanation = [h("b", {}, "The target decides. "), h("span", {}, `${verdict(round)} `)];
    if (guess === undefined) return explanation;
    const right = guess === accepted;
    return [...explanation, h("span", { class: right ? "right" : "wrong" }, `You said ${guess}${right ? ": right." : "."}`)];
  }
}

/** What the target made of a round, in a sentence. */
export function verdict({ proposed, accepted, tokens }: LessonRound): string {
  const own = tokens.find((token) => token.verdict === "t");
  const text = own === undefined ? null : `“${shown(own.text)}”`;
  if (proposed === 0) return text === null ? "Nothing was proposed." : `Nothing was proposed; it wrote ${text}.`;
  if (accepted === proposed) {
    const all = proposed === 1 ? "It accepted the 1 token" : `It accepted all ${proposed}`;
    return text === null ? `${all}.` : `${all}, and its pass gave one more: ${text}.`;
  }
  const rejected = tokens.find((token) => token.verdict === "r");
  const instead = text === null ? "" : ` and wrote ${text} instead of “${shown(rejected?.text ?? "")}”`;
  return `It accepted ${accepted} of ${proposed}${instead}.`;
}

function kept(tokens: readonly LessonToken[]): LessonToken[] {
  return tokens.filter(({ verdict, text }) => verdict !== "r" && !isMark(text));
}

/** A button at an end keeps the focus, which a disabled one would lose. */
function disable(element: HTMLButtonElement, disabled: boolean): void {
  element.setAttribute("aria-disabled", String(disabled));
}

/** One cell per token: the probabilities of both models, and its verdict. */
function cells({ tokens, proposed, accepted }: LessonRound, decided: boolean): HTMLElement[] {
  const drafted = tokens.filter(({ verdict }) => verdict !== "t");
  const own = decided ? tokens.filter(({ verdict }) => verdict === "t") : [];
  return [
    ...drafted.map((token, i) => draftCell(token, decided, i > accepted)),
    ...own.map((token) => ownCell(token, proposed === 0 ? "the target’s own" : accepted === proposed ? "one more" : "instead")),
  ];
}

function draftCell(token: LessonToken, decided: boolean, unread: boolean): HTMLElement {
  const p = token.p ?? token.instead?.find(([text]) => text === token.text)?.[1];
  const outcome = !decided ? "proposed" : unread ? "not read" : token.verdict === "a" ? "accepted" : "rejected";
  const kind = !decided || unread ? "open" : token.verdict;
  return cell(token.text, kind, outcome, [meter("q", token.q), decided && !unread ? meter("p", p) : meter("p", undefined)]);
}

function ownCell({ text, p, instead }: LessonToken, outcome: string): HTMLElement {
  const own = p ?? instead?.find(([other]) => other === text)?.[1];
  const others = (instead ?? []).filter(([other]) => other !== text).slice(0, 2);
  const element = cell(text, "t", outcome, [h("div", { class: "meter-of" }, h("span", {}, "\u00a0")), meter("p", own)]);
  if (others.length > 0) {
    const list = others.map(([other, share]) => [h("span", {}, `or ${shown(other)}`), h("span", { class: "number" }, percent(share))]);
    element.append(h("div", { class: "others soft" }, ...list.map((pair) => h("div", {}, ...pair))));
  }
  return element;
}

function cell(text: string, kind: string, outcome: string, meters: HTMLElement[]): HTMLElement {
  return h(
    "div",
    { class: `cell ${kind}`, role: "listitem" },
    h("div", { class: "token-text" }, shown(text)),
    ...meters,
    h("div", { class: "outcome" }, outcome),
  );
}

/** A probability as a bar and a number; the bar is empty where it is not known (yet). */
function meter(name: "p" | "q", share: number | undefined): HTMLElement {
  const bar = h("span", { class: "bar-of" }, h("span", { class: name, style: `width: ${(100 * (share ?? 0)).toFixed(1)}%` }));
  return h(
    "div",
    { class: `meter-of ${share === undefined ? "unknown" : ""}` },
    h("span", { class: "soft" }, name),
    bar,
    h("span", { class: "number" }, share === undefined ? "–" : percent(share)),
  );
}
