// One recording of the table at a time sounds.

import type { Kernel } from "../shared/kernel";
import { Sound } from "../shared/sound";

export class RowSound {
  /** Called when another recording sounds, or none. */
  onchange: (recording: number | null) => void = () => undefined;
  onstatus: (line: string) => void = () => undefined;
  readonly #kernel: Kernel;
  #sound: Sound | null = null;
  #recording: number | null = null;
  #turn = 0;
  #end = Infinity;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The recording that sounds. */
  get playing(): number | null {
    return this.#sound !== null && !this.#sound.media.paused ? this.#recording : null;
  }

  /** Play a recording from a second on, up to another where one is given; or stop it where it sounds. */
  async toggle(recording: number, start: number, end: number | null = null): Promise<void> {
    if (this.playing === recording) {
      this.pause();
      return;
    }
    const turn = (this.#turn += 1);
    try {
      const sound = this.#recording === recording && this.#sound !== null ? this.#sound : await this.#open(recording, turn);
      if (sound === null || turn !== this.#turn) return;
      await sound.ready();
      if (turn !== this.#turn) return;
      sound.media.currentTime = start;
      this.#end = end ?? Infinity;
      await sound.media.play();
      this.onstatus("");
      this.onchange(recording);
    } catch (error) {
      if (turn === this.#turn) this.onstatus(`No sound: ${(error as Error).message}.`);
    }
  }

  pause(): void {
    this.#turn += 1;
    this.#sound?.media.pause();
    this.onchange(null);
  }

  dispose(): void {
    this.pause();
    this.#sound?.dispose();
    this.#sound = null;
  }

  async #open(recording: number, turn: number): Promise<Sound | null> {
    this.#sound?.dispose();
    this.#sound = null;
    this.onchange(null);
    const { value } = await this.#kernel.ask("rowsound", { recording });
    const sound = new Sound((offset) => this.#kernel.ask("rowchunk", { recording, offset }), value);
    sound.media.addEventListener("ended", () => this.onchange(null));
    sound.media.addEventListener("timeupdate", () => {
      if (sound.media.currentTime >= this.#end) this.pause();
    });
    await sound.find();
    if (turn !== this.#turn) {
      sound.dispose(); // another was asked for meanwhile
      return null;
    }
    [this.#sound, this.#recording] = [sound, recording];
    return sound;
  }
}
