// Marks of a search in a page's text, by the CSS Custom Highlight API where the browser has it: the text stays as it is.

const HITS = "whisper-magic-hit";
const HIT = "whisper-magic-hit-now";

export class Highlights {
  #ranges: Range[] = [];

  /** Mark other ranges; the one at `now` stands out. */
  show(ranges: readonly (Range | null)[], now: number): void {
    const [all, current] = [highlight(HITS), highlight(HIT)];
    for (const range of this.#ranges) {
      all?.delete(range);
      current?.delete(range);
    }
    ranges.forEach((range, index) => {
      if (range !== null) (index === now ? current : all)?.add(range);
    });
    this.#ranges = ranges.filter((range) => range !== null);
  }
}

/** Some characters of an element's text, without the names of speakers in it and the space in front; null where it ends before them. */
export function rangeOf(words: Element, start: number, end: number): Range | null {
  const range = new Range();
  const spoken = (node: Node): number =>
    node.parentElement?.classList.contains("speaker") === true ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT;
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT, spoken);
  let offset = -(words.textContent.match(/^\s*/)?.[0] ?? "").length;
  let begun = false;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (!begun && start < offset + length) {
      range.setStart(node, start - offset);
      begun = true;
    }
    if (begun && end <= offset + length) {
      range.setEnd(node, end - offset);
      return range;
    }
    offset += length;
  }
  return null;
}

/** The page's highlight of that name. */
function highlight(name: string): Highlight | null {
  if (typeof Highlight === "undefined") return null;
  const known = CSS.highlights.get(name);
  if (known !== undefined) return known;
  const added = new Highlight();
  CSS.highlights.set(name, added);
  return added;
}
