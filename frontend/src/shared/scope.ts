// What a part of a widget holds on to outside itself: listeners on the window, observers, timers, its own parts. Everything
// that mounts has one scope, and lets go of all of it at once.

type Dispose = () => void;

export class Scope {
  readonly #ends = new Set<Dispose>();
  #disposed = false;

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Call a function when the scope is disposed of, the last one first; at once where it already is.
   *
   * @returns How to call it earlier.
   */
  add(end: Dispose): Dispose {
    const once = (): void => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    if (this.#disposed) once();
    return once;
  }

  /** Listen to an event until then. */
  listen<K extends keyof HTMLElementEventMap>(target: HTMLElement, type: K, act: (event: HTMLElementEventMap[K]) => void, options?: AddEventListenerOptions): Dispose;
  listen<K extends keyof WindowEventMap>(target: Window, type: K, act: (event: WindowEventMap[K]) => void, options?: AddEventListenerOptions): Dispose;
  listen(target: EventTarget, type: string, act: (event: Event) => void, options?: AddEventListenerOptions): Dispose;
  listen(target: EventTarget, type: string, act: (event: never) => void, options?: AddEventListenerOptions): Dispose {
    target.addEventListener(type, act as EventListener, options);
    return this.add(() => target.removeEventListener(type, act as EventListener, options));
  }

  /** Observe an element's size until then. */
  resized(element: Element, act: () => void): Dispose {
    const observer = new ResizeObserver(act);
    observer.observe(element);
    return this.add(() => observer.disconnect());
  }

  /** Call a function after some milliseconds, unless the scope is disposed of before. Returns how to call it off. */
  timeout(act: () => void, milliseconds: number): Dispose {
    const timer = setTimeout(() => {
      cancel();
      act();
    }, milliseconds);
    const cancel = this.add(() => clearTimeout(timer));
    return cancel;
  }

  /** Let go of everything; a second call does nothing. */
  dispose(): void {
    this.#disposed = true;
    for (const end of [...this.#ends].reverse()) end();
  }
}
