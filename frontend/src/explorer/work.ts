// How far a run is that fills the library in the background.

import { button, h } from "../shared/dom";
import type { First } from "../shared/protocol";

export class Work {
  readonly element = h("div", { class: "work", hidden: true });
  readonly #state = h("span", { class: "soft" });
  readonly #progress = h("progress", { max: 1, "aria-label": "Transcribing" });

  constructor(onstop: () => void) {
    const stop = button("Stop", "Stop transcribing; what is done is kept");
    stop.addEventListener("click", onstop);
    this.element.append(this.#progress, this.#state, stop);
  }

  show({ state, fraction, running }: First["run"]): void {
    this.element.hidden = !running && state === "";
    this.#state.textContent = state;
    if (fraction === null) this.#progress.removeAttribute("value");
    else this.#progress.value = fraction;
    this.#progress.hidden = !running;
  }
}
