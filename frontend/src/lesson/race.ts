// A lesson: the target alone and speculative decoding race over the same recording, by the times that were measured.

import { button, h } from "../shared/dom";
import { asToken, outcome } from "../shared/tokens";
import { Numbers } from "./numbers";
import { Peaks } from "./peaks";
import type { Playback } from "./playback";
import type { RaceData } from "./protocol";
import { milliseconds, parts, timeline, type Parts } from "./timeline";
import { Track } from "./track";

const ROUNDING = 0.01; // ms that a slider's value may lose

export class Race {
  readonly element: HTMLElement;
  readonly playback: Playback;
  readonly #data: RaceData;
  readonly #tracks: readonly [Track, Track];
  readonly #peaks: Peaks;
  readonly #race = button("Race");
  readonly #speed = h("select", { "aria-label": "Speed" });
  readonly #time = h("input", { type: "range", min: 0, max: 1000, step: "any", value: 0, "aria-label": "Time of the race" });
  readonly #result = h("div", { class: "result", "aria-live": "polite" });
  readonly #card = h("div", { class: "card", "aria-live": "polite" });
  readonly #span: number;
  #now = 0; // ms of the race's clock
  #running = false;
  #turn = 0;
  #touched = false; // whether the speed was chosen

  constructor(data: RaceData, playback: Playback) {
    [this.#data, this.playback] = [data, playback];
    const [alone, speculative] = data.lanes;
    const times = [timeline(alone, data.encode_ms), timeline(speculative, data.encode_ms)] as const;
    this.#span = Math.max(times[0].total, times[1].total);
    this.#tracks = [
      new Track(alone, times[0], this.#span, (index) => this.#choose(0, index)),
      new Track(speculative, times[1], this.#span, (index) => this.#choose(1, index)),
    ];
    this.#peaks = new Peaks(data.sound);
    this.#time.max = String(this.#span);
    this.element = this.#layout();
    this.#listen();
    this.#choose(1, null);
    this.#at(0);
  }

  #layout(): HTMLElement {
    const [restart, back, forth] = [button("Restart"), button("‹", "Previous pass"), button("›", "Next pass")];
    restart.addEventListener("click", () => this.#restart());
    back.addEventListener("click", () => this.#step(-1));
    forth.addEventListener("click", () => this.#step(1));
    this.#race.classList.add("main");
    this.#speeds();
    const sums = this.#tracks.map(({ times }) => parts(times));
    const [encode, between] = [sums[0]?.encoder ?? 0, sums.reduce((total, { rest }) => total + rest, 0)];
    const numbers = new Numbers(["Time", ...this.#data.lanes.map(({ name }) => name)]);
    const row = (name: string, of: (sum: Parts) => number): [string, ...string[]] => [name, ...sums.map((sum) => milliseconds(of(sum)))];
    numbers.show([
      ...(encode > 0 ? [row("encoder", ({ encoder }) => encoder)] : []),
      row("drafts", ({ draft }) => draft),
      row("passes of the target", ({ verify }) => verify),
      row("between passes", ({ rest }) => rest),
      row("in all", ({ total }) => total),
      ["number of passes", ...sums.map(({ passes }) => String(passes))],
    ]);
    const computed = [
      `One scale for both bars: their width is ${milliseconds(this.#span)}.`,
      ...(encode > 0 ? [`The encoder took ${milliseconds(encode)}, the same for both.`] : []),
      ...(between > 0.005 * this.#span ? [`The time between passes, ${milliseconds(between)} in all, is drawn as evenly spread.`] : []),
      "The clocks are those of the measurement, whatever the speed of the race.",
    ];
    return h(
      "div",
      { class: "race" },
      h("div", { class: "bar" }, this.#race, restart, h("span", { class: "steps" }, back, forth), this.#speed),
      this.#peaks.element,
      ...this.#tracks.map(({ element }) => element),
      this.#time,
      legend(encode > 0),
      this.#result,
      this.#card,
      numbers.element,
      this.playback.element,
      h("div", { class: "foot" }, computed.join(" ")),
    );
  }

  #speeds(): void {
    const factor = this.#slow();
    const much = factor >= 1.5 ? ` (${Math.round(factor)}× slower)` : "";
    this.#speed.append(
      h("option", { value: factor }, `slow motion${much}: the target alone takes as long as the recording`),
      h("option", { value: 10 }, "10× slower"),
      h("option", { value: 1 }, "as measured"),
    );
    this.#usual();
  }

  /** How much slower the race is in slow motion. */
  #slow(): number {
    return (1000 * this.#data.sound.duration) / this.#tracks[0].times.total;
  }

  /** Slow motion where sound can play along, unless another speed was chosen. */
  #usual(): void {
    if (!this.#touched && !this.#running) this.#speed.selectedIndex = this.playback.available ? 0 : 1;
    this.#peaks.element.hidden = this.#speed.selectedIndex !== 0;
  }

  #listen(): void {
    this.#race.addEventListener("click", () => void this.#toggle());
    this.#speed.addEventListener("change", () => {
      this.#touched = true;
      this.#halt();
      this.#usual();
    });
    this.#time.addEventListener("input", () => {
      this.#halt();
      this.#at(Number(this.#time.value));
    });
    this.playback.onavailable = () => this.#usual();
  }

  get #calm(): boolean {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  async #toggle(): Promise<void> {
    if (this.#running) {
      this.#halt();
      return;
    }
    if (this.#now >= this.#span) this.#restart();
    if (this.#calm) {
      this.#at(this.#span);
      return;
    }
    this.#running = true;
    this.#label();
    const turn = (this.#turn += 1);
    const factor = Number(this.#speed.value);
    if (this.#speed.selectedIndex === 0 && this.playback.available) {
      const { start, duration } = this.#data.sound;
      await this.playback.play(start + Math.min(duration, (this.#now * factor) / 1000), start + duration);
    }
    if (turn === this.#turn) this.#run(factor, turn);
  }

  #run(factor: number, turn: number): void {
    const [from, began] = [this.#now, performance.now()];
    const tick = (): void => {
      if (turn !== this.#turn) return;
      if (!this.element.isConnected) {
        this.#halt(); // its cell is cleared, or scrolled away
        return;
      }
      this.#at(from + (performance.now() - began) / factor);
      if (this.#now < this.#span) requestAnimationFrame(tick);
      else this.#halt();
    };
    requestAnimationFrame(tick);
  }

  #halt(): void {
    this.#turn += 1;
    this.#running = false;
    this.playback.pause();
    this.#label();
  }

  #restart(): void {
    this.#halt();
    this.#at(0);
    this.#choose(1, null);
  }

  #label(): void {
    const text = this.#running ? "Pause" : this.#now >= this.#span ? "Race again" : this.#now > 0 ? "Go on" : "Race";
    this.#race.textContent = this.#race.title = text;
    this.#race.setAttribute("aria-label", text);
  }

  #at(time: number): void {
    this.#now = time > this.#span - ROUNDING ? this.#span : time;
    for (const track of this.#tracks) track.at(this.#now);
    this.#time.value = String(this.#now);
    this.#time.setAttribute("aria-valuetext", milliseconds(this.#now));
    const { start, duration } = this.#data.sound;
    this.#peaks.moved(start + (duration * this.#now) / this.#tracks[0].times.total);
    this.#result.textContent = this.#now >= this.#span ? this.#finish() : "";
    if (!this.#running) this.#label();
  }

  #finish(): string {
    const [alone, speculative] = this.#tracks.map(({ times: { total, blocks } }, i) => {
      return `${this.#data.lanes[i]?.name ?? ""}: ${milliseconds(total)} in ${blocks.length}`;
    });
    const ratio = (this.#tracks[0].times.total / this.#tracks[1].times.total).toFixed(2);
    const same = this.#data.same ? "the same text" : "but another text";
    const second = (alone ?? "").replace(/^The/, "the");
    return `${speculative ?? ""} passes; ${second}. ${ratio} times as fast, ${same}.`;
  }

  /** To the end of the next pass of either lane, or of the one before. */
  #step(by: 1 | -1): void {
    this.#halt();
    const ends = this.#tracks.flatMap(({ times }, lane) => times.blocks.map(({ end }, index) => ({ lane, index, end })));
    ends.sort((a, b) => a.end - b.end);
    const next =
      by > 0 ? ends.find(({ end }) => end > this.#now + 1e-6) : ends.filter(({ end }) => end < this.#now - 1e-6).at(-1);
    this.#at(next?.end ?? (by > 0 ? this.#span : 0));
    this.#choose(next?.lane === 0 ? 0 : 1, next?.index ?? null);
  }

  /** Show a round of a lane as text. */
  #choose(lane: 0 | 1, index: number | null): void {
    for (const [i, track] of this.#tracks.entries()) track.choose(i === lane ? index : null);
    const { name, rounds } = this.#data.lanes[lane];
    const round = index === null ? undefined : rounds[index];
    if (round === undefined) {
      this.#card.replaceChildren(h("span", { class: "soft" }, "Click a block of a bar, or step with ‹ and ›, to read its round."));
      return;
    }
    this.#card.replaceChildren(
      h("div", { class: "words" }, ...round.tokens.map(asToken)),
      h("div", { class: "soft" }, `${name}, round ${(index ?? 0) + 1} of ${rounds.length}: ${outcome(round)}`),
    );
  }
}

function legend(encoder: boolean): HTMLElement {
  const words = { a: "accepted draft", t: "the target’s own", r: "rejected draft" };
  const parts = { ...(encoder ? { encoder: "encoder" } : {}), draft: "draft", verify: "pass of the target" };
  return h(
    "div",
    { class: "legend" },
    ...Object.entries(words).map(([verdict, text]) => h("span", { class: `token ${verdict}` }, text)),
    ...Object.entries(parts).map(([part, text]) => h("span", {}, h("i", { class: `swatch ${part}` }), text)),
  );
}
