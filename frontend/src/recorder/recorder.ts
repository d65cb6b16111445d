// The recorder's entry: the microphone's sound goes to the kernel as it is encoded, and what was said comes back while one
// speaks. When it ends, the kernel puts the transcript's output in the place of this one.

import { watch } from "../shared/anchors";
import base from "../shared/base.css";
import { button, clock, h } from "../shared/dom";
import { Kernel } from "../shared/kernel";
import type { Document, Live, Model, Notice, Segment } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { TranscriptView } from "../shared/transcript";
import { followTheme } from "../shared/theme";
import transcript from "../shared/transcript.css";
import { Meter } from "./meter";
import css from "./recorder.css";

const SLICE = 250; // ms of sound in a message
const EMPTY: Document = {
  title: "microphone",
  details: [],
  warning: null,
  duration: 0,
  language: null,
  segments: [],
  turns: [],
  gaps: [],
  sound: null,
  levels: [],
  formats: [],
  changes: 0,
  rounds: 0,
  foot: [],
  several: false,
  writing: true,
};

const nothing = (): void => undefined;

/** Why the microphone cannot be used, and what to do. */
export function refusal(error: unknown): string {
  if (!window.isSecureContext) {
    return "No microphone: browsers give it to pages by https or on localhost only. Open this server by https, or through an SSH tunnel to localhost.";
  }
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "No microphone: the browser does not let this page use it. Allow it in the site’s settings, and press Record again.";
    case "NotFoundError":
      return "No microphone is there: connect one, and press Record again.";
    case "NotReadableError":
      return "No microphone: another program holds it. Close that, and press Record again.";
    default:
      return `No microphone: ${error instanceof Error ? error.message : "this browser cannot record"}.`;
  }
}

class Recorder {
  readonly host = h("div");
  readonly #kernel: Kernel;
  readonly #root = h("div", { class: "player recorder", role: "group", "aria-label": "Recorder" });
  readonly #record = button("Record", "Record from the microphone");
  readonly #clock = h("span", { class: "clock number", role: "timer" }, "0:00");
  readonly #meter = new Meter();
  readonly #statusLine = h("div", { class: "say", role: "status" });
  readonly #transcript = new TranscriptView(EMPTY, { onseek: nothing, onround: nothing, onedit: nothing });
  readonly #scope = new Scope();
  /** As long as sound is recorded. */
  readonly #recording = new Scope();
  #unfollow = nothing;
  #segments: readonly Segment[] = [];
  #recorder: MediaRecorder | null = null;
  #sending: Promise<unknown> = Promise.resolve();
  #began = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#record.classList.add("record");
    this.#record.addEventListener("click", () => void this.#toggle());
    const strip = h("div", { class: "strip" }, this.#record, this.#clock, this.#meter.element);
    this.#transcript.element.hidden = true;
    this.#root.append(strip, this.#statusLine, this.#transcript.element);
    this.host.attachShadow({ mode: "open" }).append(h("style", {}, base + transcript + css), this.#root);
    this.#scope.add(() => this.host.remove());
    this.#scope.add(() => this.#transcript.dispose());
    this.#scope.add(() => this.#halt());
    this.#scope.add(kernel.onnotice((notice) => this.#onnotice(notice)));
    kernel.onlost = () => {
      this.#halt();
      this.#status("The kernel is gone, and the recording with it.");
      this.#record.disabled = true;
    };
    kernel.onslow = (slow) => this.#status(slow ? "The kernel does not answer: it is busy, or gone. The recording goes on." : "");
  }

  /** Take the place of a static output. */
  mount(anchor: Element): void {
    if (this.host.isConnected) return; // it is elsewhere on the page: there is one microphone
    anchor.append(this.host);
    anchor.classList.add("wm-live");
    this.#unfollow();
    this.#unfollow = this.#scope.add(followTheme(this.#root, nothing));
  }

  dispose(): void {
    this.#scope.dispose();
  }

  async #toggle(): Promise<void> {
    if (this.#recorder !== null) {
      this.#recorder.stop(); // its last piece, then `stop`, follow
      return;
    }
    this.#record.disabled = true; // the browser may ask
    let stream: MediaStream | null = null;
    try {
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- absent where the page is not secure
      if (navigator.mediaDevices === undefined) throw new Error("this browser cannot record");
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (this.#recording.disposed) throw new Error("the recording has ended");
      this.#start(stream);
      this.#record.disabled = false;
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      if (this.#recording.disposed) return;
      this.#record.disabled = false;
      this.#status(refusal(error));
    }
  }

  #start(stream: MediaStream): void {
    const recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", ({ data }) => {
      if (data.size > 0) this.#send(data);
    });
    recorder.addEventListener("stop", () => void this.#finish());
    recorder.start(SLICE);
    this.#recorder = recorder;
    this.#meter.start(stream);
    this.#recording.add(() => this.#meter.dispose());
    this.#began = performance.now();
    const timer = window.setInterval(() => {
      this.#clock.textContent = clock((performance.now() - this.#began) / 1000);
    }, 250);
    this.#recording.add(() => window.clearInterval(timer));
    this.#recording.add(() => {
      if (recorder.state !== "inactive") recorder.stop();
      for (const track of stream.getTracks()) track.stop();
    });
    this.#record.textContent = "Stop";
    this.#record.title = "Stop recording";
    this.#record.setAttribute("aria-label", "Stop recording");
    this.#record.classList.add("on");
    this.#status("");
  }

  /** Pieces go in their order: each is sent after the one before. */
  #send(piece: Blob): void {
    this.#sending = this.#sending
      .then(async () => this.#kernel.ask("chunk", {}, [await piece.arrayBuffer()]))
      .catch((error: unknown) => {
        if (this.#recording.disposed) return;
        this.#halt();
        this.#status(`Not recorded any further: ${(error as Error).message}.`);
      });
  }

  async #finish(): Promise<void> {
    if (!this.#recording.disposed) this.#status("Reading it to its end…"); // else what went wrong stands there
    this.#halt();
    this.#record.hidden = true;
    await this.#sending;
    await this.#kernel.ask("end", {}).catch(nothing);
  }

  /** Nothing more is recorded, or ever was. */
  #halt(): void {
    if (this.#recording.disposed) return;
    this.#record.classList.remove("on");
    this.#record.disabled = true;
    this.#recording.dispose();
  }

  #onnotice(notice: Notice): void {
    if (notice.notice === "live") this.#grow(notice);
    else if (notice.notice === "failed") {
      this.#halt();
      this.#status(`${notice.error}.`);
    }
  }

  #grow({ state, tail, first, segments }: Live): void {
    this.#segments = [...this.#segments.slice(0, first), ...segments];
    if (state === "" || this.#recorder === null || this.#recording.disposed) this.#status(state);
    if (this.#segments.length === 0 && tail === "") return;
    this.#transcript.element.hidden = false;
    this.#transcript.grow({ ...EMPTY, segments: this.#segments }, tail);
  }

  #status(line: string): void {
    this.#statusLine.textContent = line;
  }
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const recorder = new Recorder(new Kernel(model));
    const scope = new Scope();
    scope.add(() => recorder.dispose());
    scope.add(watch(String(model.get("anchor")), (anchor) => recorder.mount(anchor), nothing));
    return () => scope.dispose();
  },
};
