// The trace: a ribbon with one cell a round, as wide as the speech that it covers and as tall as the tokens that it won;
// and one round at a time, step by step.

import { h, lastAtOrBefore } from "../shared/dom";
import type { Round, Token } from "../shared/protocol";
import { asToken, described, percent, shown } from "../shared/tokens";

const HEIGHT = 28;

export interface TraceEvents {
  onround(index: number): void;
}

/** How many tokens a round wrote. */
export function won({ tokens }: Round): number {
  return tokens.filter(({ verdict }) => verdict !== "r").length;
}

/** Totals over all rounds, in a line. */
export function summary(rounds: readonly Round[]): string {
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const [proposed, accepted, tokens] = [sum((r) => r.proposed), sum((r) => r.accepted), sum(won)];
  const rate = proposed > 0 ? `, ${Math.round((100 * accepted) / proposed)} % of ${proposed} drafted tokens accepted` : "";
  const counted = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
  return `${counted(tokens, "token", "tokens")} in ${counted(rounds.length, "pass", "passes")} of the target${rate}`;
}

const HEAD = h("thead", {}, h("tr", {}, ...["token", "draft q", "target p", "likeliest"].map((text) => h("th", { scope: "col" }, text))));

/** The probabilities of both models for a token; null where they were not recorded. */
function asRow(token: Token): HTMLElement | null {
  const { p, q, instead } = token;
  if (p === undefined && instead === undefined) return null;
  const likeliest = (instead ?? []).slice(0, 3).map(([text, share]) => `${shown(text)} ${percent(share)}`);
  const of = (share: number | undefined): string => (share === undefined ? "" : percent(share));
  return h(
    "tr",
    {},
    h("td", {}, asToken(token)),
    h("td", { class: "number" }, of(q)),
    h("td", { class: "number" }, of(p ?? instead?.find(([text]) => text === token.text)?.[1])),
    h("td", { class: "soft" }, likeliest.join(" · ")),
  );
}

export class Trace {
  readonly element: HTMLElement;
  /** Stands under the waveform, as wide. */
  readonly ribbon: HTMLElement;
  readonly #canvas = h("canvas", { height: HEIGHT, "aria-hidden": "true" });
  readonly #card = h("div", { class: "card", "aria-live": "polite" });
  readonly #position = h("span", { class: "number" });
  readonly #rounds: readonly Round[];
  readonly #starts: number[];
  readonly #tallest: number;
  readonly #on: TraceEvents;
  #view: [number, number] = [0, 1];
  #now = -1;

  constructor(rounds: readonly Round[], note: string | null, on: TraceEvents) {
    [this.#rounds, this.#on] = [rounds, on];
    this.#starts = rounds.map(({ start }) => start);
    this.#tallest = Math.max(1, ...rounds.map(won));
    const [back, forth] = [step("Previous round", "‹"), step("Next round", "›")];
    back.addEventListener("click", () => {
      this.go(this.#now - 1);
    });
    forth.addEventListener("click", () => {
      this.go(this.#now + 1);
    });
    this.ribbon = h("div", { class: "ribbon" }, this.#canvas);
    this.element = h(
      "div",
      { class: "trace" },
      h(
        "div",
        { class: "legend" },
        h("span", { class: "token a" }, "accepted draft"),
        h("span", { class: "token t" }, "the target’s own"),
        h("span", { class: "token r" }, "rejected draft"),
        h("span", { class: "soft" }, summary(rounds)),
        h("span", { class: "stepper", role: "group", "aria-label": "Step through the rounds" }, back, this.#position, forth),
      ),
      ...(note === null ? [] : [h("div", { class: "soft" }, note)]),
      this.#card,
    );
    this.#canvas.addEventListener("click", this.#onclick);
    this.#showRound();
  }

  /** Go to a round: its tokens and times are shown, and the sound moves there. */
  go(index: number): void {
    if (index < 0 || index >= this.#rounds.length) return;
    this.show(index);
    this.#on.onround(index);
  }

  show(index: number): void {
    this.#now = index;
    this.#showRound();
    this.draw(...this.#view);
  }

  /** The sound plays: the ribbon marks the round that is spoken. */
  moved(time: number): void {
    const index = lastAtOrBefore(this.#starts, time);
    if (index !== this.#now && index >= 0) this.show(index);
  }

  /** Draw the rounds between two times, in line with the waveform. */
  draw(start: number, end: number): void {
    this.#view = [start, end];
    const width = this.#canvas.clientWidth;
    const context = this.#canvas.getContext("2d");
    if (context === null || width === 0 || end <= start) return;
    const ratio = devicePixelRatio;
    [this.#canvas.width, this.#canvas.height] = [width * ratio, HEIGHT * ratio];
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.element);
    const colour = (name: string): string => style.getPropertyValue(name).trim() || "gray";
    const [accepted, own, mark, window] = [colour("--accepted"), colour("--own"), colour("--mark"), colour("--soft")];
    const scale = width / (end - start);
    const first = Math.max(0, lastAtOrBefore(this.#starts, start));
    for (let index = first; index < this.#rounds.length; index++) {
      const round = this.#rounds[index];
      if (round === undefined || round.start > end) break;
      const left = (round.start - start) * scale;
      const right = Math.max(left + 1, (round.end - start) * scale);
      const unit = (HEIGHT - 4) / this.#tallest;
      const bars = [round.accepted * unit, won(round) * unit - round.accepted * unit];
      const gap = right - left > 3 ? 1 : 0;
      context.fillStyle = own;
      context.fillRect(left, HEIGHT - (bars[1] ?? 0), right - left - gap, bars[1] ?? 0);
      context.fillStyle = accepted;
      context.fillRect(left, HEIGHT - (bars[0] ?? 0) - (bars[1] ?? 0), right - left - gap, bars[0] ?? 0);
      const before = this.#rounds[index - 1];
      if (before !== undefined && before.window !== round.window) {
        context.fillStyle = window;
        context.fillRect(left - 0.5, 0, 1, HEIGHT);
      }
      if (index === this.#now) {
        context.strokeStyle = mark;
        context.lineWidth = 2;
        context.strokeRect(left, 1, Math.max(3, right - left - gap), HEIGHT - 2);
      }
    }
  }

  #showRound(): void {
    const round = this.#rounds[this.#now];
    this.#position.textContent = round === undefined ? "–" : `${this.#now + 1} / ${this.#rounds.length}`;
    if (round === undefined) {
      this.#card.replaceChildren(h("span", { class: "soft" }, "Click a cell or a token, or step from round to round."));
      return;
    }
    const lines = round.tokens.map(asRow).filter((row) => row !== null);
    this.#card.replaceChildren(
      h("div", {}, ...round.tokens.map(asToken)),
      h("div", { class: "soft" }, described(round, this.#now)),
      ...(lines.length > 0 ? [h("table", {}, HEAD.cloneNode(true), h("tbody", {}, ...lines))] : []),
    );
  }

  readonly #onclick = (event: MouseEvent): void => {
    const [start, end] = this.#view;
    const time = start + (event.offsetX / this.#canvas.clientWidth) * (end - start);
    this.go(Math.max(0, lastAtOrBefore(this.#starts, time)));
  };
}

function step(label: string, text: string): HTMLButtonElement {
  return h("button", { type: "button", "aria-label": label }, text);
}
