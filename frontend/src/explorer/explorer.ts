// The explorer's entry: a library as a table that is searched as one types, filtered, sorted, played, tagged and corrected.
// It takes the place of its static output (anchors.ts); without a kernel, that stays.

import { watch } from "../shared/anchors";
import base from "../shared/base.css";
import controls from "../shared/controls.css";
import { button, clock, h } from "../shared/dom";
import { Kernel, Refused } from "../shared/kernel";
import { keysDialog, typing, type Keys } from "../shared/keys";
import type { Difference, Facts, Filtered, First, Model, Row } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { followTheme } from "../shared/theme";
import css from "./explorer.css";
import { Facets } from "./facets";
import { hitCells, percent, recordingCells, recordingOf, short, type Any, type RowEvents } from "./rows";
import { RowSound } from "./rowsound";
import { Table } from "./table";

const TYPING = 60; // ms of rest before a search
const FORGOTTEN = 60_000; // ms after which a table whose output is gone is closed
const FILLING = 2000; // ms between two looks at a library that a run fills
const VIEWS: readonly (readonly [value: string, label: string])[] = [
  ["all", "All recordings"],
  ["hardest", "Hardest first"],
  ["references", "Likely wrong references"],
  ["hallucinations", "Flagged: likely hallucinations"],
  ["open", "Not checked"],
  ["accepted", "Accepted"],
];
const KEYS: Keys = [
  [["↑", "↓"], "move; also Page Up, Page Down, Home, End"],
  [["Space"], "play, stop"],
  [["Enter"], "open the player"],
  [["X"], "select; with Shift and an arrow, several"],
  [["A"], "accept, or not"],
  [["T"], "tag"],
  [["/"], "search"],
  [["Esc"], "clear the selection; close the player"],
];

const startOf = (row: Any): number => ("recording" in row ? row.start : (row.hit?.[0] ?? row.part?.[0] ?? 0));
const endOf = (row: Any): number | null => ("recording" in row ? null : (row.part?.[1] ?? null));

class Explorer {
  readonly host = h("div");
  readonly #root = h("div", { class: "player explorer", role: "region" });
  readonly #kernel: Kernel;
  readonly #model: Model;
  readonly #first: First;
  readonly #sound: RowSound;
  readonly #table: Table<Any>;
  readonly #facets = new Facets(() => void this.#look());
  readonly #search = h("input", { type: "search", placeholder: "Search what was said", "aria-label": "Search what was said" });
  readonly #views = h("select", { "aria-label": "View" });
  readonly #runs = h("select", { "aria-label": "Models" });
  readonly #comparer = h("select", { "aria-label": "Compare with" });
  readonly #failures = h("button", { type: "button", title: "Recordings that could not be read" });
  readonly #count = h("span", { class: "soft", role: "status" });
  readonly #say = h("div", { class: "say", role: "status" });
  readonly #bar = h("div", { class: "bar actions", role: "group", "aria-label": "What is selected" });
  readonly #chosen = h("span", { class: "soft" });
  readonly #tag = h("input", { type: "text", placeholder: "Tag", "aria-label": "Tag", maxlength: 64 });
  readonly #work = h("div", { class: "work", hidden: true });
  readonly #state = h("span", { class: "soft" });
  readonly #progress = h("progress", { max: 1, "aria-label": "Transcribing" });
  readonly #detail = h("div", { class: "detail", hidden: true });
  readonly #help = keysDialog("table", KEYS);
  readonly #scope = new Scope();
  readonly #selected = new Set<number>();
  #known: Facts["runs"] = [];
  #sort = "added";
  #descending = false;
  #shown: Filtered | null = null;
  #all = false;
  #looking = 0;
  #timer = 0;
  #filling = 0;
  #opened: { remove(): void } | null = null;

