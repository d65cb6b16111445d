// What the table shows: a search, filters, a named view, a run, and the order. It is asked for as a whole, and whoever asks
// last gets the answer.

import type { Kernel } from "../shared/kernel";
import type { Column, ExplorerAnswers, Filtered } from "../shared/protocol";
import type { State } from "./facets";

export const VIEWS: readonly (readonly [value: string, label: string])[] = [
  ["all", "All recordings"],
  ["hardest", "Hardest first"],
  ["references", "Likely wrong references"],
  ["hallucinations", "Flagged: likely hallucinations"],
  ["open", "Not checked"],
  ["accepted", "Accepted"],
];

export interface Order {
  readonly sort: string;
  readonly descending: boolean;
}

export const AS_ADDED: Order = { sort: "added", descending: false };

/** The order after a click on a heading: the column's first, then the other way round, the third time as they were added. */
export function reordered({ sort, descending }: Order, column: Column): Order {
  const first = column.sort === "descending";
  if (sort !== column.name) return { sort: column.name, descending: first };
  return descending === first ? { sort, descending: !first } : AS_ADDED;
}

/** What is asked for: the fields of the header, the filters beside the table, and the order. */
export interface Wanted extends Order {
  readonly text: string;
  readonly named: string;
  readonly run: number;
  readonly filters: State;
}

export function requestOf({ text, named, run, filters, sort, descending }: Wanted): ExplorerAnswers["view"]["ask"] {
  return { text, filters: JSON.stringify({ ...filters, named }), sort, descending, run };
}

export class Query {
  readonly #kernel: Kernel;
  #order = AS_ADDED;
  #shown: Filtered | null = null;
  #turn = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get order(): Order {
    return this.#order;
  }

  /** The last answer. */
  get shown(): Filtered | null {
    return this.#shown;
  }

  sortBy(column: Column): void {
    this.#order = reordered(this.#order, column);
  }

  sortAsAdded(): void {
    this.#order = AS_ADDED;
  }

  /**
   * Ask for what passes.
   *
   * @returns null where something newer has been asked for meanwhile.
   * @throws Refused, unless it has.
   */
  async ask(wanted: Omit<Wanted, keyof Order>): Promise<Filtered | null> {
    const turn = (this.#turn += 1);
    try {
      const { value } = await this.#kernel.ask("view", requestOf({ ...wanted, ...this.#order }));
      return turn === this.#turn ? (this.#shown = value) : null;
    } catch (error) {
      if (turn === this.#turn) throw error;
      return null;
    }
  }
}
