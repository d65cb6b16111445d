// One player on the page: heading and tools, the strip, below it the text. Its parts do the work; what they report is
// handed on here.

import base from "../shared/base.css";
import controls from "../shared/controls.css";
import { button, h } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import { keysDialog, typing } from "../shared/keys";
import type { Document, Live, Notice } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { Sound } from "../shared/sound";
import { coloursOf, label } from "../shared/speakers";
import { Text } from "../shared/text";
import { followTheme } from "../shared/theme";
import transcript from "../shared/transcript.css";
import { act, KEYS, type Actions } from "./keys";
import css from "./player.css";
import { download, RegionBar } from "./region";
import { Search } from "./search";
import { Spectrogram } from "./spectrogram";
import { Trace } from "./trace";
import { Transport } from "./transport";
import { Waveform, type Span } from "./waveform";

export class View {
  readonly host: HTMLElement;
  readonly #kernel: Kernel;
  readonly #onchange: (document: Document) => void;
  readonly #root = h("div", { class: "player", role: "group" });
  readonly #sound: Sound;
  readonly #waveform: Waveform;
  readonly #transport: Transport;
  readonly #text: Text;
  readonly #search: Search;
  readonly #regionBar: RegionBar;
  readonly #scope = new Scope();
  readonly #say = h("div", { class: "say", role: "status" });
  readonly #doubt = toggle("Doubt", "Shade words by how unsure the model is", (on) => void this.#showDoubt(on));
  readonly #tokens = toggle("Tokens", "Show every token’s fate", (on) => void this.#showTrace(on));
  readonly #mel = toggle("Spectrogram", "Show what the model sees: its log-mel features", (on) => this.#showMel(on));
  readonly #words = button("Find words", "Find when each word is said");
  readonly #undo = button("Undo", "Take the last change back");
  readonly #progress = h("progress", { max: 1, value: 0, "aria-label": "Transcribing" });
  readonly #state = h("span", { class: "soft" });
  readonly #work = h("div", { class: "work", hidden: true });
  readonly #details = h("span", { class: "soft" });
  readonly #warning = h("span", { class: "warn" });
  readonly #speakers = h("div", { class: "legend", role: "list", "aria-label": "Speakers" });
  readonly #foot = h("div", { class: "foot" });
  readonly #help = keysDialog("player", KEYS);
  #document: Document;
  #region: Span | null = null;
  #trace: Trace | null = null;
  #spectrogram: Spectrogram | null = null;

