import { vi } from "vitest";

/** What a widget needs of a page and jsdom does not have; time stands still. */
export function preparePage(): void {
  vi.useFakeTimers();
  for (const name of ["ResizeObserver", "IntersectionObserver"]) vi.stubGlobal(name, class { observe(): void {} disconnect(): void {} }); // prettier-ignore
  vi.stubGlobal("CSS", { escape: (text: string) => text });
  vi.stubGlobal("matchMedia", () => ({ matches: true }));
  Element.prototype.scrollTo = () => undefined;
  Element.prototype.scrollIntoView = () => undefined;
  HTMLMediaElement.prototype.pause = () => undefined;
  HTMLMediaElement.prototype.load = () => undefined;
}

/** An empty page, for the next test. */
export function clearPage(): void {
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.unstubAllGlobals();
}
