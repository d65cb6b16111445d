// One player on the page: heading and tools, the strip, below it the text. Its parts do the work; what they report is
// handed on here.

import base from "../shared/base.css";
import controls from "../shared/controls.css";
import { h } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import { keysDialog, typing } from "../shared/keys";
import type { Document, Live, Notice } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { Sound } from "../shared/sound";
import { coloursOf, label } from "../shared/speakers";
import { followTheme } from "../shared/theme";
import transcript from "../shared/transcript.css";
import { TranscriptView } from "../shared/transcript";
import { Work } from "../shared/work";
import { Head } from "./head";
import { act, KEYS, type Actions } from "./keys";
import { Layers } from "./layers";
import css from "./player.css";
import { download, RegionBar } from "./region";
import { Search } from "./search";
import { Transport } from "./transport";
import { Waveform, type Span } from "./waveform";

/** The segment that sounds at a time, or did last; before the first, that. */
export function segmentToLoop({ segments }: Pick<Document, "segments">, time: number): Span | null {
  return segments.findLast(({ start }) => start <= time + 0.01) ?? segments[0] ?? null;
}

export class View {
  readonly host: HTMLElement;
  readonly #kernel: Kernel;
  readonly #onchange: (document: Document) => void;
  readonly #root = h("div", { class: "player", role: "group" });
  readonly #sound: Sound;
  readonly #waveform: Waveform;
  readonly #transport: Transport;
  readonly #transcript: TranscriptView;
  readonly #layers: Layers;
  readonly #search: Search;
  readonly #regionBar: RegionBar;
  readonly #head: Head;
  readonly #work: Work;
  readonly #scope = new Scope();
  readonly #statusLine = h("div", { class: "say", role: "status" });
  readonly #speakers = h("div", { class: "legend", role: "list", "aria-label": "Speakers" });
  readonly #foot = h("div", { class: "foot" });
  readonly #help = keysDialog("player", KEYS);
  #document: Document;
  #region: Span | null = null;

