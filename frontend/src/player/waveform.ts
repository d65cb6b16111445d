// The waveform: wavesurfer.js draws it, from peaks that the kernel computed. It never decodes, and the peaks are pulled
// at the resolution that the zoom needs, for the part that is seen.

import WaveSurfer from "wavesurfer.js";
import RegionsPlugin, { type Region } from "wavesurfer.js/plugins/regions";

import { h, spoken } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import type { Document, Level } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { coloursOf } from "../shared/speakers";
import { barHeight, levelFor, noPeaks, piecesOf, speakerAt, visibleSeconds, writePeaks, zoomed } from "./geometry";
import { LONG, Minimap } from "./minimap";
import { MAX_SECONDS } from "./spectrogram";

const HEIGHT = 48;
const CHUNK = 20_000; // peaks asked for at once
const AGAIN = 700; // ms until peaks that were not there yet are asked for again
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
  #peaks = noPeaks(2);
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
      peaks: [...this.#peaks],
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
    return visibleSeconds(this.#surfer.getScroll(), this.element.clientWidth, this.#surfer.getWrapper().scrollWidth, this.#duration);
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
    const speaker = speakerAt(this.#turns, time);
    this.element.setAttribute("aria-valuetext", `${spoken(time)} of ${spoken(this.#duration)}${speaker === "" ? "" : `, ${speaker}`}`);
  }

  zoom(factor: number): void {
    const whole = this.element.clientWidth / this.#duration;
    this.#pixels = zoomed(this.#pixels, whole, factor);
    this.#surfer.zoom(this.#pixels <= whole * 1.01 ? 0 : this.#pixels);
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
    const index = levelFor(this.#levels, this.#duration / Math.max(1, pixels));
    const level = this.#levels[index];
    if (level === undefined || !(level.count > 0)) return;
    if (index !== this.#level) {
      this.#level = index;
      this.#pieces = new Set();
      this.#peaks = noPeaks(level.count);
    }
    for (const piece of piecesOf(level, start, end, CHUNK)) {
      if (this.#pieces.has(piece)) continue;
      this.#pieces.add(piece);
      try {
        await this.#pull(index, piece);
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
    if (buffers[0] !== undefined) writePeaks(this.#peaks, start, buffers[0]);
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
    this.#surfer.setOptions({ peaks: [...this.#peaks], duration: this.#duration, barHeight: barHeight(this.#peaks) });
    const drawn = this.#surfer.getDecodedData();
    if (drawn !== null) void this.#surfer.getRenderer().render(drawn); // setOptions alone draws the peaks of before
  }
}
