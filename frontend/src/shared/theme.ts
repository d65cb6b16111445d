// Light and dark: what the page around looks like decides, and it may change while a widget is shown.

/**
 * Keep an element's class `dark` in step with the page.
 *
 * @param changed Called after each change, for what is drawn on a canvas.
 * @returns How to end that.
 */
export function followTheme(element: HTMLElement, changed: () => void): () => void {
  const paint = (): void => {
    const surface = getComputedStyle(element).getPropertyValue("--surface");
    element.classList.toggle("dark", isDark(surface, element));
    changed();
  };
  const theme = new MutationObserver(() => {
    if (element.isConnected) paint(); // of what is scrolled away, a notebook may take the cell out: no colour is known
  });
  for (const part of [document.documentElement, document.body]) {
    theme.observe(part, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "style"] });
  }
  paint();
  return () => theme.disconnect();
}

/** Whether the page behind is dark: by its colour, where that is opaque; else by what the system prefers. */
function isDark(surface: string, element: Element): boolean {
  const probe = document.createElement("span");
  probe.style.color = surface;
  element.append(probe);
  const [r = 255, g = 255, b = 255] = getComputedStyle(probe).color.match(/[\d.]+/g)?.map(Number) ?? [];
  probe.remove();
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 110;
}
