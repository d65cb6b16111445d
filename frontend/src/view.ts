// One player on the page: a strip with the waveform and the transport, below it the text.

import { button, clock, h, icon, type IconName } from "./dom";
import { Kernel, Refused } from "./kernel";
import { act, KEYS, typing, type Actions } from "./keys";
import css from "./player.css";
import type { Document, Notice } from "./protocol";
import { download, RegionBar } from "./region";
import { Search } from "./search";
import { Sound } from "./sound";
import { Text } from "./text";
import { Trace } from "./trace";
import { Waveform, type Span } from "./waveform";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const PLAYING = "whisper-magic-playing"; // one at a time on a page

export class View {
  readonly host: HTMLElement;
  readonly #root = h("div", { class: "player", role: "group" });
  readonly #kernel: Kernel;
  #document: Document;
  readonly #sound: Sound;
  readonly #waveform: Waveform;
  readonly #text: Text;
  readonly #stop = new AbortController();
  readonly #say = h("div", { class: "say", role: "status" });
  readonly #clock = h("b", {}, "0:00");
  readonly #play = iconButton("play", "Play");
  readonly #loop = iconButton("loop", "Loop the marked part (L)");
  readonly #mute = iconButton("volume", "Mute");
  readonly #volume = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, "aria-label": "Volume" });
  readonly #speed: HTMLSelectElement;
  readonly #search: Search;
  readonly #regionBar: RegionBar;
  readonly #words = button("Find words", "Find when each word is said");
  readonly #undo = button("Undo", "Take the last change back");
  readonly #progress = h("progress", { max: 1, value: 0, "aria-label": "Transcribing" });
  readonly #work = h("div", { class: "work", hidden: true });
  readonly #help: HTMLDialogElement;
  #region: Span | null = null;
  #looping = false;
  #trace: Trace | null = null;
  #frame = 0;

