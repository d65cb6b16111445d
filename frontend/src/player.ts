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

interface Live {
  readonly kernel: Kernel;
  readonly document: Promise<Document>;
  readonly views: Map<Element, View>;
}

const LIVE = new Map<string, Live>();

function live(model: Model): Live {
  const key = String(model.get("anchor"));
  const found = LIVE.get(key);
  if (found !== undefined) return found;
  const kernel = new Kernel(model);
  const made = { kernel, document: kernel.ask("document", {}).then(({ value }) => value), views: new Map<Element, View>() };
  LIVE.set(key, made);
  return made;
}

/** Put a player in the place of a static view. */
async function mount(anchor: Element, { kernel, document, views }: Live): Promise<void> {
  if (views.has(anchor) || anchor.hasAttribute("data-live")) return;
  anchor.setAttribute("data-live", "");
  try {
    const shown = await document;
    const host = h("div");
    anchor.insertBefore(host, anchor.querySelector(":scope > .wm-foot"));
    views.set(anchor, new View(host, kernel, { ...shown, foot: [] })); // the static view's own stands below
    anchor.classList.add("wm-live");
  } catch {
    anchor.removeAttribute("data-live"); // the static view stays
  }
}

const LEAVING = new WeakSet<Element>();

/** An output that is cleared takes its sound along; one that is merely moved or scrolled away comes back at once. */
function forget(views: Map<Element, View>): void {
  for (const [anchor, view] of views) {
    if (anchor.isConnected || LEAVING.has(anchor)) continue;
    LEAVING.add(anchor);
    setTimeout(() => {
      if (!anchor.isConnected) view.pause();
    }, 1000);
    setTimeout(() => {
      LEAVING.delete(anchor);
      if (anchor.isConnected || !views.delete(anchor)) return;
      view.close();
      anchor.removeAttribute("data-live");
    }, FORGOTTEN);
  }
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const of = live(model);
    const { mounts, gone } = shared();
    const left = (): void => {
      forget(of.views);
    };
    gone.add(left);
    const key = String(model.get("anchor"));
    const here = (anchor: Element): void => void mount(anchor, of);
    mounts.set(key, here);
    for (const anchor of document.querySelectorAll(`[${ANCHOR}="${CSS.escape(key)}"]`)) here(anchor);
    of.kernel.onlost = (): void => {
      for (const view of of.views.values()) view.offline();
    };
    model.on("comm_live_update", () => of.kernel.close()); // a restart: the page keeps its models
    return () => {
      mounts.delete(key);
      gone.delete(left);
      LIVE.delete(key);
      of.kernel.close();
    };
  },

  async render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
    const of = live(model);
    const host = h("div");
    el.append(host);
    const view = new View(host, of.kernel, await of.document);
    return () => {
      view.close();
    };
  },
};
