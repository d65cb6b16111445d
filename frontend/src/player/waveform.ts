// The waveform: wavesurfer.js draws it, from peaks that the kernel computed. It never decodes, and the peaks are pulled
// at the resolution that the zoom needs, for the part that is seen.

import WaveSurfer from "wavesurfer.js";
import RegionsPlugin, { type Region } from "wavesurfer.js/plugins/regions";

import { clock, h, lastAtOrBefore, spoken } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import type { Document, Level } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { coloursOf } from "../shared/speakers";
import { LONG, Minimap } from "./minimap";
import { MAX_SECONDS } from "./spectrogram";

const HEIGHT = 48;
const CHUNK = 20_000; // peaks asked for at once
const AGAIN = 700; // ms until peaks that were not there yet are asked for again
const MAX_PIXELS = 400; // pixels a second
const SHOWN_AT_FIRST = 0.98 * MAX_SECONDS; // seconds of a recording that has a minimap; wherever pixels end, they have a spectrogram

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface WaveformEvents {
  onseek(time: number): void;
  onregion(region: Span | null): void;
  onview(start: number, end: number): void;
}

export class Waveform {
  readonly element: HTMLElement;
  /** Stands above it where the recording is long. */
  readonly minimap: Minimap | null;
  readonly #surfer: WaveSurfer;
  readonly #regions: ReturnType<typeof RegionsPlugin.create>;
  readonly #media: HTMLMediaElement;
  readonly #kernel: Kernel;
  readonly #duration: number;
  readonly #levels: readonly Level[];
  readonly #on: WaveformEvents;
  readonly #scope = new Scope();
  readonly #marks: HTMLElement[] = [];
  #turns: Document["turns"] = [];
  #level = -1;
  #pieces = new Set<number>();
  #peaks: [Float32Array, Float32Array] = [new Float32Array(2), new Float32Array(2)];
  #region: Region | null = null;
  #pixels = 0; // a second

