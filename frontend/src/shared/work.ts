// How far the kernel is with something that takes long, and a button to stop it.

import { button, h } from "./dom";

export class Work {
  readonly element = h("div", { class: "work", hidden: true });
  readonly #state = h("span", { class: "soft" });
  readonly #progress = h("progress", { max: 1, value: 0, "aria-label": "Transcribing" });

  constructor(stopping: string, onstop: () => void) {
    const stop = button("Stop", stopping);
    stop.addEventListener("click", onstop);
    this.element.append(this.#progress, this.#state, stop);
  }

  /**
   * Show a state in words; nothing where there are none and nothing runs.
   *
   * @param fraction Done, 0 to 1; null where that is not known.
   */
  show(state: string, fraction: number | null, running = state !== ""): void {
    this.element.hidden = !running && state === "";
    this.#state.textContent = state;
    if (fraction === null) this.#progress.removeAttribute("value");
    else this.#progress.value = fraction;
    this.#progress.hidden = !running;
  }
}