  /**
   * @param foot Whether figures and models are shown below; a static output keeps its own.
   * @param onchange The text was changed here, and is to be changed in every other view of it.
   */
  constructor(host: HTMLElement, kernel: Kernel, document: Document, foot: boolean, onchange: (document: Document) => void) {
    [this.host, this.#kernel, this.#document, this.#onchange] = [host, kernel, document, onchange];
    this.#foot.hidden = !foot;
    this.#sound = new Sound((offset) => kernel.ask("sound", { offset }), document.sound);
    this.#text = new Text(document, {
      onseek: (time) => void this.#transport.play(time),
      onround: (index) => this.#trace?.go(index),
      onedit: (segment, text) => void this.#change("edit", { segment, text }),
    });
    this.#waveform = new Waveform(this.#sound.media, kernel, document.duration, document.levels, {
      onseek: (time) => this.#transport.seek(time),
      onregion: (region) => this.#marked(region),
      onview: (start, end) => {
        this.#trace?.draw(start, end);
        this.#spectrogram?.show(start, end);
      },
    });
    const { minimap, element } = this.#waveform;
    const above = minimap === null ? [] : [minimap.element];
    this.#transport = new Transport(this.#sound, document.duration, element, above, {
      onmoved: (time, playing) => this.#moved(time, playing),
      onloop: () => this.#loop(),
      onstatus: (line) => this.#status(line),
    });
    this.#search = new Search(document, {
      onhits: (hits, now) => this.#text.hits(hits, now),
      onseek: (time) => this.#transport.seek(time),
      onclose: () => this.#waveform.element.focus(),
    });
    this.#regionBar = new RegionBar(document, kernel, {
      onclose: () => this.#clearRegion(),
      ondocument: (changed) => this.#onchange(changed),
      onwork: () => this.#working(0),
      onstatus: (line) => this.#status(line),
    });
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
    this.#text.show(document);
    this.#search.show(document);
    this.#regionBar.update(document);
    this.#waveform.marks(document);
    this.#fit();
    this.#moved(this.#transport.time, false);
    if (this.#trace !== null) void this.#showTrace(true);
    if (this.#doubt.getAttribute("aria-pressed") === "true") void this.#showDoubt(true);
  }

  /** The transcript has grown. */
  grow(document: Document, { state, fraction, tail }: Live): void {
    this.#document = document;
    this.#regionBar.update(document);
    this.#search.show(document);
    this.#text.grow(document, tail);
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
    this.#root.querySelectorAll<HTMLButtonElement>("[data-kernel]").forEach((one) => (one.disabled = true));
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

  #build(): void {
    const { title, formats, sound, several } = this.#document;
    this.#root.setAttribute("aria-label", several ? "Transcription of several recordings" : `Player of ${title}`);
    for (const one of [this.#tokens, this.#mel, this.#words, this.#undo]) one.dataset["kernel"] = "";
    const tools = h(
      "div",
      { class: "tools", role: "group", "aria-label": "Tools" },
      tool("Search", "/", () => this.#search.open()),
      this.#doubt,
      this.#tokens,
      ...(sound === null ? [] : [this.#mel]),
      ...(sound === null ? [] : [this.#words]),
      this.#undo,
      ...(formats.length > 0 ? [this.#saver(formats)] : []),
      tool("Keys", "?", () => this.#help.showModal()),
    );
    const head = h(
      "div",
      { class: "head" },
      h("span", { class: "title", dir: "auto" }, title),
      this.#details,
      this.#warning,
      tools,
    );
    head.hidden = this.#transport.element.hidden = several;
    if (sound === null && !several) this.#status("The recording is not here any more: the text stands without its sound.");
    const stop = button("Stop", "Stop transcribing");
    stop.addEventListener("click", () => void this.#kernel.ask("stop", {}).catch(() => undefined));
    this.#work.append(this.#progress, this.#state, stop);
    const { element: region, beside } = this.#regionBar;
    this.#root.append(head, this.#transport.element, this.#speakers, region, this.#search.element, this.#work, this.#say, beside);
    this.#root.append(this.#text.element, this.#text.follow, this.#foot, this.#help);
    this.#fit();
  }

  /** Show what is known of the text, and the tools that it has a use for. */
  #fit(): void {
    const { segments, turns, changes, rounds, details, warning, foot, writing } = this.#document;
    const colours = coloursOf(turns);
    this.#speakers.hidden = colours.size < 2;
    this.#speakers.replaceChildren(...Array.from(colours.keys(), (name) => label(name, colours, "listitem")));
    const timed = segments.filter(({ words }) => words.length > 0).length;
    this.#doubt.hidden = timed === 0;
    this.#tokens.hidden = rounds === 0 || writing;
    this.#mel.hidden = writing; // the kernel knows whose features to compute once it is written
    this.#words.hidden = timed === segments.length || writing;
    this.#undo.hidden = changes === 0;
    this.#details.textContent = details.join(" · ");
    this.#warning.textContent = warning ?? "";
    this.#warning.hidden = warning === null;
    this.#foot.replaceChildren(...foot.map((line) => h("div", {}, line)));
    if (writing) this.#working(null, "Transcribing…");
  }

  #listen(): void {
    this.#undo.addEventListener("click", () => void this.#change("undo", {}));
    this.#words.addEventListener("click", () => void this.#findWords());
    this.#scope.add(() => this.#sound.dispose());
    for (const part of [this.#waveform, this.#text, this.#transport]) this.#scope.add(() => part.dispose());
    this.#scope.add(() => this.#spectrogram?.dispose());
    this.#scope.listen(window, "keydown", (event) => this.#onkey(event), { capture: true });
    this.#scope.resized(this.#root, () => this.#waveform.paint());
    this.#scope.add(this.#kernel.onnotice((notice) => this.#onnotice(notice)));
  }

  #moved(time: number, playing: boolean): void {
    this.#waveform.moved(time);
    this.#text.moved(time, playing);
    if (playing) this.#trace?.moved(time);
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
    const { segments } = this.#document;
    const now = segments.findLast(({ start }) => start <= this.#transport.time + 0.01) ?? segments[0];
    if (now !== undefined) this.#waveform.select(now);
  }

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

  /** Show how far the kernel is: null and no words where nothing runs, null with words where nobody knows. */
  #working(fraction: number | null, state = fraction === null ? "" : "Transcribing…"): void {
    this.#work.hidden = state === "";
    this.#state.textContent = state;
    if (fraction === null) this.#progress.removeAttribute("value");
    else this.#progress.value = fraction;
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

  async #showDoubt(on: boolean): Promise<void> {
    this.#text.element.classList.toggle("doubt", on);
    if (!on || this.#document.rounds === 0 || this.#document.writing) return;
    try {
      const { value } = await this.#kernel.ask("trace", {});
      this.#text.alternatives(value.rounds);
    } catch {
      // without its model the shades are all there is
    }
  }

  #showMel(on: boolean): void {
    this.#spectrogram?.dispose();
    this.#spectrogram = on ? new Spectrogram(this.#kernel) : null;
    if (this.#spectrogram === null) return;
    this.#waveform.element.after(this.#spectrogram.element);
    this.#spectrogram.show(...this.#waveform.view);
  }

  async #showTrace(on: boolean): Promise<void> {
    this.#trace?.element.remove();
    this.#trace?.ribbon.remove();
    this.#trace = null;
    this.#text.trace(null);
    if (!on) return;
    try {
      const { value } = await this.#kernel.ask("trace", {});
      const trace = new Trace(value.rounds, value.note, {
        onround: (index) => {
          const round = value.rounds[index];
          if (round !== undefined) this.#transport.seek(round.start + 0.001);
          trace.show(index);
        },
      });
      this.#trace = trace;
      this.#waveform.element.after(trace.ribbon);
      this.#text.element.before(trace.element);
      this.#text.trace(value.rounds);
      trace.draw(...this.#waveform.view);
    } catch (error) {
      this.#tokens.setAttribute("aria-pressed", "false");
      this.#status(`No trace: ${(error as Error).message}.`);
    }
  }

  #saver(formats: readonly string[]): HTMLSelectElement {
    const select = h("select", { "aria-label": "Save the transcript as", "data-kernel": true }, h("option", { value: "" }, "Save as…"));
    for (const format of formats) select.append(h("option", { value: format }, format));
    select.addEventListener("change", () => {
      const format = select.value;
      select.value = "";
      void this.#save(format);
    });
    return select;
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

  #status(line: string): void {
    this.#say.textContent = line;
  }

  #paint(): void {
    this.#waveform.paint();
    this.#trace?.draw(...this.#waveform.view);
  }

  #onkey(event: KeyboardEvent): void {
    const around = this.host.getRootNode() as unknown as DocumentOrShadowRoot; // it may be shown in another widget
    if (around.activeElement !== this.host || this.#help.open) return;
    const target = event.composedPath()[0] ?? null;
    if (typing(target)) {
      event.stopPropagation(); // what is typed here is no shortcut of the notebook's
      const taken = this.#search.has(target) ? this.#search.key(event) : this.#text.key(event);
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
      const time = this.#text.step(this.#transport.time, by);
      if (time !== null) this.#transport.seek(time);
    },
    volumeBy: (step) => this.#transport.volumeBy(step),
    speedBy: (step) => this.#transport.speedBy(step),
    zoom: (factor) => this.#waveform.zoom(factor),
    search: () => this.#search.open(),
    edit: () => this.#text.edit(Math.max(0, this.#text.now)),
    loop: () => this.#loop(),
    help: () => this.#help.showModal(),
    escape: () => {
      if (this.#region === null) return false;
      this.#clearRegion();
      return true;
    },
  };
}

function tool(text: string, key: string, act: () => void): HTMLButtonElement {
  const made = h("button", { type: "button", "aria-keyshortcuts": key }, text);
  made.addEventListener("click", act);
  return made;
}

function toggle(text: string, title: string, act: (on: boolean) => void): HTMLButtonElement {
  const made = h("button", { type: "button", title, "aria-pressed": "false" }, text);
  made.addEventListener("click", () => {
    const on = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", String(on));
    act(on);
  });
  return made;
}
