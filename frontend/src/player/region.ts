// What can be done with a marked stretch: loop it, copy its text, save its sound, have it transcribed again. Another
// reading stands beside the text until it is taken.

import { button, clock, h } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import type { Document, Notice } from "../shared/protocol";
import type { Span } from "./waveform";

const LANGUAGES = [
  ["auto", "detect"], ["en", "English"], ["de", "German"], ["fr", "French"], ["es", "Spanish"], ["it", "Italian"],
  ["pt", "Portuguese"], ["nl", "Dutch"], ["pl", "Polish"], ["ru", "Russian"], ["zh", "Chinese"], ["ja", "Japanese"],
  ["ar", "Arabic"], ["hi", "Hindi"],
] as const; // prettier-ignore

export interface RegionEvents {
  onclose(): void;
  ondocument(document: Document): void;
  onwork(): void;
  onstatus(line: string): void;
}

/** The text of a stretch: whole words where their times are known, else whole segments. */
export function textOf({ start, end }: Span, { segments }: Pick<Document, "segments">): string {
  const inside = segments.filter((segment) => segment.start < end && segment.end > start);
  const pieces = inside.map((segment) => {
    const words = segment.words.filter(([, from, to]) => (from + to) / 2 >= start && (from + to) / 2 < end);
    return segment.words.length > 0 ? words.map(([text]) => text).join("") : segment.text;
  });
  return pieces.join("").replace(/\s+/g, " ").trim();
}

export class RegionBar {
  readonly element = h("div", { class: "bar", role: "group", "aria-label": "Marked part", hidden: true });
  readonly beside = h("div", { class: "beside", role: "group", "aria-label": "Another reading", hidden: true });
  readonly #name = h("b", { class: "number" });
  readonly #task = select("Task", [["transcribe", "transcribe"], ["translate", "translate to English"]]); // prettier-ignore
  readonly #language: HTMLSelectElement;
  readonly #kernel: Kernel;
  readonly #on: RegionEvents;
  #document: Document;
  #span: Span = { start: 0, end: 0 };

  constructor(document: Document, kernel: Kernel, on: RegionEvents) {
    [this.#document, this.#kernel, this.#on] = [document, kernel, on];
    const own = document.language;
    const known = own === null || LANGUAGES.some(([code]) => code === own) ? LANGUAGES : [...LANGUAGES, [own, own] as const];
    this.#language = select("Language", known);
    const [again, copy, clip, done] = [
      button("Transcribe again", "Transcribe the marked part again"),
      button("Copy text", "Copy the text of the marked part"),
      button("Save sound", "Save the sound of the marked part as FLAC"),
      button("×", "Take the mark away"),
    ];
    for (const control of [again, clip]) control.dataset["kernel"] = "";
    again.addEventListener("click", () => void this.#again());
    copy.addEventListener("click", () => void this.#copy());
    clip.addEventListener("click", () => void this.#clip());
    done.addEventListener("click", () => on.onclose());
    this.element.append(this.#name, again, this.#task, this.#language, copy, clip, done);
  }

  show(span: Span | null): void {
    this.element.hidden = span === null;
    if (span === null) return;
    this.#span = span;
    this.#name.textContent = `${clock(span.start)} – ${clock(span.end)}`;
  }

  update(document: Document): void {
    this.#document = document;
  }

  /** Another reading has come: it stands beside the old text. */
  read(notice: Extract<Notice, { kind: "again" }>): void {
    const [keep, drop] = [button("Take it", "Replace the text by this reading"), button("Leave it", "Keep the text as it was")];
    keep.dataset["kernel"] = "";
    keep.addEventListener("click", () => void this.#keep());
    drop.addEventListener("click", () => (this.beside.hidden = true));
    const same = notice.text === notice.before;
    this.beside.replaceChildren(
      h("div", { class: "soft" }, `${clock(notice.start)} – ${clock(notice.end)}, read again${same ? ": the same text" : ""}`),
      ...(same ? [] : [h("div", { class: "was", dir: "auto" }, notice.before)]),
      h("div", { dir: "auto", ...(notice.language === null ? {} : { lang: notice.language }) }, notice.text || "no speech"),
      h("div", {}, ...(same ? [] : [keep]), drop),
    );
    this.beside.hidden = false;
    (same ? drop : keep).focus();
  }

  async #again(): Promise<void> {
    try {
      const { start, end } = this.#span;
      await this.#kernel.ask("again", { start, end, language: this.#language.value, task: this.#task.value });
      this.#on.onwork();
    } catch (error) {
      this.#on.onstatus(`Not transcribed: ${(error as Error).message}.`);
    }
  }

  async #keep(): Promise<void> {
    try {
      const { value } = await this.#kernel.ask("keep", {});
      this.beside.hidden = true;
      this.#on.ondocument(value);
    } catch (error) {
      this.#on.onstatus(`Not replaced: ${(error as Error).message}.`);
    }
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(textOf(this.#span, this.#document));
      this.#on.onstatus("Copied.");
    } catch {
      this.#on.onstatus("The browser does not let this page write to the clipboard.");
    }
  }

  async #clip(): Promise<void> {
    try {
      const { value, buffers } = await this.#kernel.ask("clip", this.#span);
      download(new Blob(buffers as DataView<ArrayBuffer>[], { type: value.mime }), value.name);
      this.#on.onstatus(`Saved ${value.name} by the browser.`);
    } catch (error) {
      this.#on.onstatus(`Not saved: ${(error as Error).message}.`);
    }
  }
}

function select(label: string, options: readonly (readonly [value: string, text: string])[]): HTMLSelectElement {
  return h("select", { "aria-label": label }, ...options.map(([value, text]) => h("option", { value }, text)));
}

/** Let the browser save something. */
export function download(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  h("a", { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 10_000);
}