  constructor(host: HTMLElement, kernel: Kernel, document: Document) {
    [this.host, this.#kernel, this.#document] = [host, kernel, document];
    this.#speed = h("select", { class: "speed", "aria-label": "Speed" }, ...SPEEDS.map((n) => h("option", { value: n }, `${n}×`)));
    this.#speed.value = "1";
    this.#help = help();
    this.#sound = new Sound(kernel, document.sound);
    this.#text = new Text(document, {
      onseek: (time) => void this.#playFrom(time),
      onround: (index) => this.#trace?.go(index),
      onedit: (segment, text) => void this.#change("edit", { segment, text }),
    });
    this.#waveform = new Waveform(this.#sound.media, kernel, document.duration, document.levels, {
      onseek: (time) => {
        this.#seek(time);
      },
      onregion: (region) => {
        this.#marked(region);
      },
      onview: (start, end) => this.#trace?.draw(start, end),
    });
    this.#search = new Search(document, {
      onhits: (hits, now) => this.#text.hits(hits, now),
      onseek: (time) => this.#seek(time),
      onclose: () => this.#waveform.element.focus(),
    });
    this.#regionBar = new RegionBar(document, kernel, {
      onclose: () => this.#clearRegion(),
      ondocument: (changed) => this.#changed(changed),
      onwork: () => this.#working(0),
      onstatus: (line) => this.#status(line),
    });
    kernel.onslow = (slow) => this.#status(slow ? "The kernel does not answer: it is busy, or gone." : "");
    this.#build();
    this.#listen();
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    root.replaceChildren(h("style", {}, css), this.#root);
    this.#paint();
    this.#waveform.gaps(document.gaps);
    void this.#sound.find();
  }

  /** The kernel is gone: what is here goes on working. */
  offline(): void {
    const has = this.#sound.way === null ? "; the sound was not fetched yet" : ", playing and searching still work";
    this.#status(`The kernel is gone${has}.`);
    this.#root.querySelectorAll<HTMLButtonElement>("[data-kernel]").forEach((one) => (one.disabled = true));
  }

  pause(): void {
    this.#sound.media.pause();
  }

  close(): void {
    this.#stop.abort();
    cancelAnimationFrame(this.#frame);
    this.#text.close();
    this.#waveform.close();
    this.#sound.close();
    this.host.shadowRoot?.replaceChildren();
  }

  #build(): void {
    const { title, details, warning, duration, rounds, formats, sound, foot } = this.#document;
    this.#root.setAttribute("aria-label", `Player of ${title}`);
    const tools = h("div", { class: "tools", role: "toolbar", "aria-label": "Views" }, this.#tool("Search", "/", () => this.#search.open()));
    const hasWords = this.#document.segments.some(({ words }) => words.length > 0);
    if (hasWords) tools.append(this.#toggle("Doubt", "Shade words by how unsure the model is", (on) => this.#text.element.classList.toggle("doubt", on)));
    if (rounds > 0) tools.append(this.#toggle("Tokens", "Show every token’s fate", (on) => void this.#showTrace(on), true));
    if (sound !== null) tools.append(this.#words);
    tools.append(this.#undo);
    if (formats.length > 0) tools.append(this.#saver(formats));
    tools.append(this.#tool("Keys", "?", () => this.#help.showModal()));
    const head = h(
      "div",
      { class: "head" },
      h("span", { class: "title", dir: "auto" }, title),
      ...details.map((detail) => h("span", { class: "soft" }, detail)),
      ...(warning === null ? [] : [h("span", { class: "warn" }, warning)]),
      tools,
    );
    this.#play.classList.add("play");
    const strip = h(
      "div",
      { class: "strip", role: "group", "aria-label": "Transport" },
      this.#play,
      h("span", { class: "clock" }, this.#clock, h("span", { class: "whole" }, ` / ${clock(duration)}`)),
      this.#waveform.element,
      h("span", { class: "rate" }, this.#loop, this.#speed),
      h("span", { class: "volume" }, this.#mute, this.#volume),
    );
    this.#loop.setAttribute("aria-pressed", "false");
    if (sound === null) {
      for (const one of [this.#play, this.#loop]) one.disabled = true;
      this.#status("The recording is not here any more: the text stands without its sound.");
    }
    for (const one of [this.#words, this.#undo]) one.dataset["kernel"] = "";
    const stop = button("Stop", "Stop transcribing");
    stop.addEventListener("click", () => void this.#kernel.ask("stop", {}).catch(() => undefined));
    this.#work.append(this.#progress, h("span", { class: "soft" }, "Transcribing…"), stop);
    const below = h("div", { class: "foot" }, ...foot.map((line) => h("div", {}, line)));
    const { element: search } = this.#search;
    const { element: region, beside } = this.#regionBar;
    this.#root.append(head, strip, region, search, this.#work, this.#say, beside, this.#text.element, this.#text.follow, below);
    this.#root.append(this.#help);
    this.#show();
  }

  #listen(): void {
    const media = this.#sound.media;
    const { signal } = this.#stop;
    const listen = (target: EventTarget, event: string, act: (event: Event) => void, capture = false): void => {
      target.addEventListener(event, act, { signal, capture });
    };
    listen(this.#play, "click", () => void this.#toggle_());
    listen(this.#loop, "click", () => this.#setLoop(!this.#looping));
    listen(this.#mute, "click", () => (media.muted = !media.muted));
    listen(this.#volume, "input", () => (media.volume = Number(this.#volume.value)));
    listen(this.#speed, "change", () => (media.playbackRate = Number(this.#speed.value)));
    listen(this.#undo, "click", () => void this.#change("undo", {}));
    listen(this.#words, "click", () => void this.#findWords());
    listen(media, "play", () => this.#started());
    listen(media, "pause", () => this.#shown());
    listen(media, "seeking", () => this.#moved());
    listen(media, "volumechange", () => this.#shownVolume());
    listen(media, "error", () => {
      if (media.src) this.#status("The browser cannot play this sound.");
    });
    listen(window, PLAYING, (event) => {
      if ((event as CustomEvent).detail !== this) media.pause();
    });
    listen(window, "keydown", (event) => this.#onkey(event as KeyboardEvent), true);
    const theme = new MutationObserver(() => this.#paint());
    for (const element of [document.documentElement, document.body]) {
      theme.observe(element, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "style"] });
    }
    const size = new ResizeObserver(() => this.#waveform.paint());
    size.observe(this.#root);
    const deaf = this.#kernel.listen((notice) => this.#onnotice(notice));
    signal.addEventListener("abort", () => {
      deaf();
      theme.disconnect();
      size.disconnect();
    });
  }

  // Sound

  async #toggle_(): Promise<void> {
    const { media } = this.#sound;
    if (!media.paused) media.pause();
    else await this.#start();
  }

  async #start(): Promise<void> {
    const { media } = this.#sound;
    if (this.#document.sound === null) return;
    try {
      if (this.#sound.way === null) this.#status("Fetching the sound from the kernel…");
      this.#sound.onprogress = (seconds) => {
        const share = Math.min(99, Math.round((100 * seconds) / Math.max(1, this.#document.duration)));
        this.#status(`Fetching the sound from the kernel: ${share} %`);
      };
      await this.#sound.ready();
      this.#status("");
      media.playbackRate = Number(this.#speed.value);
      await media.play();
    } catch (error) {
      if (error instanceof Refused) this.#status(`No sound: ${error.message}.`);
      else if (error instanceof DOMException && error.name !== "AbortError") this.#status("The browser cannot play this sound.");
    }
  }

  async #playFrom(time: number): Promise<void> {
    this.#seek(time);
    if (this.#sound.media.paused) await this.#start();
  }

  #seek(time: number): void {
    this.#sound.media.currentTime = Math.min(this.#document.duration, Math.max(0, time));
    this.#moved();
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
    let time = media.currentTime;
    if (this.#looping && this.#region !== null && !media.paused && (time >= this.#region.end || time < this.#region.start - 0.25)) {
      time = this.#region.start;
      media.currentTime = time;
    }
    this.#clock.textContent = clock(time, this.#document.duration);
    this.#waveform.moved(time);
    this.#text.moved(time, !media.paused);
    if (!media.paused) this.#trace?.moved(time);
  }

  #shownVolume(): void {
    const { media } = this.#sound;
    this.#volume.value = String(media.muted ? 0 : media.volume);
    setIcon(this.#mute, media.muted || media.volume === 0 ? "muted" : "volume", media.muted ? "Unmute" : "Mute");
  }

  #marked(region: Span | null): void {
    this.#region = region;
    this.#setLoop(region !== null);
    this.#regionBar.show(region);
  }

  #clearRegion(): void {
    this.#waveform.clearRegion();
    this.#marked(null);
  }

  #setLoop(on: boolean): void {
    if (on && this.#region === null) {
      const time = this.#sound.media.currentTime;
      const segment = this.#document.segments.findLast(({ start }) => start <= time + 0.01) ?? this.#document.segments[0];
      if (segment === undefined) return;
      this.#waveform.select(segment);
      return; // the mark switches the loop on
    }
    this.#looping = on;
    this.#loop.setAttribute("aria-pressed", String(on));
  }

  // The text, changed

  #show(): void {
    const { segments, changes } = this.#document;
    this.#words.hidden = segments.length === 0 || segments.every(({ words }) => words.length > 0);
    this.#undo.hidden = changes === 0;
  }

  #changed(document: Document): void {
    this.#document = document;
    this.#text.show(document);
    this.#search.show(document);
    this.#regionBar.update(document);
    this.#show();
    this.#moved();
  }

  async #change(kind: "edit" | "undo", what: object): Promise<void> {
    try {
      const { value } = await this.#kernel.ask(kind, what);
      this.#changed(value);
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

  #working(fraction: number | null): void {
    this.#work.hidden = fraction === null;
    this.#progress.value = fraction ?? 0;
    if (fraction === 0) this.#status("");
  }

  #onnotice(notice: Notice): void {
    if (notice.notice === "progress") {
      this.#working(notice.fraction);
      return;
    }
    this.#working(null);
    if (notice.notice === "failed") this.#status(`Not transcribed: ${notice.error}.`);
    else if (notice.notice === "stopped") this.#status("Stopped; the text is as it was.");
    else if (notice.kind === "words") this.#changed(notice.document);
    else this.#regionBar.read(notice);
  }

  // Trace

  async #showTrace(on: boolean): Promise<void> {
    if (!on) {
      this.#trace?.element.remove();
      this.#trace?.ribbon.remove();
      this.#trace = null;
      this.#text.trace(null);
      return;
    }
    try {
      const { value } = await this.#kernel.ask("trace", {});
      this.#trace = new Trace(value.rounds, value.note, {
        onround: (index) => {
          const round = value.rounds[index];
          if (round !== undefined) this.#seek(round.start + 0.001);
          this.#trace?.show(index);
        },
      });
      this.#waveform.element.after(this.#trace.ribbon);
      this.#text.element.before(this.#trace.element);
      this.#text.trace(value.rounds);
      this.#trace.draw(...this.#waveform.view);
    } catch (error) {
      this.#status(`No trace: ${(error as Error).message}.`);
    }
  }

  // The rest

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
      const { value } = await this.#kernel.ask("file", { format });
      download(new Blob([value.text], { type: "text/plain;charset=utf-8" }), value.name);
      this.#status(`Saved ${value.name} by the browser.`);
    } catch (error) {
      this.#status(`Not saved: ${(error as Error).message}.`);
    }
  }

  #tool(text: string, key: string, act: () => void): HTMLButtonElement {
    const made = h("button", { type: "button", "aria-keyshortcuts": key }, text);
    made.addEventListener("click", act);
    return made;
  }

  #toggle(text: string, title: string, act: (on: boolean) => void, kernel = false): HTMLButtonElement {
    const made = h("button", { type: "button", title, "aria-pressed": "false", "data-kernel": kernel }, text);
    made.addEventListener("click", () => {
      const on = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", String(on));
      act(on);
    });
    return made;
  }

  #status(line: string): void {
    this.#say.textContent = line;
  }

  #paint(): void {
    const surface = getComputedStyle(this.#root).getPropertyValue("--surface");
    this.#root.classList.toggle("dark", isDark(surface, this.#root));
    this.#waveform.paint();
    this.#trace?.draw(...this.#waveform.view);
  }

  #onkey(event: KeyboardEvent): void {
    if (document.activeElement !== this.host || this.#help.open) return;
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
    toggle: () => void this.#toggle_(),
    seekBy: (seconds) => {
      this.#seek(this.#sound.media.currentTime + seconds);
    },
    segment: (by) => {
      const time = this.#text.step(this.#sound.media.currentTime, by);
      if (time !== null) this.#seek(time);
    },
    volumeBy: (step) => {
      const { media } = this.#sound;
      media.muted = false;
      media.volume = Math.min(1, Math.max(0, Math.round((media.volume + step) * 100) / 100));
    },
    speedBy: (step) => {
      const at = SPEEDS.indexOf(Number(this.#speed.value)) + step;
      this.#speed.value = String(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))]);
      this.#sound.media.playbackRate = Number(this.#speed.value);
    },
    zoom: (factor) => {
      this.#waveform.zoom(factor);
    },
    search: () => {
      this.#search.open();
    },
    edit: () => {
      this.#text.edit(Math.max(0, this.#text.now));
    },
    loop: () => {
      this.#setLoop(!this.#looping);
    },
    help: () => {
      this.#help.showModal();
    },
    escape: () => {
      if (this.#region === null) return false;
      this.#clearRegion();
      return true;
    },
  };
}

function iconButton(name: IconName, label: string): HTMLButtonElement {
  const made = button("", label);
  made.replaceChildren(icon(name));
  return made;
}

function setIcon(element: HTMLButtonElement, name: IconName, label: string): void {
  element.setAttribute("aria-label", label);
  element.title = label;
  element.replaceChildren(icon(name));
}

function help(): HTMLDialogElement {
  const list = h("dl");
  for (const [keys, what] of KEYS) {
    list.append(h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, what));
  }
  const done = h("button", { type: "button" }, "Close");
  const made = h("dialog", { "aria-label": "Keys of the player" }, h("b", {}, "Keys, while the player has the focus"), list, done);
  done.addEventListener("click", () => {
    made.close();
  });
  return made;
}

/** Whether the page behind is dark: by its colour, where that is opaque; else by what the system prefers. */
function isDark(surface: string, element: Element): boolean {
  const probe = document.createElement("span");
  probe.style.color = surface;
  element.append(probe);
  const [r = 255, g = 255, b = 255] = getComputedStyle(probe).color.match(/[\d.]+/g)?.map(Number) ?? [];
  probe.remove();
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 110;
}
