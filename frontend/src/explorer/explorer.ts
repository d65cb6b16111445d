// The explorer's entry: a library as a table that is searched as one types, filtered, sorted, played, tagged and corrected.
// It takes the place of its static output (anchors.ts); without a kernel, that stays.

import { watch } from "../shared/anchors";
import { Kernel, Refused } from "../shared/kernel";
import type { Model } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { Page } from "./page";

const FORGOTTEN = 60_000; // ms after which a table whose output is gone is closed

/** The pages of one explorer, by the output that holds each. */
class Pages {
  readonly #model: Model;
  readonly #kernel: Kernel;
  readonly #pages = new Map<Element, Page>();
  readonly #mounting = new WeakSet<Element>();
  readonly #leaving = new WeakSet<Element>();

  constructor(model: Model) {
    [this.#model, this.#kernel] = [model, new Kernel(model)];
    this.#kernel.onnotice((notice) => {
      if (notice.notice === "run") for (const page of this.#pages.values()) page.run(notice);
    });
    this.#kernel.onlost = () => this.#each((page) => page.offline());
    this.#kernel.onslow = (slow) => this.#each((page) => page.slow(slow));
    model.on("comm_live_update", () => this.#kernel.close());
  }

  /** Put a table in the place of a static output. */
  async mount(anchor: Element): Promise<void> {
    if (this.#pages.has(anchor) || this.#mounting.has(anchor)) return;
    this.#mounting.add(anchor);
    try {
      const { value } = await this.#kernel.insist("first", {});
      if (!anchor.isConnected) {
        this.#mounting.delete(anchor); // it may come back
        return;
      }
      const page = new Page(this.#model, this.#kernel, value);
      this.#pages.set(anchor, page);
      page.mount(anchor);
      this.#mounting.delete(anchor);
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error); // the static view stays
    }
  }

  /** An output that is cleared takes its table along; one that is merely moved comes back at once. */
  forget(): void {
    for (const [anchor, page] of this.#pages) {
      if (anchor.isConnected || this.#leaving.has(anchor)) continue;
      this.#leaving.add(anchor);
      setTimeout(() => {
        this.#leaving.delete(anchor);
        if (anchor.isConnected || this.#pages.get(anchor) !== page) return;
        this.#pages.delete(anchor);
        page.dispose();
      }, FORGOTTEN);
    }
  }

  dispose(): void {
    this.#each((page) => page.dispose());
    this.#kernel.close();
  }

  #each(act: (page: Page) => void): void {
    for (const page of this.#pages.values()) act(page);
  }
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const pages = new Pages(model);
    const scope = new Scope();
    scope.add(() => pages.dispose());
    scope.add(watch(String(model.get("anchor")), (anchor) => void pages.mount(anchor), () => pages.forget())); // prettier-ignore
    return () => scope.dispose();
  },
};
