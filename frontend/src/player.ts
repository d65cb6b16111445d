// The widget's entry. A transcript's output in the notebook is static HTML, complete in itself: where a kernel lives, it
// is found by its anchor and the player takes its place; without one, in an export or years later, it stays. Embedded in
// another widget, the player is drawn as any widget is.

import { h } from "./dom";
import { Kernel } from "./kernel";
import type { Document, Model } from "./protocol";
import { View } from "./view";

const ANCHOR = "data-whisper-player";
const WATCHERS = Symbol.for("whisper_magic.watchers"); // shared by all models on the page: each evaluates this module

const FORGOTTEN = 60_000; // ms after which a player whose output is gone is closed

interface Shared {
  /** By anchor: puts a player there. */
  readonly mounts: Map<string, (anchor: Element) => void>;
  /** Look after players whose output was cleared. */
  readonly gone: Set<() => void>;
}

/** One observer to a page: every new output is shown to the player that it belongs to. */
function shared(): Shared {
  const page = globalThis as { [WATCHERS]?: Shared };
  const found = page[WATCHERS];
  if (found !== undefined) return found;
  const [mounts, gone] = [new Map(), new Set()] as [Shared["mounts"], Shared["gone"]];
  let waiting = false;
  const look = (): void => {
    waiting = false;
    for (const forget of gone) forget();
    for (const anchor of document.querySelectorAll(`[${ANCHOR}]`)) {
      mounts.get(anchor.getAttribute(ANCHOR) ?? "")?.(anchor);
    }
  };
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(look);
  }).observe(document.body, { childList: true, subtree: true });
  return (page[WATCHERS] = { mounts, gone });
}

const LEAVING = new WeakSet<Element>();

/** One player's model on this page: its kernel, its text as it is now, and its views by the element that holds each. */
class Live {
  readonly kernel: Kernel;
  readonly #views = new Map<Element, View>();
  #document: Promise<Document>;

  constructor(model: Model) {
    this.kernel = new Kernel(model);
    this.#document = this.kernel.ask("document", {}).then(({ value }) => value);
    this.#document.catch(() => undefined); // whoever waits for it deals with it
    this.kernel.onslow = (slow) => this.#each((view) => view.slow(slow));
    this.kernel.onlost = () => this.#each((view) => view.offline());
  }

  /** Draw a view into an element. */
  async draw(into: Element, before: Element | null, foot: boolean): Promise<void> {
    const shown = await this.#document;
    const host = h("div");
    into.insertBefore(host, before);
    const view = new View(host, this.kernel, foot ? shown : { ...shown, foot: [] }, (changed) => {
      this.#document = Promise.resolve(changed);
      this.#each((one) => one.show(changed));
    });
    this.#views.set(into, view);
  }

  /** Put a player in the place of a static view, whose foot stays. */
  async mount(anchor: Element): Promise<void> {
    if (this.#views.has(anchor) || anchor.hasAttribute("data-live")) return;
    anchor.setAttribute("data-live", "");
    try {
      await this.draw(anchor, anchor.querySelector(":scope > .wm-foot"), false);
      anchor.classList.add("wm-live");
    } catch {
      anchor.removeAttribute("data-live"); // the static view stays
    }
  }

  /** An output that is cleared takes its sound along; one that is merely moved or scrolled away comes back at once. */
  forget(): void {
    for (const [anchor, view] of this.#views) {
      if (anchor.isConnected || LEAVING.has(anchor)) continue;
      LEAVING.add(anchor);
      setTimeout(() => {
        if (!anchor.isConnected) view.pause();
      }, 1000);
      setTimeout(() => {
        LEAVING.delete(anchor);
        if (!anchor.isConnected) this.close(anchor);
      }, FORGOTTEN);
    }
  }

  close(anchor: Element): void {
    const view = this.#views.get(anchor);
    this.#views.delete(anchor);
    view?.close();
    view?.host.remove();
    anchor.classList.remove("wm-live");
    anchor.removeAttribute("data-live");
  }

  #each(act: (view: View) => void): void {
    for (const view of this.#views.values()) act(view);
  }
}

const LIVE = new Map<string, Live>();

function live(model: Model): Live {
  const key = String(model.get("anchor"));
  const found = LIVE.get(key) ?? new Live(model);
  LIVE.set(key, found);
  return found;
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const of = live(model);
    const { mounts, gone } = shared();
    const forget = (): void => {
      of.forget();
    };
    gone.add(forget);
    const key = String(model.get("anchor"));
    const mount = (anchor: Element): void => void of.mount(anchor);
    mounts.set(key, mount);
    document.querySelectorAll(`[${ANCHOR}="${CSS.escape(key)}"]`).forEach(mount);
    model.on("comm_live_update", () => of.kernel.close()); // a restart: the page keeps its models
    return () => {
      mounts.delete(key);
      gone.delete(forget);
      LIVE.delete(key);
      of.kernel.close();
    };
  },

  async render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
    const of = live(model);
    try {
      await of.draw(el, null, true);
    } catch (error) {
      el.textContent = `The player cannot be shown: ${(error as Error).message}.`;
    }
    return () => {
      of.close(el);
    };
  },
};