  constructor(media: HTMLMediaElement, kernel: Kernel, duration: number, levels: readonly Level[], on: WaveformEvents) {
    [this.#media, this.#kernel, this.#duration, this.#levels, this.#on] = [media, kernel, duration, levels, on];
    this.element = h("div", {
      class: "waveform",
      role: "slider",
      tabindex: 0,
      "aria-label": "Position in the recording",
      "aria-valuemin": 0,
      "aria-valuemax": Math.round(duration),
      "aria-valuenow": 0,
      "aria-valuetext": "0 seconds",
    });
    this.#regions = RegionsPlugin.create();
    this.#surfer = WaveSurfer.create({
      container: this.element,
      media,
      height: HEIGHT,
      peaks: this.#peaks,
      duration,
      waveColor: "transparent",
      progressColor: "transparent",
      cursorColor: "transparent",
      cursorWidth: 2,
      autoScroll: true,
      autoCenter: false,
      plugins: [this.#regions],
    });
    this.#scope.add(() => this.#surfer.destroy());
    this.minimap = duration > LONG ? new Minimap(kernel, duration, levels, (time) => this.#go(time)) : null;
    this.#scope.add(() => this.minimap?.dispose());
    this.#surfer.on("interaction", (time) => {
      on.onseek(time);
    });
    this.#surfer.on("scroll", (start, end) => {
      void this.#fill(start, end);
      this.#viewed(start, end);
    });
    this.#surfer.on("redraw", () => this.#viewed(...this.view));
    this.#surfer.on("ready", () => this.#begin());
    this.#regions.enableDragSelection({ color: "color-mix(in srgb, var(--mark) 22%, transparent)" });
    this.#regions.on("region-created", (region) => {
      if (this.#region !== null && this.#region !== region) this.#region.remove();
      this.#region = region;
      on.onregion({ start: region.start, end: region.end });
    });
    this.#regions.on("region-updated", (region) => {
      on.onregion({ start: region.start, end: region.end });
    });
    this.#scope.listen(this.element, "wheel", this.#onwheel, { passive: false });
  }

  /** Show a part of a long recording at first, once there is something to show. */
  #begin(): void {
    const ready = this.element.clientWidth > 0 && this.#surfer.getDecodedData() !== null;
    if (this.minimap !== null && this.#pixels === 0 && ready) this.zoom(this.#duration / SHOWN_AT_FIRST);
  }

  #viewed(start: number, end: number): void {
    this.minimap?.view(start, end);
    this.#on.onview(start, end);
  }

  /** Seek from the minimap: the waveform shows that place. */
  #go(time: number): void {
    this.#on.onseek(time);
    this.#centre(time);
  }

  #centre(time: number): void {
    this.#surfer.setScrollTime(Math.max(0, time - this.element.clientWidth / Math.max(1e-6, this.#pixels) / 2));
  }

  /** Seconds that are seen. */
  get view(): [number, number] {
    const wrapper = this.#surfer.getWrapper();
    const all = wrapper.scrollWidth || 1;
    const left = this.#surfer.getScroll();
    const width = Math.min(this.element.clientWidth, all);
    return [(left / all) * this.#duration, ((left + width) / all) * this.#duration];
  }

  /** Colours come from the page's theme: a canvas does not follow CSS variables by itself. */
  paint(): void {
    const style = getComputedStyle(this.element);
    this.#surfer.setOptions({
      waveColor: style.getPropertyValue("--wave").trim() || "gray",
      progressColor: style.getPropertyValue("--mark").trim() || "royalblue",
      cursorColor: style.getPropertyValue("--text").trim() || "black",
    });
    this.#begin();
    void this.#fill(...this.view);
  }

  /** Draw who speaks, what was left out, and what may be wrong; a click there seeks as anywhere. */
  marks({ gaps, segments, turns }: Document): void {
    const colours = coloursOf(turns);
    this.#turns = turns;
    for (const mark of this.#marks.splice(0)) mark.remove();
    for (const { start, end, why } of gaps) this.#mark(start, end, why, "top:0;height:100%;background:var(--gap)");
    for (const { start, end, flags } of segments) {
      if (flags !== "") this.#mark(start, end, `⚑ ${flags}`, "bottom:0;height:3px;background:var(--warn)");
    }
    for (const [start, end, name] of turns) {
      this.#mark(start, end, name, `top:0;height:4px;border-bottom:2px solid var(--surface);forced-color-adjust:none;background:${colours.get(name) ?? ""}`);
    }
    this.minimap?.flags(segments);
  }

  #mark(start: number, end: number, title: string, style: string): void {
    const mark = h("div", { title });
    const [left, width] = [(100 * start) / this.#duration, (100 * (end - start)) / this.#duration];
    mark.style.cssText = `position:absolute;left:${left}%;width:${width}%;${style}`;
    this.#surfer.getWrapper().append(mark);
    this.#marks.push(mark);
  }

  clearRegion(): void {
    this.#region?.remove();
    this.#region = null;
  }

  /** Mark a stretch, as a drag does. */
  select({ start, end }: Span): void {
    this.#regions.addRegion({ start, end, color: "color-mix(in srgb, var(--mark) 22%, transparent)" });
  }

  /** The sound is at a time. */
  moved(time: number): void {
    this.minimap?.moved(time);
    const now = String(Math.round(time));
    if (this.element.getAttribute("aria-valuenow") === now) return; // every frame would flood a screen reader
    this.element.setAttribute("aria-valuenow", now);
    this.element.setAttribute("aria-valuetext", `${spoken(time)} of ${spoken(this.#duration)}${this.#speaking(time)}`);
  }

  /** Who speaks at a time, for the end of a line. */
  #speaking(time: number): string {
    const [, end, name] = this.#turns[lastAtOrBefore(this.#turns.map(([start]) => start), time)] ?? [0, 0, ""];
    return time < end ? `, ${name}` : "";
  }

  zoom(factor: number): void {
    const least = this.element.clientWidth / this.#duration;
    this.#pixels = Math.min(MAX_PIXELS, Math.max(least, (this.#pixels || least) * factor));
    this.#surfer.zoom(this.#pixels <= least * 1.01 ? 0 : this.#pixels);
    this.#centre(this.#media.currentTime);
    void this.#fill(...this.view);
  }

  dispose(): void {
    this.#scope.dispose();
  }

  readonly #onwheel = (event: WheelEvent): void => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.25 : 0.8);
  };

  /** Pull the peaks between two times, at the coarsest level that has one for each pixel. */
  async #fill(start: number, end: number): Promise<void> {
    const pixels = this.#surfer.getWrapper().scrollWidth * devicePixelRatio;
    const wanted = this.#duration / Math.max(1, pixels);
    let level = this.#levels.findIndex((_, i) => (this.#levels[i + 1]?.seconds ?? Infinity) > wanted);
    level = level < 0 ? this.#levels.length - 1 : level;
    const found = this.#levels[level];
    if (found === undefined || !(found.count > 0)) return;
    if (level !== this.#level) {
      this.#level = level;
      this.#pieces = new Set();
      this.#peaks = [new Float32Array(found.count), new Float32Array(found.count)];
    }
    const [first, last] = [Math.floor(start / found.seconds / CHUNK), Math.floor(end / found.seconds / CHUNK)];
    for (let piece = first; piece <= last; piece++) {
      if (this.#pieces.has(piece) || piece * CHUNK >= found.count) continue;
      this.#pieces.add(piece);
      try {
        await this.#pull(level, piece);
      } catch {
        this.#pieces.delete(piece); // no kernel: what is drawn stays
        return;
      }
    }
  }

  async #pull(level: number, piece: number): Promise<void> {
    const start = piece * CHUNK;
    const { value, buffers } = await this.#kernel.ask("peaks", { level, start, count: CHUNK });
    if (level !== this.#level || this.#scope.disposed) return;
    const bytes = buffers[0];
    const [highs, lows] = this.#peaks;
    for (let i = 0; bytes && i < bytes.byteLength / 2 && start + i < highs.length; i++) {
      lows[start + i] = Math.max(0, -bytes.getInt8(2 * i) / 127);
      highs[start + i] = Math.max(0, bytes.getInt8(2 * i + 1) / 127);
    }
    this.#draw();
    if (!value.complete) {
      this.#scope.timeout(() => {
        this.#pieces.delete(piece);
        void this.#fill(...this.view);
      }, AGAIN);
    }
  }

  /** Draw what is there: quiet recordings as high as loud ones. */
  #draw(): void {
    const barHeight = 0.94 / Math.max(0.05, this.#loudest());
    this.#surfer.setOptions({ peaks: this.#peaks, duration: this.#duration, barHeight });
    const drawn = this.#surfer.getDecodedData();
    if (drawn !== null) void this.#surfer.getRenderer().render(drawn); // setOptions alone draws the peaks of before
  }

  #loudest(): number {
    let loudest = 0;
    for (const channel of this.#peaks) for (const peak of channel) loudest = Math.max(loudest, peak);
    return loudest;
  }

  /** What a region is called, for a screen reader. */
  static named({ start, end }: Span): string {
    return `${clock(start)} to ${clock(end)}`;
  }
}
