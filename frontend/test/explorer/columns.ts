import type { Column, Row } from "../../src/shared/protocol";

/** A column with what a test says of it. */
export function column(name: string, about: Partial<Column> = {}): Column {
  return { name, kind: "word", label: name, title: "", width: "4em", sort: "", filter: "", scored: false, ...about };
}

/** The row of a recording. */
export function row(about: Partial<Row> = {}): Row {
  return { recording: 1, transcript: 1, name: "talks/one.wav", start: 0, end: null, hit: null, tags: [], note: "", accepted: false, text: "And so", ...about };
}
