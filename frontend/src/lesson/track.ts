// A lane of the race: its clock, its bar with a block a round, its text as it grows.

import { h } from "../shared/dom";
import { asToken, trimStart } from "../shared/tokens";
import type { Lane, LessonRound } from "./protocol";
import { s, stretched } from "./svg";
import { finished, isMark, milliseconds, type Timeline } from "./timeline";

const MANY = 160; // rounds, from which on the lines between them would be all that is seen

/** A lane on the page, at a time of the race. */
export class Track {
  readonly element: HTMLElement;
  readonly times: Timeline;
  readonly #passes = h("span", { class: "soft number" });
  readonly #clock = h("span", { class: "total number" });
  readonly #bar: SVGSVGElement;
  readonly #texts: (readonly HTMLElement[])[];
  readonly #groups: SVGGElement[];
  readonly #span: number;
  #shown = -1;

  /** span: ms that the bar's whole width stands for. */
  constructor({ name, rounds }: Lane, times: Timeline, span: number, onround: (index: number) => void) {
    [this.times, this.#span] = [times, span];
    this.#groups = times.blocks.map(({ start, verify, end }, index) => {
      const rect = (part: string, from: number, to: number): SVGRectElement =>
        s("rect", { class: part, x: from, y: 0, width: to - from, height: 1 });
      return s("g", { "data-round": index }, rect("draft", start, verify), rect("verify", verify, end));
    });
    const encoder = s("rect", { class: "encoder", x: 0, y: 0, width: times.encoded, height: 1 });
    this.#bar = stretched(span, 1, encoder, ...this.#groups);
    if (rounds.length > MANY) this.#bar.classList.add("many");
    this.#bar.addEventListener("click", (event) => {
      const group = (event.target as Element).closest("[data-round]");
      if (group !== null) onround(Number(group.getAttribute("data-round")));
    });
    this.#texts = rounds.map(({ tokens }) => tokens.filter(({ text }) => !isMark(text)).map(asToken));
    trimStart(this.#texts.flat());
    this.element = h(
      "section",
      { class: "lane", "aria-label": name },
      h("div", { class: "head" }, h("b", {}, name), this.#passes, this.#clock),
      h("div", { class: "track" }, this.#bar),
      h("div", { class: "stack" }, ghost(rounds), h("div", { class: "words" }, ...this.#texts.flat())),
    );
    this.at(0);
  }

  /** Show what is done at a time. */
  at(time: number): void {
    const { blocks, total } = this.times;
    const done = finished(this.times, time);
    const now = Math.min(time, total);
    this.#bar.style.clipPath = `inset(0 ${(100 - (100 * now) / this.#span).toFixed(3)}% 0 0)`;
    this.#clock.textContent = milliseconds(now);
    this.element.classList.toggle("done", time >= total);
    if (done === this.#shown) return;
    this.#shown = done;
    this.#passes.textContent = `${done} ${done === 1 ? "pass" : "passes"}`;
    for (const [index, tokens] of this.#texts.entries()) {
      const latest = index === done - 1 && done < blocks.length;
      for (const token of tokens) token.hidden = index >= done || (token.classList.contains("r") && !latest);
    }
  }

  choose(index: number | null): void {
    for (const [i, group] of this.#groups.entries()) group.classList.toggle("chosen", i === index);
  }
}

/** All of a lane's text, unseen: it keeps the room that the text will need. */
function ghost(rounds: readonly LessonRound[]): HTMLElement {
  const tokens = rounds.flatMap((round) => round.tokens).filter(({ verdict, text }) => verdict !== "r" && !isMark(text));
  return h("div", { class: "words ghost", "aria-hidden": "true" }, ...tokens.map(asToken));
}
