// Drawings as SVG: coloured by classes, so that a change of theme costs nothing.

const NAMESPACE = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children; text is set as text. */
export function s<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** A drawing that is stretched to its element, in units of its own. */
export function stretched(width: number, height: number, ...children: Node[]): SVGSVGElement {
  const viewBox = `0 0 ${width} ${height}`;
  return s("svg", { class: "drawing", viewBox, preserveAspectRatio: "none", "aria-hidden": "true" }, ...children);
}
