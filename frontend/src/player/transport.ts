// The strip: play, time, waveform, loop, speed, volume. It moves the sound, and reports where that is.

import { button, clock, h, icon, type IconName } from "../shared/dom";
import { Refused } from "../shared/kernel";
import { Scope } from "../shared/scope";
import { PLAYING, type Sound } from "../shared/sound";
import type { Span } from "./waveform";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

export interface TransportEvents {
  onmoved(time: number, playing: boolean): void;
  onloop(): void;
  onstatus(line: string): void;
}

export class Transport {
  readonly element: HTMLElement;
  readonly #sound: Sound;
  readonly #duration: number;
  readonly #on: TransportEvents;
  readonly #clock = h("b", {}, "0:00");
  readonly #play = iconButton("play", "Play");
  readonly #loop = iconButton("loop", "Loop the marked part (L)");
  readonly #mute = iconButton("volume", "Mute");
  readonly #volume = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, "aria-label": "Volume" });
  readonly #speed = h("select", { class: "speed", "aria-label": "Speed" }, ...SPEEDS.map((n) => h("option", { value: n }, `${n}×`)));
  readonly #scope = new Scope();
  #looped: Span | null = null;
  #frame = 0;

  /** above: what stands above the waveform, as wide. */
  constructor(sound: Sound, duration: number, waveform: HTMLElement, above: readonly HTMLElement[], on: TransportEvents) {
    [this.#sound, this.#duration, this.#on] = [sound, duration, on];
    this.#speed.value = "1";
    this.#play.classList.add("play");
    this.#loop.setAttribute("aria-pressed", "false");
    for (const control of [this.#play, this.#loop]) control.disabled = !sound.exists;
    this.element = h(
      "div",
      { class: "strip", role: "group", "aria-label": "Transport" },
      this.#play,
      h("span", { class: "clock" }, this.#clock, h("span", { class: "whole" }, ` / ${clock(duration)}`)),
      ...above,
      waveform,
      h("span", { class: "rate" }, this.#loop, this.#speed),
      h("span", { class: "volume" }, this.#mute, this.#volume),
    );
    this.#listen();
  }

  get time(): number {
    return this.#sound.media.currentTime;
  }

  /** The stretch that is played again and again; null for none. */
  get looped(): Span | null {
    return this.#looped;
  }

  set looped(span: Span | null) {
    this.#looped = span;
    this.#loop.setAttribute("aria-pressed", String(span !== null));
  }

  async toggle(): Promise<void> {
    if (this.#sound.media.paused) await this.play();
    else this.pause();
  }

  pause(): void {
    this.#sound.media.pause();
  }

  /** Play on, or from a time; the sound is fetched first where it has not come yet. */
  async play(from?: number): Promise<void> {
    if (from !== undefined) this.seek(from);
    const { media } = this.#sound;
    if (!this.#sound.exists || !media.paused) return;
    try {
      const fetching = this.#sound.way === null;
      if (fetching) this.#on.onstatus("Fetching the sound from the kernel…");
      this.#sound.onprogress = (seconds) => {
        const share = Math.min(99, Math.round((100 * seconds) / Math.max(1, this.#duration)));
        this.#on.onstatus(`Fetching the sound from the kernel: ${share} %`);
      };
      await this.#sound.ready();
      if (fetching) this.#on.onstatus(""); // any other line stays: the text must not move under a double click
      media.playbackRate = Number(this.#speed.value);
      await media.play();
    } catch (error) {
      if (error instanceof Refused) this.#on.onstatus(`No sound: ${error.message}.`);
      else if (error instanceof DOMException && error.name !== "AbortError") this.#on.onstatus(UNPLAYABLE);
    }
  }

  seek(time: number): void {
    this.#sound.media.currentTime = Math.min(this.#duration, Math.max(0, time));
    this.#moved();
  }

  volumeBy(step: number): void {
    const { media } = this.#sound;
    media.muted = false;
    media.volume = Math.min(1, Math.max(0, Math.round((media.volume + step) * 100) / 100));
  }

  speedBy(step: number): void {
    const at = Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(Number(this.#speed.value)) + step));
    this.#speed.value = String(SPEEDS[at]);
    this.#sound.media.playbackRate = Number(this.#speed.value);
  }

  dispose(): void {
    this.#scope.dispose();
  }

  #listen(): void {
    const { media } = this.#sound;
    const on = (target: EventTarget, type: string, act: (event: Event) => void): unknown => this.#scope.listen(target, type, act);
    this.#scope.add(() => cancelAnimationFrame(this.#frame));
    on(this.#play, "click", () => void this.toggle());
    on(this.#loop, "click", () => this.#on.onloop());
    on(this.#mute, "click", () => (media.muted = !media.muted));
    on(this.#volume, "input", () => (media.volume = Number(this.#volume.value)));
    on(this.#speed, "change", () => (media.playbackRate = Number(this.#speed.value)));
    on(media, "play", () => this.#started());
    on(media, "pause", () => this.#shown());
    on(media, "seeking", () => this.#moved());
    on(media, "volumechange", () => this.#shownVolume());
    on(media, "error", () => {
      if (media.src) this.#on.onstatus(UNPLAYABLE);
    });
    on(window, PLAYING, (event) => {
      if ((event as CustomEvent).detail !== this) media.pause();
    });
  }

  #started(): void {
    window.dispatchEvent(new CustomEvent(PLAYING, { detail: this }));
    this.#shown();
    const tick = (): void => {
      this.#moved();
      if (!this.#sound.media.paused) this.#frame = requestAnimationFrame(tick);
    };
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(tick);
  }

  #shown(): void {
    const playing = !this.#sound.media.paused;
    setIcon(this.#play, playing ? "pause" : "play", playing ? "Pause" : "Play");
    this.#moved();
  }

  #moved(): void {
    const { media } = this.#sound;
    const span = this.#looped;
    if (span !== null && !media.paused && (media.currentTime >= span.end || media.currentTime < span.start - 0.25)) {
      media.currentTime = span.start;
    }
    this.#clock.textContent = clock(media.currentTime, this.#duration);
    this.#on.onmoved(media.currentTime, !media.paused);
  }

  #shownVolume(): void {
    const { media } = this.#sound;
    this.#volume.value = String(media.muted ? 0 : media.volume);
    setIcon(this.#mute, media.muted || media.volume === 0 ? "muted" : "volume", media.muted ? "Unmute" : "Mute");
  }
}

const UNPLAYABLE = "The browser cannot play this sound.";

function iconButton(name: IconName, label: string): HTMLButtonElement {
  const element = button("", label);
  element.replaceChildren(icon(name));
  return element;
}

function setIcon(element: HTMLButtonElement, name: IconName, label: string): void {
  element.setAttribute("aria-label", label);
  element.title = label;
  element.replaceChildren(icon(name));
}
