// The lessons' entry. A lesson is complete in its output: this module stands in it, and takes the place of its static
// form wherever the page is opened. Where a kernel lives, the same module is a widget that gives the lesson its sound.

import { watch } from "../shared/anchors";
import base from "../shared/base.css";
import { h } from "../shared/dom";
import { Kernel } from "../shared/kernel";
import { typing } from "../shared/keys";
import type { Model } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { Sound } from "../shared/sound";
import { followTheme } from "../shared/theme";
import { Bench } from "./bench";
import { Lab } from "./lab";
import css from "./lesson.css";
import { Playback } from "./playback";
import { parse, type LessonData } from "./protocol";
import { Race } from "./race";
import { Stepper } from "./stepper";

/** What is shown inside a lesson's frame. */
export interface Lesson {
  readonly element: HTMLElement;
  /** The sound of a lesson that has one. */
  readonly playback?: Playback;
  /** Do what a key means. Returns whether it was the lesson's. */
  key?(event: KeyboardEvent): boolean;
}

const LESSON = "data-whisper-lesson";
const PLAYBACKS = Symbol.for("whisper_magic.lessons"); // shared by all copies of this module on a page
const HOSTS = new WeakMap<Element, Lesson>(); // of this copy

/** The lessons of the page: each element's sound, null for a lesson without one. */
function playbacks(): WeakMap<Element, Playback | null> {
  const page = globalThis as { [PLAYBACKS]?: WeakMap<Element, Playback | null> };
  const known = page[PLAYBACKS] ?? new WeakMap<Element, Playback | null>();
  return (page[PLAYBACKS] = known);
}

function lessonOf(data: LessonData): Lesson {
  switch (data.kind) {
    case "race":
      return new Race(data, new Playback(data.sound));
    case "stepper":
      return new Stepper(data, new Playback(data.sound));
    case "lab":
      return new Lab(data);
    case "bench":
      return new Bench(data);
  }
}

/** Put a lesson in the place of its static form: once, whoever asks and however often. */
function mount(element: Element): void {
  if (playbacks().has(element)) return;
  const data = parse(element.querySelector(":scope > .wm-lesson-data")?.textContent ?? "");
  if (data === null) return;
  element.querySelector(":scope > .wm-lesson-host")?.remove(); // of a page that was saved as a browser shows it
  const lesson = lessonOf(data);
  playbacks().set(element, lesson.playback ?? null);
  element.setAttribute("data-mounted", "");
  const host = h("div", { class: "wm-lesson-host" });
  HOSTS.set(host, lesson);
  const root = h(
    "div",
    { class: "player lesson" },
    h("div", { class: "title" }, data.title),
    lesson.element,
    h("div", { class: "foot" }, ...data.notes.map((note) => h("div", {}, note))),
  );
  host.attachShadow({ mode: "open" }).append(h("style", {}, base + css), root);
  element.querySelector(":scope > .wm-static")?.setAttribute("hidden", "");
  element.append(host);
  followTheme(root, () => undefined);
}

function mountAll(): void {
  for (const element of document.querySelectorAll(`[${LESSON}]`)) mount(element);
}

/** Keys that a lesson or its controls use are no shortcuts of the notebook's, which listens further inside. */
function onkey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
  const path = event.composedPath();
  const lesson = path.map((element) => HOSTS.get(element as Element)).find((lesson) => lesson !== undefined);
  const target = path[0] ?? null;
  if (lesson === undefined) return;
  if (lesson.key?.(event) === true) {
    event.preventDefault();
    event.stopPropagation();
  } else if (typing(target) || ((event.key === "Enter" || event.key === " ") && isPressed(target))) event.stopPropagation();
}

function isPressed(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("button, summary");
}

window.addEventListener("keydown", onkey, { capture: true });
mountAll();
requestAnimationFrame(mountAll); // a host may run the script before the element is in the document

export default {
  initialize({ model }: { model: Model }): () => void {
    const kernel = new Kernel(model);
    const sounds = new Map<Element, Sound>();
    const scope = new Scope();
    scope.add(() => kernel.close());
    const end = watch(
      String(model.get("anchor")),
      (anchor) => {
        mount(anchor);
        const playback = playbacks().get(anchor);
        if (playback == null || sounds.has(anchor)) return;
        const sound = new Sound((offset) => kernel.ask("sound", { offset }), playback.data.info);
        sounds.set(anchor, sound);
        scope.add(() => sound.media.pause());
        void playback.give(sound);
      },
      () => undefined,
    );
    model.on("comm_live_update", () => kernel.close()); // a restart: the page keeps its models
    scope.add(end);
    return () => scope.dispose();
  },
};
