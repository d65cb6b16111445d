// A table of any length: only the rows in sight are in the page, and they are asked for as they come into sight. A grid to
// screen readers, whose active row is moved by keys.

import { h } from "../shared/dom";
import type { Column } from "../shared/protocol";
import { Scope } from "../shared/scope";

export const ROW = 34; // px
const PAGE = 100; // rows asked for at once
const BEYOND = 6; // rows drawn above and below those in sight
const FRAME = 5; // rows filled in a frame while the table is scrolled: a screenful at once would hold up the scrolling

/** What a row's cells hold, one item a column; they are filled again and again as the table is scrolled. */
export interface Cells<R> {
  readonly content: readonly (readonly Node[])[];
  /** Show another row. What can stay is only changed: a table is scrolled at 60 frames a second. */
  fill(row: R): void;
}

/** What fills the rows. */
export interface Content<R> {
  readonly columns: readonly Column[];
  /** The cells of one more row on the screen. */
  cells(): Cells<R>;
  /** Rows `start` to `start + count`. */
  fetch(start: number, count: number): Promise<readonly R[]>;
  selected(row: R): boolean;
  /** Whether two rows are of one thing, perhaps as it was and as it is. */
  same(row: R, other: R): boolean;
  /** What a row is called. */
  label(row: R): string;
}

export interface TableEvents<R> {
  onsort(column: Column): void;
  onactive(row: R | null): void;
  onopen(row: R): void;
}

interface Drawn<R> {
  readonly element: HTMLElement;
  readonly cells: Cells<R>;
  place: number;
  filled: R | null;
}

let tables = 0;

export class Table<R> {
  readonly element: HTMLElement;
  readonly #content: Content<R>;
  readonly #events: TableEvents<R>;
  readonly #head: HTMLElement;
  readonly #body = h("div", { class: "rows", role: "rowgroup" });
  readonly #id = `wm-table-${(tables += 1)}`;
  readonly #drawn: Drawn<R>[] = [];
  readonly #scope = new Scope();
  #hidden = new Set<string>(); // columns
  #pages = new Map<number, readonly R[]>();
  #fresh = new Set<number>(); // pages that are as they were last asked for; others are shown until they are
  readonly #asked = new Set<number>();
  #total = 0;
  #active = 0;
  #generation = 0;
  #frame = 0;

