// One player on the page: a strip with the waveform and the transport, below it the text.

import { clock, h, icon, type IconName } from "./dom";
import { Kernel, Refused } from "./kernel";
import { act, KEYS, typing, type Actions } from "./keys";
import css from "./player.css";
import type { Document } from "./protocol";
import { Sound } from "./sound";
import { find, Text, type Hit } from "./text";
import { Trace } from "./trace";
import { Waveform, type Span } from "./waveform";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const PLAYING = "whisper-magic-playing"; // one at a time on a page

export class View {
  readonly host: HTMLElement;
  readonly #root = h("div", { class: "player", role: "group" });
  readonly #kernel: Kernel;
  readonly #document: Document;
  readonly #sound: Sound;
  readonly #waveform: Waveform;
  readonly #text: Text;
  readonly #stop = new AbortController();
  readonly #say = h("div", { class: "say", role: "status" });
  readonly #clock = h("b", {}, "0:00");
  readonly #play = button("play", "Play");
  readonly #loop = button("loop", "Loop the marked part", "L");
  readonly #mute = button("volume", "Mute");
  readonly #volume = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, "aria-label": "Volume" });
  readonly #speed: HTMLSelectElement;
  readonly #find = h("div", { class: "find", hidden: true });
  readonly #query = h("input", { type: "search", "aria-label": "Search in the text", placeholder: "Search in the text" });
  readonly #found = h("span", { class: "soft number", role: "status" });
  readonly #help: HTMLDialogElement;
  #hits: Hit[] = [];
  #hit = 0;
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
    const tools = h("div", { class: "tools", role: "toolbar", "aria-label": "Views" }, this.#tool("Search", "/", () => this.#search()));
    const hasWords = this.#document.segments.some(({ words }) => words.length > 0);
    if (hasWords) tools.append(this.#toggle("Doubt", "Shade words by how unsure the model is", (on) => this.#text.element.classList.toggle("doubt", on)));
    if (rounds > 0) tools.append(this.#toggle("Tokens", "Show every token’s fate", (on) => void this.#showTrace(on), true));
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
    const [back, forth, done] = [button("search", "Previous place"), button("search", "Next place"), button("search", "Close the search")];
    [back, forth, done].forEach((one, i) => one.replaceChildren("‹›×"[i] ?? ""));
    back.addEventListener("click", () => this.#goHit(-1));
    forth.addEventListener("click", () => this.#goHit(1));
    done.addEventListener("click", () => this.#endSearch());
    this.#find.append(this.#query, this.#found, back, forth, done);
    const below = h("div", { class: "foot" }, ...foot.map((line) => h("div", {}, line)));
    this.#root.append(head, strip, this.#find, this.#say, this.#text.element, this.#text.follow, below, this.#help);
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
    listen(this.#query, "input", () => this.#lookUp());
    listen(this.#query, "keydown", (event) => this.#onquery(event as KeyboardEvent));
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
    signal.addEventListener("abort", () => {
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
    if (region !== null) this.#status(`Marked ${Waveform.named(region)}; it loops. Esc takes the mark away.`);
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

  // Search

  #search(): void {
    this.#find.hidden = false;
    this.#query.focus();
    this.#query.select();
  }

  #endSearch(): void {
    this.#find.hidden = true;
    this.#hits = [];
    this.#text.hits([], -1);
    this.#waveform.element.focus();
  }

  #lookUp(): void {
    this.#hits = find(this.#query.value, this.#document.segments);
    this.#hit = 0;
    this.#showHits();
  }

  #goHit(by: number): void {
    if (this.#hits.length === 0) return;
    this.#hit = (this.#hit + by + this.#hits.length) % this.#hits.length;
    this.#showHits();
    this.#seek(this.#timeOf(this.#hits[this.#hit]));
  }

  #showHits(): void {
    const none = this.#query.value.trim() === "" ? "" : "not found";
    this.#found.textContent = this.#hits.length > 0 ? `${this.#hit + 1} of ${this.#hits.length}` : none;
    this.#text.hits(this.#hits, this.#hit);
  }

  /** When a place of the text is said: by its word, or by its part of the segment. */
  #timeOf(hit: Hit | undefined): number {
    const segment = hit && this.#document.segments[hit.segment];
    if (!hit || !segment) return 0;
    let read = -(segment.text.length - segment.text.trimStart().length);
    for (const [text, start] of segment.words) {
      read += text.length;
      if (read > hit.start) return start;
    }
    return segment.start + ((segment.end - segment.start) * hit.start) / Math.max(1, segment.text.trim().length);
  }

  #onquery(event: KeyboardEvent): void {
    if (event.key === "Enter") this.#goHit(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.#endSearch();
    else return;
    event.preventDefault();
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
      const url = URL.createObjectURL(new Blob([value.text], { type: "text/plain;charset=utf-8" }));
      h("a", { href: url, download: value.name }).click();
      setTimeout(() => {
        URL.revokeObjectURL(url);
      }, 10_000);
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
      if (target === this.#query) this.#onquery(event);
      return;
    }
    if (event.key === " " && target instanceof HTMLButtonElement && target !== this.#play) return; // a button's own key
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
      this.#search();
    },
    loop: () => {
      this.#setLoop(!this.#looping);
    },
    help: () => {
      this.#help.showModal();
    },
    escape: () => {
      if (this.#region === null) return false;
      this.#waveform.clearRegion();
      this.#region = null;
      this.#setLoop(false);
      this.#looping = false;
      this.#loop.setAttribute("aria-pressed", "false");
      this.#status("");
      return true;
    },
  };
}

function button(name: IconName, label: string, key?: string): HTMLButtonElement {
  const made = h("button", { type: "button", "aria-label": label, title: key === undefined ? label : `${label} (${key})` });
  made.append(icon(name));
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
