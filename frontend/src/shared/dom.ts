// Elements without a framework. Text is only ever set as text: a recording's name or words are never markup.

type Child = Node | string;
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** An element with attributes (true: empty; false, undefined: none) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  loop: "M17 17H7v-3l-4 4 4 4v-3h12v-6h-2zM7 7h10v3l4-4-4-4v3H5v6h2z",
  volume: "M4 9v6h4l5 5V4L8 9zm12.5 3A4.5 4.5 0 0 0 14 8v8a4.5 4.5 0 0 0 2.5-4z",
  muted: "M4 9v6h4l5 5V4L8 9zm11 0 6 6m0-6-6 6",
  search: "M10 4a6 6 0 1 0 3.7 10.7l5 5 1.3-1.3-5-5A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing of 20 px; the button that holds it carries the label. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  if (name === "muted") path.setAttribute("stroke", "currentColor");
  svg.append(path);
  return svg;
}

/** m:ss, or h:mm:ss where the whole is that long. */
export function clock(seconds: number, whole = seconds): string {
  const rest = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(rest / 3600), Math.floor((rest % 3600) / 60), rest % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return whole >= 3600 ? `${h}:${two(m)}:${two(s)}` : `${Math.floor(rest / 60)}:${two(s)}`;
}

/** A time as a screen reader says it. */
export function spoken(seconds: number): string {
  const rest = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(rest / 3600), "hour"],
    [Math.floor((rest % 3600) / 60), "minute"],
    [rest % 60, "second"],
  ] as const;
  const words = parts.filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`);
  return words.join(" ") || "0 seconds";
}

/** The index of the last item whose start is at or before a time; -1 before the first. */
export function lastAtOrBefore(starts: ArrayLike<number>, time: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A button of text; the label says what it does where the text is a sign. */
export function button(text: string, label = text): HTMLButtonElement {
  return h("button", { type: "button", title: label, "aria-label": label }, text);
}