  constructor(label: string, content: Content<R>, events: TableEvents<R>) {
    [this.#content, this.#events] = [content, events];
    this.#head = h("div", { class: "row head", role: "row", "aria-rowindex": 1 });
    for (const column of content.columns) this.#head.append(this.#heading(column));
    this.element = h(
      "div",
      { class: "table", role: "grid", tabindex: 0, "aria-label": label, "aria-multiselectable": "true" },
      h("div", { role: "rowgroup", class: "headings" }, this.#head),
      this.#body,
    );
    this.element.addEventListener("scroll", () => this.#later(), { passive: true });
    this.columns(() => true);
    this.#scope.resized(this.element, () => this.#later());
    this.#scope.add(() => cancelAnimationFrame(this.#frame));
  }

  dispose(): void {
    this.#scope.dispose();
  }

  /** Show other rows, the first of which are here. */
  show(total: number, rows: readonly R[], keep = false): void {
    this.#generation += 1;
    this.#asked.clear();
    this.#fresh = new Set();
    const before = this.active;
    if (!keep) this.#pages = new Map();
    for (let at = 0; at < rows.length; at += PAGE) {
      this.#pages.set(at / PAGE, rows.slice(at, at + PAGE));
      this.#fresh.add(at / PAGE);
    }
    this.#total = total;
    if (keep && before !== null) {
      const moved = rows.findIndex((row) => this.#content.same(row, before)); // new rows may have come in before it
      if (moved >= 0) this.#active = moved;
    }
    if (!keep) {
      this.#active = 0;
      this.element.scrollTop = 0;
    }
    this.#active = Math.max(0, Math.min(this.#active, total - 1));
    this.#body.style.height = `${total * ROW}px`;
    this.element.setAttribute("aria-rowcount", String(total + 1));
    for (const drawn of this.#drawn) drawn.filled = null;
    this.#draw();
    this.#events.onactive(this.active);
  }

  /** Show some columns only. */
  columns(shown: (column: Column) => boolean): void {
    this.#hidden = new Set(this.#content.columns.filter((column) => !shown(column)).map(({ name }) => name));
    this.#arrange(this.#head);
    for (const { element } of this.#drawn) this.#arrange(element);
    const tracks = this.#content.columns.filter(({ name }) => !this.#hidden.has(name)).map(({ width }) => width);
    this.element.style.setProperty("--tracks", tracks.join(" "));
  }

  #arrange(row: HTMLElement): void {
    for (const [place, { name }] of this.#content.columns.entries()) row.children[place]?.toggleAttribute("hidden", this.#hidden.has(name));
  }

  /** How the rows are sorted. */
  sorted(column: string, descending: boolean): void {
    for (const heading of this.#head.querySelectorAll("[data-sort]")) {
      const here = heading.getAttribute("data-sort") === column;
      heading.setAttribute("aria-sort", here ? (descending ? "descending" : "ascending") : "none");
    }
  }

  /** The row that keys act on; null where it is not here yet. */
  get active(): R | null {
    return this.at(this.#active);
  }

  at(place: number): R | null {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE] ?? null;
  }

  /** The rows that are here, in order. */
  get here(): R[] {
    return [...this.#pages.entries()].sort(([a], [b]) => a - b).flatMap(([, rows]) => rows);
  }

  /** Draw rows anew whose look has changed. */
  refresh(): void {
    for (const drawn of this.#drawn) drawn.filled = null;
    this.#draw();
  }

  /** Put another row in the place of one that has changed. */
  replace(same: (row: R) => boolean, by: (row: R) => R): void {
    for (const [page, rows] of this.#pages) {
      if (rows.some(same)) this.#pages.set(page, rows.map((row) => (same(row) ? by(row) : row)));
    }
    this.refresh();
  }

  /** Move the active row, and bring it into sight. */
  go(place: number): void {
    this.#active = Math.max(0, Math.min(place, this.#total - 1));
    const [top, height] = [this.#active * ROW, this.element.clientHeight - ROW];
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + ROW > this.element.scrollTop + height) this.element.scrollTop = top + ROW - height;
    this.#draw();
    this.#events.onactive(this.active);
  }

  /** Move by keys. Returns whether the key was ours. */
  key(event: KeyboardEvent): boolean {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const to: Record<string, number> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + page,
      PageUp: this.#active - page,
      Home: 0,
      End: this.#total - 1,
    };
    const place = to[event.key];
    if (place === undefined) return false;
    this.go(place);
    return true;
  }

  #heading(column: Column): HTMLElement {
    const { name, kind, label, sort } = column;
    const sorts = sort !== "";
    const heading = h("div", { role: "columnheader", class: name, "data-kind": kind, "data-sort": sorts ? name : undefined, "aria-sort": sorts ? "none" : undefined });
    if (!sorts) heading.append(h("span", { class: kind === "select" || kind === "play" ? "spoken" : "" }, label));
    else {
      const button = h("button", { type: "button", title: `Sort by ${label}` }, label);
      button.addEventListener("click", () => this.#events.onsort(column));
      heading.append(button);
    }
    return heading;
  }

  #later(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw(FRAME);
    });
  }

  /** Rows in sight take the elements of those that have left it; at most so many are filled, the others in the next frame. */
  #draw(most = Infinity): void {
    if (this.element.clientHeight === 0) return; // out of sight: drawn when it has a size again
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - BEYOND);
    const last = Math.min(this.#total, Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW) + BEYOND);
    const free = this.#drawn.filter(({ place }) => place < first || place >= last);
    const shown = new Set(this.#drawn.filter((drawn) => !free.includes(drawn)).map(({ place }) => place));
    for (let place = first; place < last; place += 1) {
      if (shown.has(place)) continue;
      const drawn = free.pop() ?? this.#make();
      drawn.place = place;
      drawn.filled = null;
      drawn.element.style.top = `${place * ROW}px`;
      drawn.element.setAttribute("aria-rowindex", String(place + 2));
      drawn.element.hidden = false;
    }
    for (const drawn of free) {
      drawn.place = -1;
      drawn.element.hidden = true;
    }
    const top = Math.floor(this.element.scrollTop / ROW);
    const turn = ({ place }: Drawn<R>): number => (place < top ? place + this.#total : place); // those in sight first
    let left = most;
    for (const drawn of this.#drawn.sort((a, b) => turn(a) - turn(b))) {
      if (drawn.place >= 0 && this.#fill(drawn, left > 0)) left -= 1;
    }
    if (left <= 0) this.#later();
    this.#ask(first, last);
  }

  #make(): Drawn<R> {
    const cells = this.#content.cells();
    const element = h("div", { class: "row", role: "row" });
    for (const [place, { name, kind }] of this.#content.columns.entries()) {
      element.append(h("div", { role: "gridcell", class: name, "data-kind": kind }, ...(cells.content[place] ?? [])));
    }
    this.#arrange(element);
    const drawn: Drawn<R> = { element, cells, place: -1, filled: null };
    element.addEventListener("mousedown", () => this.go(drawn.place));
    element.addEventListener("dblclick", () => {
      const row = this.at(drawn.place);
      if (row !== null) this.#events.onopen(row);
    });
    this.#body.append(element);
    this.#drawn.push(drawn);
    return drawn;
  }

  /** Show the row that is in a place, or that it is awaited: from the kernel, or for the next frame. Returns whether it was filled. */
  #fill(drawn: Drawn<R>, now: boolean): boolean {
    const row = this.at(drawn.place);
    const active = drawn.place === this.#active;
    drawn.element.classList.toggle("active", active);
    if (active) {
      drawn.element.id = this.#id;
      this.element.setAttribute("aria-activedescendant", this.#id);
    } else drawn.element.removeAttribute("id");
    if (row !== null) drawn.element.setAttribute("aria-selected", String(this.#content.selected(row)));
    if (row !== null && drawn.filled === row) return false;
    if (row !== null && !now && drawn.filled !== null && this.#content.same(drawn.filled, row)) return false; // as it was, for a frame
    drawn.element.classList.toggle("waiting", row === null || !now);
    if (row === null || !now) {
      drawn.element.removeAttribute("aria-label"); // of the row that was here
      drawn.filled = null;
      return false;
    }
    drawn.filled = row;
    drawn.element.setAttribute("aria-label", this.#content.label(row));
    drawn.cells.fill(row);
    return true;
  }

  #ask(first: number, last: number): void {
    if (last <= first) return;
    for (let page = Math.floor(first / PAGE); page <= Math.floor((last - 1) / PAGE); page += 1) {
      if (this.#fresh.has(page) || this.#asked.has(page)) continue;
      void this.#fetch(page);
    }
  }

  async #fetch(page: number): Promise<void> {
    const generation = this.#generation;
    this.#asked.add(page);
    await new Promise((resolve) => setTimeout(resolve, 40)); // not of rows that are merely passed
    const now = this.element.scrollTop / ROW;
    if (generation !== this.#generation) return;
    if ((page + 1) * PAGE < now - PAGE || page * PAGE > now + this.element.clientHeight / ROW + PAGE) {
      this.#asked.delete(page);
      return;
    }
    try {
      const rows = await this.#content.fetch(page * PAGE, PAGE);
      if (generation !== this.#generation) return;
      this.#pages.set(page, rows);
      this.#fresh.add(page);
      this.#later();
      if (Math.floor(this.#active / PAGE) === page) this.#events.onactive(this.active);
    } catch {
      this.#asked.delete(page); // asked again when it is next in sight
    }
  }
}
