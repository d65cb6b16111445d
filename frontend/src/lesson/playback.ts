// Playing parts of a lesson's sound: from the kernel where one lives, else from the page where it was embedded.

import { h } from "../shared/dom";
import { PLAYING, type Sound } from "../shared/sound";
import type { LessonSound } from "./protocol";

export class Playback {
  readonly data: LessonSound;
  /** Says where there is no sound, and why. */
  readonly element = h("div", { class: "say" });
  /** Called when the sound starts, moves, and ends: the second of the recording, null where nothing sounds. */
  onmoved: (time: number | null) => void = () => undefined;
  /** Called when there is a sound, or no longer one. */
  onavailable: (available: boolean) => void = () => undefined;
  #source: Sound | null = null;
  #media: HTMLAudioElement | null = null;
  #turn = 0;
  #end = Infinity;

  constructor(data: LessonSound) {
    this.data = data;
    if (data.url !== null) this.#use(h("audio", { preload: "auto", src: data.url }));
    this.#report();
    window.addEventListener(PLAYING, (event) => {
      if ((event as CustomEvent).detail !== this) this.pause();
    });
  }

  get available(): boolean {
    return this.#media !== null;
  }

  get playing(): boolean {
    return this.#media?.paused === false;
  }

  /** A kernel lives, and gives the recording. */
  async give(source: Sound): Promise<void> {
    if (!source.exists) return;
    await source.find();
    this.pause();
    this.#source = source;
    this.#use(source.media);
    this.#report();
  }

  /** Play from one second of the recording to another. Resolves when it sounds: false where it does not. */
  async play(start: number, end = Infinity): Promise<boolean> {
    const turn = (this.#turn += 1);
    try {
      await this.#source?.ready();
      const media = this.#media;
      if (media === null || turn !== this.#turn) return false;
      await metadata(media);
      media.currentTime = start - this.#offset(media);
      this.#end = end;
      window.dispatchEvent(new CustomEvent(PLAYING, { detail: this }));
      await media.play();
      return turn === this.#turn;
    } catch (error) {
      if (turn === this.#turn) this.element.textContent = `No sound: ${(error as Error).message.replace(/\.$/, "")}.`;
      return false; // where something else was asked for meanwhile, that is no mistake
    }
  }

  pause(): void {
    this.#turn += 1;
    this.#media?.pause();
  }

  /** Second of the recording at which the media begins: it holds the lesson's part alone, or all; its length tells. */
  #offset({ duration }: HTMLAudioElement): number {
    const { data } = this;
    return duration < data.duration + data.start / 2 ? data.start : 0;
  }

  #use(media: HTMLAudioElement): void {
    this.#media = media;
    media.addEventListener("play", () => requestAnimationFrame(() => this.#tick(media)));
    media.addEventListener("pause", () => {
      if (media === this.#media) this.onmoved(null);
    });
  }

  #tick(media: HTMLAudioElement): void {
    if (media.paused || media !== this.#media) return;
    const time = media.currentTime + this.#offset(media);
    if (time >= this.#end || !this.element.isConnected) media.pause(); // its cell may be cleared, or scrolled away
    else {
      this.onmoved(time);
      requestAnimationFrame(() => this.#tick(media));
    }
  }

  #report(): void {
    this.element.textContent = this.available ? "" : "The sound is not in this page.";
    this.onavailable(this.available);
  }
}

async function metadata(media: HTMLAudioElement): Promise<void> {
  if (media.readyState >= HTMLMediaElement.HAVE_METADATA || media.error !== null) return;
  await new Promise((resolve) => {
    for (const event of ["loadedmetadata", "error"]) media.addEventListener(event, resolve, { once: true });
    media.load();
  });
}
