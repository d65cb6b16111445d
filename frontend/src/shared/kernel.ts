// Requests to the kernel over the widget's comm. A kernel may be busy for long, restart, or be gone.

import type { All, Kind, Model, Notice, Reply } from "./protocol";

const SLOW = 5000; // ms without an answer until the page says that it waits
const AGAIN = 200; // ms until a question is asked once more

interface Waiting {
  readonly resolve: (reply: Reply<Kind>) => void;
  readonly reject: (error: Error) => void;
}

interface Message {
  id?: unknown;
  value?: unknown;
  error?: unknown;
  notice?: unknown;
}

/** An answer that is an error: its message is one line, for people. */
export class Refused extends Error {}

export class Kernel {
  readonly #waiting = new Map<string, Waiting>();
  readonly #prefix = Math.random().toString(36).slice(2);
  readonly #model: Model;
  /** Called when an answer takes long, and when one comes after that. A page cannot tell a busy kernel from a dead one. */
  onslow: (slow: boolean) => void = () => undefined;
  /** Called once, when there is no kernel any more. */
  onlost: () => void = () => undefined;
  readonly #listeners = new Set<(notice: Notice) => void>();
  #count = 0;
  #gone = false;
  #isSlow = false;

  constructor(model: Model) {
    this.#model = model;
    model.on("msg:custom", this.#receive);
  }

  get gone(): boolean {
    return this.#gone;
  }

  /**
   * Ask for something.
   *
   * @throws Refused with the kernel's own line, or where there is no kernel.
   */
  ask<K extends Kind>(kind: K, what: All[K]["ask"], buffers: ArrayBuffer[] = []): Promise<Reply<K>> {
    if (this.#gone) return Promise.reject(new Refused("the kernel is gone"));
    const id = `${this.#prefix}-${(this.#count += 1)}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      setTimeout(() => {
        if (this.#waiting.has(id)) this.#slow(true);
      }, SLOW);
      this.#send({ ...what, kind, id }, buffers);
    });
  }

  /**
   * Ask for something again and again until there is an answer: JupyterLab gives widgets a subshell, which answers while a
   * cell runs, but what is sent before that is there waits for the cell's end.
   */
  insist<K extends Kind>(kind: K, what: All[K]["ask"]): Promise<Reply<K>> {
    const answer = this.ask(kind, what);
    const id = `${this.#prefix}-${this.#count}`;
    const again = (wait: number): void => {
      setTimeout(() => {
        if (!this.#waiting.has(id)) return;
        this.#send({ ...what, kind, id });
        if (wait < SLOW) again(2 * wait);
      }, wait);
    };
    again(AGAIN);
    return answer;
  }

  /** A model that cannot send has no kernel: what waits for an answer gets none. */
  #send(message: object, buffers: ArrayBuffer[] = []): void {
    try {
      this.#model.send(message, undefined, buffers);
    } catch {
      this.close();
    }
  }

  #slow(slow: boolean): void {
    if (slow !== this.#isSlow) this.onslow((this.#isSlow = slow));
  }

  /** Call a function with every notice. Returns how to end that. */
  onnotice(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The comm is closed: what waits for an answer gets none. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    setTimeout(this.onlost);
    this.#model.off("msg:custom", this.#receive);
    for (const { reject } of this.#waiting.values()) reject(new Refused("the kernel is gone"));
    this.#waiting.clear();
  }

  readonly #receive = (message: Message, buffers: DataView[]): void => {
    if (typeof message.notice === "string") for (const listener of this.#listeners) listener(message as Notice);
    if (typeof message.id !== "string") return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    this.#slow(false);
    if (typeof message.error === "string") waiting?.reject(new Refused(message.error));
    else waiting?.resolve({ value: message.value as never, buffers: buffers.map(asView) });
  };
}

/** Hosts pass binary parts as DataViews or as ArrayBuffers. */
function asView(buffer: DataView | ArrayBuffer | Uint8Array): DataView {
  if (buffer instanceof ArrayBuffer) return new DataView(buffer);
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