  constructor(model: Model, kernel: Kernel, first: First) {
    [this.#model, this.#kernel, this.#first] = [model, kernel, first];
    this.#sound = new RowSound(kernel);
    this.#sound.onchange = () => this.#table.refresh();
    this.#sound.onstatus = (line) => this.#status(line);
    this.#table = new Table<Any>(first.hits === null ? "Recordings" : "Hits", this.#content(), {
      onsort: (column) => this.#resort(column),
      onactive: () => this.#fit(),
      onopen: (row) => void this.#open(row),
    });
    this.#facets.oncleared = () => this.#search.focus();
    this.#build();
    this.#listen();
    this.#table.show(first.total, first.hits ?? first.rows);
    this.#counted(first.total, first.seconds ?? null);
    if (first.hits === null) void this.#look(true);
  }

  /** Take the place of a static output. */
  mount(anchor: Element): void {
    anchor.append(this.host);
    anchor.classList.add("wm-live");
    this.#table.refresh();
  }

  dispose(): void {
    this.#scope.dispose();
  }

  offline(): void {
    this.#status("The kernel is gone: what is shown stays, nothing more can be asked.");
  }

  slow(slow: boolean): void {
    this.#status(slow ? "The kernel does not answer: it is busy, or gone." : "");
  }

  /** A run in the background goes on, or has ended. */
  run(state: string, fraction: number | null, running: boolean): void {
    this.#work.hidden = !running && state === "";
    this.#state.textContent = state;
    if (fraction === null) this.#progress.removeAttribute("value");
    else this.#progress.value = fraction;
    this.#progress.hidden = !running;
    if (this.#filling !== 0) return;
    this.#filling = window.setTimeout(() => {
      this.#filling = 0;
      void this.#look(true);
    }, running ? FILLING : 100);
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------

  #build(): void {
    const { path, hits, readonly, run, query, more } = this.#first;
    const title = hits === null ? path.split("/").slice(-2).join("/") : `“${query}”`;
    this.#root.setAttribute("aria-label", hits === null ? `Library ${title}` : `Hits of ${query}`);
    const head = h("div", { class: "head" }, h("span", { class: "title", title: path, dir: "auto" }, title), this.#count);
    if (readonly) head.append(h("span", { class: "warn" }, "read-only"));
    if (more === true) head.append(h("span", { class: "soft" }, "there are more: --limit shows them"));
    const tools = h("div", { class: "tools", role: "group", "aria-label": "Tools" });
    if (hits === null) {
      for (const [value, label] of VIEWS) this.#views.append(h("option", { value }, label));
      tools.append(this.#search, this.#views, this.#runs, this.#comparer, this.#failures);
      this.#failures.addEventListener("click", () => void this.#failed());
      this.#comparer.addEventListener("change", () => this.#chosenToCompare());
      this.#know(this.#first);
    }
    tools.append(this.#tool("Keys", "Keys of the table", () => this.#help.showModal()));
    head.append(tools);
    const stop = button("Stop", "Stop transcribing; what is done is kept");
    stop.addEventListener("click", () => void this.#kernel.ask("stop", {}).catch(() => undefined));
    this.#work.append(this.#progress, this.#state, stop);
    this.#progress.hidden = !run.running;
    this.#work.hidden = !run.running && run.state === "";
    this.#state.textContent = run.state;
    const side = hits === null ? [this.#facets.element] : [];
    this.#root.append(head, this.#work, h("div", { class: hits === null ? "sides" : "sides alone" }, ...side, this.#table.element), this.#bar, this.#say, this.#detail, this.#help);
    this.#actions(readonly);
    const root = this.host.attachShadow({ mode: "open" });
    root.append(h("style", {}, base + controls + css), this.#root);
    this.#scope.add(followTheme(this.#root, () => undefined));
  }

  #content(): ConstructorParameters<typeof Table<Any>>[1] {
    const recordings = [
      { name: "select", label: "" },
      { name: "sound", label: "" },
      { name: "name", label: "Recording", sort: "name" },
      { name: "length", label: "Length", sort: "duration" },
      { name: "lang", label: "Language", sort: "language" },
      { name: "said", label: "Text" },
      { name: "flags", label: "Flags", sort: "flags" },
      { name: "sure", label: "Confidence", sort: "confidence" },
      { name: "wer", label: "WER", sort: "wer" },
      { name: "tags", label: "Tags" },
    ];
    const hits = [
      { name: "sound", label: "" },
      { name: "name", label: "Recording" },
      { name: "length", label: "At" },
      { name: "said", label: "Said" },
      { name: "lang", label: "Language" },
    ];
    const events: RowEvents = {
      selected: (row) => this.#all || this.#selected.has(recordingOf(row)),
      playing: (row) => this.#sound.playing === recordingOf(row),
      onselect: (row, on) => this.#choose(row, on),
      onplay: (row) => this.#play(row),
    };
    return {
      columns: this.#first.hits === null ? recordings : hits,
      cells: () => (this.#first.hits === null ? recordingCells(events) : hitCells(events)),
      fetch: async (start, count) => {
        if (this.#shown === null) return [];
        return (await this.#kernel.ask("rows", { token: this.#shown.token, start, count })).value;
      },
      selected: (row) => events.selected(row),
      same: (row, other) => recordingOf(row) === recordingOf(other),
      label: (row) => short(row.name),
    };
  }

  #play(row: Any): void {
    void this.#sound.toggle(recordingOf(row), startOf(row), endOf(row));
  }

  #counted(total: number, seconds: number | null): void {
    const what = this.#first.hits === null ? "recording" : "hit";
    const of = this.#shown !== null && this.#shown.of !== total ? ` of ${this.#shown.of.toLocaleString("en")}` : "";
    const length = seconds === null || seconds === 0 ? "" : ` · ${clock(seconds)}`;
    this.#count.textContent = `${total.toLocaleString("en")}${of} ${what}${total === 1 && of === "" ? "" : "s"}${length}`;
  }

  // -- asking ----------------------------------------------------------------------------------------------------------

  /** Ask for what passes the filters. `keep`: the table stays where it is. */
  async #look(keep = false): Promise<void> {
    if (this.#first.hits !== null) return;
    const turn = (this.#looking += 1);
    const filters = JSON.stringify({ ...this.#facets.state, named: this.#views.value });
    const asked = { text: this.#search.value, filters, sort: this.#sort, descending: this.#descending, run: Number(this.#runs.value) };
    try {
      const { value } = await this.#kernel.ask("view", asked);
      if (turn !== this.#looking) return; // something newer was asked
      this.#shown = value;
      const all = this.#all;
      if (!keep) this.#all = false;
      this.#know(value);
      this.#table.sorted(this.#sort, this.#descending);
      this.#table.show(value.total, value.rows, keep);
      this.#facets.show(value);
      this.#counted(value.total, value.seconds);
      const nothing = value.of === 0 ? "The library is empty." : "Nothing passes these filters.";
      if (value.total === 0) this.#status(nothing);
      else if (!keep || this.#say.textContent === nothing) this.#status("");
      this.#fit();
      if (all) this.#chose(); // of what passes now, or no more
    } catch (error) {
      if (turn === this.#looking) this.#status(`${(error as Error).message}.`);
    }
  }

  #resort(column: string): void {
    const down = this.#sort === column ? !this.#descending : ["wer", "flags", "duration"].includes(column);
    if (this.#sort === column && this.#descending !== ["wer", "flags", "duration"].includes(column)) {
      [this.#sort, this.#descending] = ["added", false]; // the third time: as they were added
    } else [this.#sort, this.#descending] = [column, down];
    void this.#look();
  }

  async #failed(): Promise<void> {
    try {
      const { value } = await this.#kernel.ask("failures", {});
      const list = h("ul", {}, ...value.map(({ name, error }) => h("li", {}, error.includes(name) ? error : `${name}: ${error}`)));
      this.#showDetail("Could not be read", list);
    } catch (error) {
      this.#status(`${(error as Error).message}.`);
    }
  }

  /** What may have changed while the library grew. */
  #know({ scored, runs, failures }: Facts): void {
    this.#root.classList.toggle("scored", scored);
    const chosen = this.#runs.value;
    this.#runs.replaceChildren(h("option", { value: 0 }, "Newest transcripts"));
    this.#comparer.replaceChildren(h("option", { value: "" }, "Compare with…"));
    for (const { id, name } of runs) {
      this.#runs.append(h("option", { value: id }, name));
      this.#comparer.append(h("option", { value: id }, name));
    }
    this.#runs.value = chosen === "" ? "0" : chosen;
    this.#runs.hidden = this.#comparer.hidden = runs.length < 2;
    this.#failures.textContent = `${failures} unreadable`;
    this.#failures.hidden = failures === 0;
    this.#known = runs;
  }

  #chosenToCompare(): void {
    const other = Number(this.#comparer.value);
    this.#comparer.value = "";
    const first = Number(this.#runs.value) || (this.#known.filter(({ id }) => id !== other).at(-1)?.id ?? 0);
    void this.#compare(first, other);
  }

  async #compare(first: number, second: number): Promise<void> {
    this.#status("Comparing…");
    try {
      const { value } = await this.#kernel.ask("differences", { first, second });
      const name = (id: number): string => this.#known.find((run) => run.id === id)?.name ?? String(id);
      const same = value.length === 0 ? [h("p", {}, "The texts are the same.")] : [];
      this.#showDetail(`Where ${name(second)} differs from ${name(first)}, most first`, ...same, ...value.map((one) => difference(one)));
      this.#status("");
    } catch (error) {
      this.#status(`Not compared: ${(error as Error).message}.`);
    }
  }

  async #open(row: Any): Promise<void> {
    if (row.transcript === null) {
      this.#status("This recording is not transcribed.");
      return;
    }
    try {
      const { value } = await this.#kernel.ask("open", { transcript: row.transcript });
      const manager = this.#model.widget_manager;
      if (manager?.create_view === undefined) throw new Error("this page cannot show a player in a table");
      const view = await manager.create_view(await manager.get_model(value.model.replace(/^IPY_MODEL_/, "")));
      this.#sound.pause();
      this.#showDetail(short(row.name), ...("id" in row ? [this.#noter(row)] : []), view.el);
      this.#opened = view;
      view.trigger?.("displayed");
    } catch (error) {
      this.#status(`The player cannot be shown: ${(error as Error).message}.`);
    }
  }

  #noter(row: Row): HTMLElement {
    const text = h("textarea", { rows: 1, "aria-label": "Note", placeholder: "Note" });
    text.value = row.note;
    text.readOnly = this.#first.readonly;
    text.addEventListener("change", () => {
      const note = text.value.trim();
      void this.#change("note", { recording: row.id, text: note }, new Set([row.id]), (one) => ({ ...one, note }));
    });
    return h("label", { class: "note" }, text);
  }

  #showDetail(title: string, ...content: HTMLElement[]): void {
    this.#opened?.remove();
    this.#opened = null;
    const close = button("Close", "Close (Escape)");
    close.addEventListener("click", () => this.#closeDetail());
    this.#detail.replaceChildren(h("div", { class: "head" }, h("b", { class: "title", dir: "auto" }, title), close), ...content);
    this.#detail.hidden = false;
    this.#detail.scrollIntoView({ block: "nearest" });
  }

  #closeDetail(): boolean {
    if (this.#detail.hidden) return false;
    this.#opened?.remove();
    this.#opened = null;
    this.#detail.hidden = true;
    this.#detail.replaceChildren();
    this.#table.element.focus();
    void this.#look(true); // what was corrected
    return true;
  }

  // -- what is selected ------------------------------------------------------------------------------------------------

  #actions(readonly: boolean): void {
    if (this.#first.hits !== null) {
      this.#bar.hidden = true;
      return;
    }
    const every = this.#tool("Select all", "Select all that pass the filters", () => this.#selectAll());
    const add = this.#tool("Add tag", "Tag what is selected", () => this.#tagged(true));
    const remove = this.#tool("Remove tag", "Remove the tag from what is selected", () => this.#tagged(false));
    const accept = this.#tool("Accept", "Mark as checked, or not (A)", () => this.#accept());
    const clear = this.#tool("Clear selection", "Clear the selection (Escape)", () => this.#unselect());
    for (const one of [this.#tag, add, remove, accept]) one.toggleAttribute("disabled", readonly);
    this.#bar.append(this.#chosen, every, this.#tag, add, remove, accept, clear);
  }

  #tool(text: string, label: string, act: () => void): HTMLButtonElement {
    const made = h("button", { type: "button", title: label }, text);
    made.addEventListener("click", act);
    return made;
  }

  /** What actions apply to: the selection, else the active row. */
  get #targets(): number[] {
    if (this.#selected.size > 0) return [...this.#selected];
    const active = this.#table.active;
    return active === null ? [] : [recordingOf(active)];
  }

  #choose(row: Any, on: boolean): void {
    if (this.#all) this.#unselect();
    if (on) this.#selected.add(recordingOf(row));
    else this.#selected.delete(recordingOf(row));
    this.#chose();
  }

  #chose(): void {
    this.#table.refresh();
    this.#fit();
    const asked = { recordings: [...this.#selected], token: this.#shown?.token ?? 0, all: this.#all };
    void this.#kernel.ask("select", asked).catch((error: unknown) => this.#status(`Not selected: ${(error as Error).message}.`));
  }

  #selectAll(): void {
    this.#selected.clear();
    this.#all = true;
    this.#chose();
  }

  #unselect(): boolean {
    if (this.#selected.size === 0 && !this.#all) return false;
    this.#selected.clear();
    this.#all = false;
    this.#chose();
    return true;
  }

  #fit(): void {
    const { size } = this.#selected;
    this.#chosen.textContent = this.#all ? "All selected: library.selected" : size > 0 ? `${size} selected: library.selected` : "";
  }

  #tagged(on: boolean): void {
    const tag = this.#tag.value.trim();
    if (tag === "") {
      this.#tag.focus();
      this.#status("Write a tag first.");
      return;
    }
    const targets = this.#targets;
    const change = (row: Row): Row => ({ ...row, tag: [...row.tag.filter((one) => one !== tag), ...(on ? [tag] : [])].sort() });
    void this.#change("tag", { recordings: targets, add: on ? tag : "", remove: on ? "" : tag }, new Set(targets), change);
  }

  #accept(): void {
    const targets = new Set(this.#targets);
    const known = this.#table.here.filter((row): row is Row => "id" in row && targets.has(row.id));
    const accepted = known.length < targets.size || known.some((row) => !row.accepted);
    void this.#change("accept", { recordings: [...targets], accepted }, targets, (row) => ({ ...row, accepted }));
  }

  async #change(kind: "tag" | "note" | "accept", what: object, targets: Set<number>, change: (row: Row) => Row): Promise<void> {
    if (this.#all && kind !== "note") {
      this.#status("Select recordings one by one to change them, or use library.tag(library.selected.recording, …).");
      return;
    }
    try {
      await this.#kernel.ask(kind, what as never);
      this.#table.replace(
        (row) => "id" in row && targets.has(row.id),
        (row) => ("id" in row && !("recording" in row) ? change(row) : row),
      );
      if (kind === "tag") void this.#look(true);
    } catch (error) {
      this.#status(`Not changed: ${(error as Error).message}.`);
    }
  }

  // -- keys ------------------------------------------------------------------------------------------------------------

  #listen(): void {
    this.#scope.add(() => this.host.remove());
    this.#scope.add(() => this.#opened?.remove());
    this.#scope.add(() => this.#sound.dispose());
    this.#scope.add(() => this.#table.dispose());
    this.#search.addEventListener("input", () => {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#look(), TYPING);
    });
    this.#views.addEventListener("change", () => {
      this.#sort = "added";
      void this.#look();
    });
    this.#runs.addEventListener("change", () => void this.#look());
    this.#scope.listen(window, "keydown", (event) => this.#onkey(event), { capture: true });
  }

  #onkey(event: KeyboardEvent): void {
    if (document.activeElement !== this.host || this.#help.open) return;
    const target = event.composedPath()[0] ?? null;
    if (event.composedPath().some((one) => one !== this.host && one instanceof HTMLElement && one.shadowRoot !== null)) return; // the player's own
    if (typing(target)) {
      event.stopPropagation(); // what is typed here is no shortcut of the notebook's
      if (event.key === "Enter" && target === this.#tag) this.#tagged(true);
      if (target === this.#search && (event.key === "ArrowDown" || event.key === "Escape" || event.key === "Enter")) this.#table.element.focus();
      return;
    }
    if (target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) {
      event.stopPropagation();
      return;
    }
    if (!this.#act(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #act(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const row = this.#table.active;
    if (this.#table.key(event)) {
      const now = this.#table.active;
      if (event.shiftKey && this.#first.hits === null) {
        for (const one of [row, now]) if (one !== null) this.#selected.add(recordingOf(one));
        this.#chose();
      }
      return true;
    }
    switch (event.key) {
      case "/":
        this.#search.focus();
        return true;
      case "?":
        this.#help.showModal();
        return true;
      case "Escape":
        return this.#closeDetail() || this.#unselect();
    }
    if (row === null) return false;
    return this.#on(row, event.key);
  }

  /** Do what a key means for a row. Returns whether it was ours. */
  #on(row: Any, key: string): boolean {
    switch (key) {
      case " ":
        this.#play(row);
        return true;
      case "Enter":
        void this.#open(row);
        return true;
    }
    if (this.#first.hits !== null) return false;
    switch (key.toLowerCase()) {
      case "x":
        this.#choose(row, !this.#selected.has(recordingOf(row)));
        return true;
      case "a":
        this.#accept();
        return true;
      case "t":
        this.#tag.focus();
        return true;
      default:
        return false;
    }
  }

  #status(line: string): void {
    this.#say.textContent = line;
  }
}

function difference({ name, differs, stretches }: Difference): HTMLElement {
  const parts = stretches.map(({ kind, first, second }) =>
    h("span", { class: "stretch" }, ...(kind === "insertion" ? [] : [h("del", {}, first)]), " ", ...(kind === "deletion" ? [] : [h("ins", {}, second)])),
  );
  return h("div", { class: "difference" }, h("b", { title: name }, short(name)), h("span", { class: "number soft" }, ` ${percent(differs)} `), ...parts);
}

/** The views of one explorer on this page, by the output that holds each. */
class Views {
  readonly #model: Model;
  readonly #kernel: Kernel;
  readonly #views = new Map<Element, Explorer>();
  readonly #making = new WeakSet<Element>();
  readonly #leaving = new WeakSet<Element>();

  constructor(model: Model) {
    [this.#model, this.#kernel] = [model, new Kernel(model)];
    this.#kernel.onnotice((notice) => {
      if (notice.notice === "run") for (const view of this.#views.values()) view.run(notice.state, notice.fraction, notice.running);
    });
    this.#kernel.onlost = () => this.#each((view) => view.offline());
    this.#kernel.onslow = (slow) => this.#each((view) => view.slow(slow));
    model.on("comm_live_update", () => this.#kernel.close());
  }

  /** Put a table in the place of a static output. */
  async mount(anchor: Element): Promise<void> {
    if (this.#views.has(anchor) || this.#making.has(anchor)) return;
    this.#making.add(anchor);
    try {
      const { value } = await this.#kernel.insist("first", {});
      if (!anchor.isConnected) {
        this.#making.delete(anchor); // it may come back
        return;
      }
      const made = new Explorer(this.#model, this.#kernel, value);
      this.#views.set(anchor, made);
      made.mount(anchor);
      this.#making.delete(anchor);
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error); // the static view stays
    }
  }

  /** An output that is cleared takes its table along; one that is merely moved comes back at once. */
  forget(): void {
    for (const [anchor, view] of this.#views) {
      if (anchor.isConnected || this.#leaving.has(anchor)) continue;
      this.#leaving.add(anchor);
      setTimeout(() => {
        this.#leaving.delete(anchor);
        if (anchor.isConnected || this.#views.get(anchor) !== view) return;
        this.#views.delete(anchor);
        view.dispose();
      }, FORGOTTEN);
    }
  }

  dispose(): void {
    this.#each((view) => view.dispose());
    this.#kernel.close();
  }

  #each(act: (view: Explorer) => void): void {
    for (const view of this.#views.values()) act(view);
  }
}

export default {
  initialize({ model }: { model: Model }): () => void {
    const views = new Views(model);
    const scope = new Scope();
    scope.add(() => views.dispose());
    scope.add(watch(String(model.get("anchor")), (anchor) => void views.mount(anchor), () => views.forget())); // prettier-ignore
    return () => scope.dispose();
  },
};
