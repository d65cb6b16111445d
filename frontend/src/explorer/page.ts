// One explorer on the page: its parts do the work, and what they report is handed on here.

import base from "../shared/base.css";
import controls from "../shared/controls.css";
import { h } from "../shared/dom";
import type { Kernel } from "../shared/kernel";
import { keysDialog, typing } from "../shared/keys";
import type { Facts, Filtered, First, Model, Row } from "../shared/protocol";
import { Scope } from "../shared/scope";
import { followTheme } from "../shared/theme";
import { Work } from "../shared/work";
import { ActionBar } from "./actions";
import { rowCells, short, type RowEvents } from "./cells";
import { Detail, differenceLine, failureList, noteField } from "./detail";
import css from "./explorer.css";
import { Facets } from "./facets";
import { counted, Head, titleOf } from "./head";
import { act, KEYS, type Actions } from "./keys";
import { Query } from "./query";
import { RowSound } from "./rowsound";
import { Selection } from "./selection";
import { Table, type Content } from "./table";

const TYPING = 60; // ms of rest before a search
const FILLING = 2000; // ms between two looks at a library that a run fills
const EMPTY = "The library is empty.";
const NONE_PASS = "Nothing passes these filters.";

/** A row after its recording was tagged with a text, or no longer. */
export function withTag(row: Row, tag: string, on: boolean): Row {
  return { ...row, tags: [...row.tags.filter((other) => other !== tag), ...(on ? [tag] : [])].sort() };
}

export class Page {
  readonly host = h("div");
  readonly #root = h("div", { class: "player explorer", role: "region" });
  readonly #kernel: Kernel;
  readonly #model: Model;
  readonly #first: First;
  readonly #query: Query;
  readonly #selection = new Selection();
  readonly #sound: RowSound;
  readonly #table: Table<Row>;
  readonly #facets: Facets;
  readonly #head: Head;
  readonly #actions: ActionBar;
  readonly #work: Work;
  readonly #detail = new Detail(() => this.#detailClosed());
  readonly #statusLine = h("div", { class: "say", role: "status" });
  readonly #help = keysDialog("table", KEYS);
  readonly #scope = new Scope();
  #cancelTyping = (): void => undefined;
  #filling = false;

