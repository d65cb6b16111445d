// The player's entry. It takes the place of its static output (anchors.ts); without a kernel, in an export or years
// later, that stays. Embedded in another widget, the player is drawn as any widget is.

import { watch } from "../shared/anchors";
import { h } from "../shared/dom";
import { Kernel, Refused } from "../shared/kernel";
import type { Document, Live, Model } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { View } from "./view";

const FORGOTTEN = 60_000; // ms after which a player whose output is gone is closed

const LEAVING = new WeakSet<Element>();
const FAILED = new WeakSet<Element>();

/** A transcript with the segments that have been written, from the first of them on, in the place of what stood there. */
export function grown(document: Document, { first, segments }: Pick<Live, "first" | "segments">): Document {
  const [before, after] = [document.segments.slice(0, first), document.segments.slice(first + segments.length)];
  return { ...document, segments: [...before, ...segments, ...after] };
}

/** One player's model on this page: its kernel, its text as it is now, and its views by the element that holds each. */
class Player {
  readonly kernel: Kernel;
  readonly #views = new Map<Element, View>();
  #document: Promise<Document>;

  constructor(model: Model) {
    this.kernel = new Kernel(model);
    this.#document = this.kernel.insist("document", {}).then(({ value }) => value);
    this.#document.catch(() => undefined); // whoever waits for it deals with it
    this.kernel.onnotice((notice) => {
      if (notice.notice === "live") this.#grow(notice);
      else if (notice.notice === "finished") this.#finish(notice.document, notice.problem);
    });
    this.kernel.onslow = (slow) => this.#each((view) => view.slow(slow));
    this.kernel.onlost = () => this.#each((view) => view.offline());
  }

  /** Draw a view into an element. Returns how to take it away. */
  async draw(into: Element, before: Element | null, foot: boolean): Promise<() => void> {
    const shown = await this.#document;
    const host = h("div");
    into.insertBefore(host, before);
    const view = new View(host, this.kernel, shown, foot, (changed) => {
      this.#document = Promise.resolve(changed);
      this.#each((view) => view.show(changed));
    });
    this.#views.set(into, view);
    return () => this.close(into);
  }

  /** Put a player in the place of a static view, whose foot stays. */
  async mount(anchor: Element): Promise<void> {
    if (this.#views.has(anchor) || anchor.hasAttribute("data-live") || FAILED.has(anchor)) return;
    anchor.setAttribute("data-live", "");
    if (this.#moved(anchor)) return;
    try {
      await this.#document;
      if (anchor.isConnected) {
        await this.draw(anchor, anchor.querySelector(":scope > .wm-foot"), false);
        anchor.classList.add("wm-live");
        return;
      } // else progress was drawn anew meanwhile, as it is many times a second
    } catch (error) {
      FAILED.add(anchor); // the static view stays
      if (!(error instanceof Refused)) console.error(error);
    }
    anchor.removeAttribute("data-live");
  }

  /** Take along the view of an output that another one has replaced, as progress is replaced by its result. */
  #moved(anchor: Element): boolean {
    for (const [before, view] of this.#views) {
      if (before.isConnected || !before.hasAttribute("data-live")) continue;
      this.#views.delete(before);
      before.classList.remove("wm-live");
      before.removeAttribute("data-live");
      anchor.insertBefore(view.host, anchor.querySelector(":scope > .wm-foot"));
      anchor.classList.add("wm-live");
      this.#views.set(anchor, view);
      return true;
    }
    return false;
  }

  /** The transcript has grown. */
  #grow(notice: Live): void {
    this.#document = this.#document.then((document) => {
      const longer = grown(document, notice);
      this.#each((view) => view.grow(longer, notice));
      return longer;
    });
    this.#document.catch(() => undefined); // as in the constructor
  }

  #finish(document: Document, problem: string): void {
    this.#document = this.#document.then(
      () => document,
      () => document,
    );
    void this.#document.then(() => this.#each((view) => view.finish(document, problem)));
  }

  /** An output that is cleared takes its sound along; one that is merely moved or scrolled away comes back at once. */
  forget(): void {
    for (const [anchor, view] of this.#views) {
      if (anchor.isConnected || LEAVING.has(anchor)) continue;
      LEAVING.add(anchor);
      setTimeout(() => {
        if (!anchor.isConnected && this.#views.get(anchor) === view) view.pause();
      }, 1000);
      setTimeout(() => {
        LEAVING.delete(anchor);
        if (!anchor.isConnected && this.#views.get(anchor) === view) this.close(anchor);
      }, FORGOTTEN);
    }
  }

  close(anchor: Element): void {
    const view = this.#views.get(anchor);
    this.#views.delete(anchor);
    view?.dispose();
    anchor.classList.remove("wm-live");
    anchor.removeAttribute("data-live");
  }

  #each(act: (view: View) => void): void {
    for (const view of this.#views.values()) act(view);
  }
}

const PLAYERS = new Map<string, Player>();

function playerOf(model: Model): Player {
  const key = String(model.get("anchor"));
  const known = PLAYERS.get(key) ?? new Player(model);
  PLAYERS.set(key, known);
  return known;
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const player = playerOf(model);
    const key = String(model.get("anchor"));
    const scope = new Scope();
    scope.add(() => player.kernel.close());
    scope.add(() => PLAYERS.delete(key));
    scope.add(watch(key, (anchor) => void player.mount(anchor), () => player.forget())); // prettier-ignore
    model.on("comm_live_update", () => player.kernel.close()); // a restart: the page keeps its models
    return () => scope.dispose();
  },

  async render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
    const player = playerOf(model);
    try {
      return await player.draw(el, null, true);
    } catch (error) {
      el.textContent = `The player cannot be shown: ${(error as Error).message}.`;
      return () => undefined;
    }
  },
};
