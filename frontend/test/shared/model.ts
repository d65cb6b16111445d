import type { Model } from "../../src/shared/protocol";

/** A kernel's side of a comm, scripted: what was sent, and answers to it. */
export class FakeModel implements Model {
  readonly sent: Record<string, unknown>[] = [];
  readonly #listeners = new Set<(content: unknown, buffers: DataView[]) => void>();

  get(name: string): unknown {
    return name === "anchor" ? "a1" : undefined;
  }

  on(name: string, callback: (...args: never[]) => void): void {
    if (name === "msg:custom") this.#listeners.add(callback as never);
  }

  off(_name: string, callback?: (...args: never[]) => void): void {
    this.#listeners.delete(callback as never);
  }

  send(content: unknown): void {
    this.sent.push(content as Record<string, unknown>);
  }

  answer(index: number, content: Record<string, unknown>, buffers: (DataView | ArrayBuffer)[] = []): void {
    const id = this.sent[index]?.["id"];
    for (const listener of this.#listeners) listener({ id, ...content }, buffers as DataView[]);
  }
}
