// The player's first line: what is played, and the tools. Which of them are shown follows from what is known of the text.

import { button, h } from "../shared/dom";
import type { Document } from "../shared/protocol";

export interface HeadEvents {
  onsearch(): void;
  onconfidence(on: boolean): void;
  ontokens(on: boolean): void;
  onspectrogram(on: boolean): void;
  onwords(): void;
  onundo(): void;
  onsave(format: string): void;
  onkeys(): void;
}

/** Which tools a text has a use for. */
export function usable({ segments, rounds, changes, writing }: Document): Record<"confidence" | "tokens" | "spectrogram" | "words" | "undo", boolean> {
  const timed = segments.filter(({ words }) => words.length > 0).length;
  return {
    confidence: timed > 0,
    tokens: rounds > 0 && !writing,
    spectrogram: !writing, // the kernel knows whose features to compute once it is written
    words: timed < segments.length && !writing,
    undo: changes > 0,
  };
}

export class Head {
  readonly element: HTMLElement;
  readonly #confidence: HTMLButtonElement;
  readonly #tokens: HTMLButtonElement;
  readonly #spectrogram: HTMLButtonElement;
  readonly #words = button("Find words", "Find when each word is said");
  readonly #undo = button("Undo", "Take the last change back");
  readonly #details = h("span", { class: "soft" });
  readonly #warning = h("span", { class: "warn" });

  constructor({ title, formats, sound }: Document, on: HeadEvents) {
    this.#confidence = toggle("Confidence", "Shade words by the model’s confidence: the less, the darker", (pressed) => on.onconfidence(pressed));
    this.#tokens = toggle("Tokens", "Show which tokens were accepted, rejected, or the target’s own", (pressed) => on.ontokens(pressed));
    this.#spectrogram = toggle("Spectrogram", "Show what the model sees: its log-mel features", (pressed) => on.onspectrogram(pressed));
    this.#words.addEventListener("click", () => on.onwords());
    this.#undo.addEventListener("click", () => on.onundo());
    for (const control of [this.#tokens, this.#spectrogram, this.#words, this.#undo]) control.dataset["kernel"] = "";
    const tools = h(
      "div",
      { class: "tools", role: "group", "aria-label": "Tools" },
      tool("Search", "/", () => on.onsearch()),
      this.#confidence,
      this.#tokens,
      ...(sound === null ? [] : [this.#spectrogram, this.#words]),
      this.#undo,
      ...(formats.length > 0 ? [saver(formats, (format) => on.onsave(format))] : []),
      tool("Keys", "?", () => on.onkeys()),
    );
    this.element = h("div", { class: "head" }, h("span", { class: "title", dir: "auto" }, title), this.#details, this.#warning, tools);
  }

  /** Whether words are shaded. */
  get confidence(): boolean {
    return this.#confidence.getAttribute("aria-pressed") === "true";
  }

  /** The tokens could not be shown. */
  releaseTokens(): void {
    this.#tokens.setAttribute("aria-pressed", "false");
  }

  update(document: Document): void {
    const { details, warning } = document;
    const use = usable(document);
    this.#confidence.hidden = !use.confidence;
    this.#tokens.hidden = !use.tokens;
    this.#spectrogram.hidden = !use.spectrogram;
    this.#words.hidden = !use.words;
    this.#undo.hidden = !use.undo;
    this.#details.textContent = details.join(" · ");
    this.#warning.textContent = warning ?? "";
    this.#warning.hidden = warning === null;
  }
}

function tool(text: string, key: string, act: () => void): HTMLButtonElement {
  const element = h("button", { type: "button", "aria-keyshortcuts": key }, text);
  element.addEventListener("click", act);
  return element;
}

function toggle(text: string, title: string, act: (on: boolean) => void): HTMLButtonElement {
  const element = h("button", { type: "button", title, "aria-pressed": "false" }, text);
  element.addEventListener("click", () => {
    const on = element.getAttribute("aria-pressed") !== "true";
    element.setAttribute("aria-pressed", String(on));
    act(on);
  });
  return element;
}

function saver(formats: readonly string[], act: (format: string) => void): HTMLSelectElement {
  const select = h("select", { "aria-label": "Save the transcript as", "data-kernel": true }, h("option", { value: "" }, "Save as…"));
  for (const format of formats) select.append(h("option", { value: format }, format));
  select.addEventListener("change", () => {
    const format = select.value;
    select.value = "";
    act(format);
  });
  return select;
}