  /**
   * @param foot Whether figures and models are shown below; a static output keeps its own.
   * @param onchange The text was changed here, and is to be changed in every other view of it.
   */
  constructor(host: HTMLElement, kernel: Kernel, document: Document, foot: boolean, onchange: (document: Document) => void) {
    [this.host, this.#kernel, this.#document, this.#onchange] = [host, kernel, document, onchange];
    this.#foot.hidden = !foot;
    this.#sound = new Sound((offset) => kernel.ask("sound", { offset }), document.sound);
    this.#transcript = new TranscriptView(document, {
      onseek: (time) => void this.#transport.play(time),
      onround: (index) => this.#layers.go(index),
      onedit: (segment, text) => void this.#change("edit", { segment, text }),
    });
    this.#waveform = this.#makeWaveform();
    const { minimap, element } = this.#waveform;
    this.#transport = new Transport(this.#sound, document.duration, element, minimap === null ? [] : [minimap.element], {
      onmoved: (time, playing) => this.#moved(time, playing),
      onloop: () => this.#loop(),
      onstatus: (line) => this.#status(line),
    });
    this.#layers = new Layers(kernel, this.#waveform, this.#transcript, (time) => this.#transport.seek(time));
    this.#search = new Search(document, {
      onhits: (hits, now) => this.#transcript.hits(hits, now),
      onseek: (time) => this.#transport.seek(time),
      onclose: () => this.#waveform.element.focus(),
    });
    this.#regionBar = this.#makeRegionBar();
    this.#head = this.#makeHead();
    this.#work = new Work("Stop transcribing", () => void kernel.ask("stop", {}).catch(() => undefined));
    this.#build();
    this.#listen();
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    root.replaceChildren(h("style", {}, base + controls + transcript + css), this.#root);
    this.#scope.add(() => {
      root.replaceChildren();
      host.remove();
    });
    this.#scope.add(followTheme(this.#root, () => this.#paint()));
    this.#waveform.marks(document);
    void this.#sound.find();
  }

  /** Show another text of the recording. */
  show(document: Document): void {
    this.#document = document;
    this.#transcript.show(document);
    this.#search.show(document);
    this.#regionBar.update(document);
    this.#waveform.marks(document);
    this.#update();
    this.#moved(this.#transport.time, false);
    if (this.#layers.traced) void this.#showTrace(true);
    if (this.#head.confidence) void this.#layers.showConfidence(true, document);
  }

  /** The transcript has grown. */
  grow(document: Document, { state, fraction, tail }: Live): void {
    this.#document = document;
    this.#regionBar.update(document);
    this.#search.show(document);
    this.#transcript.grow(document, tail);
    this.#working(fraction, state);
  }

  /** The transcript is written. */
  finish(document: Document, problem: string): void {
    this.#working(null);
    this.show(document);
    if (problem !== "") this.#status(`Not transcribed: ${problem}.`);
  }

  /** The kernel is gone: what is here goes on working. */
  offline(): void {
    const has = this.#sound.way === null ? "; the sound was not fetched yet" : ", playing and searching still work";
    this.#status(`The kernel is gone${has}.`);
    this.#root.querySelectorAll<HTMLButtonElement>("[data-kernel]").forEach((control) => (control.disabled = true));
  }

  /** An answer of the kernel takes long, or has come after that. */
  slow(slow: boolean): void {
    this.#status(slow ? "The kernel does not answer: it is busy, or gone." : "");
  }

  pause(): void {
    this.#transport.pause();
  }

  dispose(): void {
    this.#scope.dispose();
  }

  // -- parts -----------------------------------------------------------------------------------------------------------

  #makeWaveform(): Waveform {
    const { duration, levels } = this.#document;
    return new Waveform(this.#sound.media, this.#kernel, duration, levels, {
      onseek: (time) => this.#transport.seek(time),
      onregion: (region) => this.#marked(region),
      onview: (start, end) => this.#layers.view(start, end),
    });
  }

  #makeRegionBar(): RegionBar {
    return new RegionBar(this.#document, this.#kernel, {
      onclose: () => this.#clearRegion(),
      ondocument: (changed) => this.#onchange(changed),
      onwork: () => this.#working(0),
      onstatus: (line) => this.#status(line),
    });
  }

  #makeHead(): Head {
    return new Head(this.#document, {
      onsearch: () => this.#search.open(),
      onconfidence: (on) => void this.#layers.showConfidence(on, this.#document),
      ontokens: (on) => void this.#showTrace(on),
      onspectrogram: (on) => this.#layers.showSpectrogram(on),
      onwords: () => void this.#findWords(),
      onundo: () => void this.#change("undo", {}),
      onsave: (format) => void this.#save(format),
      onkeys: () => this.#help.showModal(),
    });
  }

  #build(): void {
    const { title, sound, several } = this.#document;
    this.#root.setAttribute("aria-label", several ? "Transcription of several recordings" : `Player of ${title}`);
    this.#head.element.hidden = this.#transport.element.hidden = several;
    if (sound === null && !several) this.#status("The recording is not here any more: the text stands without its sound.");
    const { element: region, beside } = this.#regionBar;
    this.#root.append(this.#head.element, this.#transport.element, this.#speakers, region, this.#search.element);
    this.#root.append(this.#work.element, this.#statusLine, beside, this.#transcript.element, this.#transcript.follow, this.#foot, this.#help);
    this.#update();
  }

  /** Show what is known of the text, and the tools that it has a use for. */
  #update(): void {
    const { turns, foot, writing } = this.#document;
    const colours = coloursOf(turns);
    this.#speakers.hidden = colours.size < 2;
    this.#speakers.replaceChildren(...Array.from(colours.keys(), (name) => label(name, colours, "listitem")));
    this.#head.update(this.#document);
    this.#foot.replaceChildren(...foot.map((line) => h("div", {}, line)));
    if (writing) this.#working(null, "Transcribing…");
  }

  #listen(): void {
    const parts = [this.#sound, this.#waveform, this.#transcript, this.#transport, this.#layers];
    for (const part of parts) this.#scope.add(() => part.dispose());
    this.#scope.listen(window, "keydown", (event) => this.#onkey(event), { capture: true });
    this.#scope.resized(this.#root, () => this.#waveform.paint());
    this.#scope.add(this.#kernel.onnotice((notice) => this.#onnotice(notice)));
  }

  // -- the sound and its parts -----------------------------------------------------------------------------------------

  #moved(time: number, playing: boolean): void {
    this.#waveform.moved(time);
    this.#transcript.moved(time, playing);
    if (playing) this.#layers.moved(time);
  }

  #marked(region: Span | null): void {
    this.#region = region;
    this.#transport.looped = region;
    this.#regionBar.show(region);
  }

  #clearRegion(): void {
    this.#waveform.clearRegion();
    this.#marked(null);
  }

  /** Switch the loop: of what is marked, else of the segment that sounds, which is marked then. */
  #loop(): void {
    if (this.#region !== null) {
      this.#transport.looped = this.#transport.looped === null ? this.#region : null;
      return;
    }
    const now = segmentToLoop(this.#document, this.#transport.time);
    if (now !== null) this.#waveform.select(now);
  }

  #paint(): void {
    this.#waveform.paint();
    this.#layers.paint();
  }

  // -- the kernel ------------------------------------------------------------------------------------------------------

  async #change(kind: "edit" | "undo", what: object): Promise<void> {
    try {
      const { value } = await this.#kernel.ask(kind, what);
      this.#onchange(value);
      this.#status(kind === "edit" ? "Corrected. The original is kept: transcript.edited has the correction." : "");
    } catch (error) {
      this.#status(`Not changed: ${(error as Error).message}.`);
    }
  }

  async #findWords(): Promise<void> {
    try {
      await this.#kernel.ask("words", {});
      this.#working(0);
    } catch (error) {
      this.#status(`No word times: ${(error as Error).message}.`);
    }
  }

  async #showTrace(on: boolean): Promise<void> {
    try {
      await this.#layers.showTrace(on);
    } catch (error) {
      this.#head.releaseTokens();
      this.#status(`No trace: ${(error as Error).message}.`);
    }
  }

  async #save(format: string): Promise<void> {
    try {
      const { value, buffers } = await this.#kernel.ask("file", { format });
      download(new Blob(buffers as DataView<ArrayBuffer>[]), value.name);
      this.#status(`Saved ${value.name} by the browser.`);
    } catch (error) {
      this.#status(`Not saved: ${(error as Error).message}.`);
    }
  }

  /** Show how far the kernel is: null and no words where nothing runs, null with words where nobody knows. */
  #working(fraction: number | null, state = fraction === null ? "" : "Transcribing…"): void {
    this.#work.show(state, fraction);
    if (fraction === 0) this.#status("");
  }

  #onnotice(notice: Notice): void {
    if (notice.notice === "live" || notice.notice === "finished" || notice.notice === "run") return; // not of one view
    if (notice.notice === "progress") {
      this.#working(notice.fraction);
      return;
    }
    this.#working(null);
    if (notice.notice === "failed") this.#status(`Not transcribed: ${notice.error}.`);
    else if (notice.notice === "stopped") this.#status("Stopped; the text is as it was.");
    else if (notice.kind === "words") this.#onchange(notice.document);
    else this.#regionBar.read(notice);
  }

  #status(line: string): void {
    this.#statusLine.textContent = line;
  }

  // -- keys ------------------------------------------------------------------------------------------------------------

  #onkey(event: KeyboardEvent): void {
    const around = this.host.getRootNode() as unknown as DocumentOrShadowRoot; // it may be shown in another widget
    if (around.activeElement !== this.host || this.#help.open) return;
    const target = event.composedPath()[0] ?? null;
    if (typing(target)) {
      event.stopPropagation(); // what is typed here is no shortcut of the notebook's
      const taken = this.#search.has(target) ? this.#search.key(event) : this.#transcript.key(event);
      if (taken) event.preventDefault();
      return;
    }
    if (target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) {
      event.stopPropagation(); // the button's own keys: the page presses it
      return;
    }
    if (!act(event, this.#actions)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  readonly #actions: Actions = {
    toggle: () => void this.#transport.toggle(),
    seekBy: (seconds) => this.#transport.seek(this.#transport.time + seconds),
    segment: (by) => {
      const time = this.#transcript.step(this.#transport.time, by);
      if (time !== null) this.#transport.seek(time);
    },
    volumeBy: (step) => this.#transport.volumeBy(step),
    speedBy: (step) => this.#transport.speedBy(step),
    zoom: (factor) => this.#waveform.zoom(factor),
    search: () => this.#search.open(),
    edit: () => this.#transcript.edit(Math.max(0, this.#transcript.now)),
    loop: () => this.#loop(),
    help: () => this.#help.showModal(),
    escape: () => {
      if (this.#region === null) return false;
      this.#clearRegion();
      return true;
    },
  };
}