  constructor(model: Model, kernel: Kernel, first: First) {
    [this.#model, this.#kernel, this.#first] = [model, kernel, first];
    this.#query = new Query(kernel);
    this.#sound = new RowSound(kernel);
    this.#sound.onchange = () => this.#table.refresh();
    this.#sound.onstatus = (line) => this.#status(line);
    this.#facets = new Facets(first.columns, () => void this.#ask());
    this.#facets.oncleared = () => this.#head.search.focus();
    this.#head = this.#makeHead();
    this.#actions = this.#makeActions();
    this.#work = new Work("Stop transcribing; what is done is kept", () => void this.#kernel.ask("stop", {}).catch(() => undefined));
    this.#table = new Table<Row>(this.#recordings ? "Recordings" : "Hits", this.#content(), {
      onsort: (column) => {
        this.#query.sortBy(column);
        void this.#ask();
      },
      onactive: () => this.#actions.show(this.#selection.summary),
      onopen: (row) => void this.#open(row),
    });
    this.#build();
    this.#listen();
    this.#update(first);
    this.#table.show(first.total, first.rows);
    this.#count(first.total, first.total, first.seconds);
    if (this.#recordings) void this.#ask(true);
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
  run({ state, fraction, running }: First["run"]): void {
    this.#work.show(state, fraction, running);
    if (this.#filling) return;
    this.#filling = true;
    const again = (): void => {
      this.#filling = false;
      void this.#ask(true);
    };
    this.#scope.timeout(again, running ? FILLING : 100);
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------

  #makeHead(): Head {
    return new Head(this.#first, {
      ontype: () => {
        this.#cancelTyping();
        this.#cancelTyping = this.#scope.timeout(() => void this.#ask(), TYPING);
      },
      onview: () => {
        this.#query.sortAsAdded();
        void this.#ask();
      },
      onrun: () => void this.#ask(),
      oncompare: (first, second) => void this.#compare(first, second),
      onfailures: () => void this.#showFailures(),
      onkeys: () => this.#help.showModal(),
    });
  }

  #makeActions(): ActionBar {
    return new ActionBar(this.#first.readonly, {
      onall: () => {
        this.#selection.selectAll();
        this.#selected();
      },
      ontag: (on) => this.#tagSelected(on),
      onaccept: () => this.#accept(),
      onclear: () => this.#unselect(),
    });
  }

  /** Whether the rows are recordings; else they are the hits of a search. */
  get #recordings(): boolean {
    return this.#first.query === null;
  }

  #build(): void {
    const title = titleOf(this.#first);
    this.#root.setAttribute("aria-label", this.#recordings ? `Library ${title}` : `Hits of ${this.#first.query ?? ""}`);
    const { state, fraction, running } = this.#first.run;
    this.#work.show(state, fraction, running);
    this.#actions.element.hidden = !this.#recordings;
    const side = this.#recordings ? [this.#facets.element] : [];
    const sides = h("div", { class: this.#recordings ? "sides" : "sides alone" }, ...side, this.#table.element);
    this.#root.append(this.#head.element, this.#work.element, sides, this.#actions.element, this.#statusLine, this.#detail.element, this.#help);
    this.host.attachShadow({ mode: "open" }).append(h("style", {}, base + controls + css), this.#root);
    this.#scope.add(followTheme(this.#root, () => undefined));
  }

  #content(): Content<Row> {
    const columns = this.#first.columns.filter(({ width }) => width !== "");
    const events: RowEvents = {
      selected: ({ recording }) => this.#selection.has(recording),
      playing: ({ recording }) => this.#sound.playing === recording,
      onselect: ({ recording }, on) => {
        this.#selection.set(recording, on);
        this.#selected();
      },
      onplay: (row) => this.#play(row),
    };
    return {
      columns,
      cells: () => rowCells(columns, events),
      fetch: async (start, count) => {
        const { shown } = this.#query;
        return shown === null ? [] : (await this.#kernel.ask("rows", { token: shown.token, start, count })).value;
      },
      selected: (row) => events.selected(row),
      same: (row, other) => row.recording === other.recording,
      label: (row) => short(row.name),
    };
  }

  #play({ recording, start, end }: Row): void {
    void this.#sound.toggle(recording, start, end);
  }

  #count(total: number, of: number, seconds: number | null): void {
    this.#head.count(counted(this.#recordings ? "recording" : "hit", total, of, seconds));
  }

  #status(line: string): void {
    this.#statusLine.textContent = line;
  }

  // -- asking ----------------------------------------------------------------------------------------------------------

  /** Ask for what passes the filters. `keep`: the table stays where it is. */
  async #ask(keep = false): Promise<void> {
    if (!this.#recordings) return;
    try {
      const { search, named, run } = this.#head;
      const filtered = await this.#query.ask({ text: search.value, named, run, filters: this.#facets.state });
      if (filtered !== null) this.#show(filtered, keep);
    } catch (error) {
      this.#status(`${(error as Error).message}.`);
    }
  }

  #show(filtered: Filtered, keep: boolean): void {
    const { total, of, seconds, rows } = filtered;
    const { all } = this.#selection;
    if (all && !keep) this.#selection.clear();
    const { sort, descending } = this.#query.order;
    this.#update(filtered);
    this.#table.sorted(sort, descending);
    this.#table.show(total, rows, keep);
    this.#facets.show(filtered);
    this.#count(total, of, seconds);
    const nothing = of === 0 ? EMPTY : NONE_PASS;
    if (total === 0) this.#status(nothing);
    else if (!keep || this.#statusLine.textContent === nothing) this.#status("");
    if (all) this.#selected(); // of what passes now, or no more
  }

  /** What may have changed while the library grew. */
  #update(facts: Facts): void {
    this.#head.update(facts);
    this.#table.columns(({ scored }) => facts.scored || !scored);
  }

  async #showFailures(): Promise<void> {
    try {
      const { value } = await this.#kernel.ask("failures", {});
      this.#detail.show("Could not be read", failureList(value));
    } catch (error) {
      this.#status(`${(error as Error).message}.`);
    }
  }

  async #compare(first: number, second: number): Promise<void> {
    this.#status("Comparing…");
    try {
      const { value } = await this.#kernel.ask("differences", { first, second });
      const lines = value.length === 0 ? [h("p", {}, "The texts are the same.")] : value.map(differenceLine);
      this.#detail.show(`Where ${this.#head.nameOf(second)} differs from ${this.#head.nameOf(first)}, most first`, ...lines);
      this.#status("");
    } catch (error) {
      this.#status(`Not compared: ${(error as Error).message}.`);
    }
  }

  async #open(row: Row): Promise<void> {
    const { recording, transcript, note } = row;
    if (transcript === null) {
      this.#status("This recording is not transcribed.");
      return;
    }
    try {
      const { value } = await this.#kernel.ask("open", { transcript });
      const manager = this.#model.widget_manager;
      if (manager?.create_view === undefined) throw new Error("this page cannot show a player in a table");
      const view = await manager.create_view(await manager.get_model(value.model.replace(/^IPY_MODEL_/, "")));
      this.#sound.pause();
      const field = noteField(note, this.#first.readonly, (text) => {
        void this.#change("note", { recording, text }, [recording], (changed) => ({ ...changed, note: text }));
      });
      this.#detail.embed(short(row.name), view, ...(this.#recordings ? [field] : []));
    } catch (error) {
      this.#status(`The player cannot be shown: ${(error as Error).message}.`);
    }
  }

  #detailClosed(): void {
    this.#table.element.focus();
    void this.#ask(true); // what was corrected
  }

  // -- what is selected ------------------------------------------------------------------------------------------------

  /** Another selection: shown, and made known to the kernel. */
  #selected(): void {
    this.#table.refresh();
    this.#actions.show(this.#selection.summary);
    const request = this.#selection.request(this.#query.shown?.token ?? 0);
    void this.#kernel.ask("select", request).catch((error: unknown) => this.#status(`Not selected: ${(error as Error).message}.`));
  }

  #unselect(): boolean {
    if (this.#selection.empty) return false;
    this.#selection.clear();
    this.#selected();
    return true;
  }

  get #targets(): number[] {
    return this.#selection.targets(this.#table.active?.recording ?? null);
  }

  #tagSelected(on: boolean): void {
    const tag = this.#actions.tag.value.trim();
    if (tag === "") {
      this.#actions.tag.focus();
      this.#status("Write a tag first.");
      return;
    }
    const recordings = this.#targets;
    void this.#change("tag", { recordings, add: on ? tag : "", remove: on ? "" : tag }, recordings, (row) => withTag(row, tag, on));
  }

  #accept(): void {
    const recordings = this.#targets;
    const here = this.#table.here.filter((row) => recordings.includes(row.recording));
    const accepted = here.length < recordings.length || here.some((row) => !row.accepted);
    void this.#change("accept", { recordings, accepted }, recordings, (row) => ({ ...row, accepted }));
  }

  async #change(kind: "tag" | "note" | "accept", what: object, recordings: readonly number[], change: (row: Row) => Row): Promise<void> {
    if (this.#selection.all && kind !== "note") {
      this.#status("Select recordings one by one to change them, or use library.tag(library.selected.recording, …).");
      return;
    }
    try {
      await this.#kernel.ask(kind, what as never);
      const changed = new Set(recordings);
      this.#table.replace((row) => changed.has(row.recording), change);
      if (kind === "tag") void this.#ask(true);
    } catch (error) {
      this.#status(`Not changed: ${(error as Error).message}.`);
    }
  }

  // -- keys ------------------------------------------------------------------------------------------------------------

  #listen(): void {
    this.#scope.add(() => this.host.remove());
    for (const part of [this.#detail, this.#sound, this.#table]) this.#scope.add(() => part.dispose());
    this.#scope.listen(window, "keydown", (event) => this.#onkey(event), { capture: true });
  }

  #onkey(event: KeyboardEvent): void {
    if (document.activeElement !== this.host || this.#help.open) return;
    const path = event.composedPath();
    const target = path[0] ?? null;
    if (path.some((element) => element !== this.host && element instanceof HTMLElement && element.shadowRoot !== null)) return; // the player's own
    if (typing(target)) {
      event.stopPropagation(); // what is typed here is no shortcut of the notebook's
      if (event.key === "Enter" && target === this.#actions.tag) this.#tagSelected(true);
      if (target === this.#head.search && ["ArrowDown", "Escape", "Enter"].includes(event.key)) this.#table.element.focus();
      return;
    }
    if (target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) {
      event.stopPropagation(); // the button's own keys: the page presses it
      return;
    }
    if (!act(event, this.#keys)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  get #keys(): Actions<Row> {
    const table = this.#table;
    return {
      get active() {
        return table.active;
      },
      recordings: this.#recordings,
      move: (event) => table.key(event),
      extend: (from, to) => {
        for (const row of [from, to]) if (row !== null && !this.#selection.all) this.#selection.set(row.recording, true);
        this.#selected();
      },
      search: () => this.#head.search.focus(),
      help: () => this.#help.showModal(),
      escape: () => this.#detail.close() || this.#unselect(),
      play: (row) => this.#play(row),
      open: (row) => void this.#open(row),
      select: ({ recording }) => {
        this.#selection.toggle(recording);
        this.#selected();
      },
      accept: () => this.#accept(),
      tag: () => this.#actions.tag.focus(),
    };
  }
}
