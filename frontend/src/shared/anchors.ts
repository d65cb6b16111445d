// A widget's output in the notebook is static HTML, complete in itself, with an anchor: where a kernel lives, the page
// finds it and the widget takes its place.

export const ANCHOR = "data-whisper-player";
const WATCHERS = Symbol.for("whisper_magic.watchers"); // shared by all models on the page: each evaluates its module

interface Shared {
  /** By anchor: puts a widget there. */
  readonly mounts: Map<string, (anchor: Element) => void>;
  /** Look after widgets whose output was cleared. */
  readonly gone: Set<() => void>;
  /** Sees new outputs come, and old ones go. */
  readonly observer: MutationObserver;
}

/** One observer to a page, as long as anyone watches: every new output is shown to the widget that it belongs to. */
function shared(): Shared {
  const page = globalThis as { [WATCHERS]?: Shared };
  const running = page[WATCHERS];
  if (running !== undefined) return running;
  const [mounts, gone] = [new Map(), new Set()] as [Shared["mounts"], Shared["gone"]];
  let waiting = false;
  const inspect = (): void => {
    waiting = false;
    if (gone.size === 0) return; // the last has ended meanwhile
    for (const forget of gone) forget();
    for (const anchor of document.querySelectorAll(`[${ANCHOR}]`)) {
      mounts.get(anchor.getAttribute(ANCHOR) ?? "")?.(anchor);
    }
  };
  const observer = new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(inspect);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  return (page[WATCHERS] = { mounts, gone, observer });
}

/**
 * Call a function with every anchor of a key, those that are there and those to come, and another whenever outputs have
 * changed.
 *
 * @returns How to end that.
 */
export function watch(key: string, mount: (anchor: Element) => void, changed: () => void): () => void {
  const { mounts, gone, observer } = shared();
  mounts.set(key, mount);
  gone.add(changed);
  document.querySelectorAll(`[${ANCHOR}="${CSS.escape(key)}"]`).forEach(mount);
  return () => {
    mounts.delete(key);
    gone.delete(changed);
    if (gone.size > 0) return;
    observer.disconnect();
    Reflect.deleteProperty(globalThis, WATCHERS);
  };
}
