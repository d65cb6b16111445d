// Keys, while the widget has the focus. They are taken before the notebook sees them; all others pass.

import type { Keys } from "../shared/keys";

export interface Actions {
  toggle(): void;
  seekBy(seconds: number): void;
  segment(by: number): void;
  volumeBy(step: number): void;
  speedBy(step: number): void;
  zoom(factor: number): void;
  search(): void;
  loop(): void;
  edit(): void;
  help(): void;
  escape(): boolean;
}

export const KEYS: Keys = [
  [["Space"], "play, pause"],
  [["←", "→"], "5 seconds back, on; with Shift 1 second"],
  [[",", "."], "previous, next segment"],
  [["↑", "↓"], "louder, quieter"],
  [["[", "]"], "slower, faster"],
  [["+", "-"], "zoom the waveform"],
  [["/"], "search"],
  [["L"], "loop the marked part, or the segment"],
  [["E"], "correct the segment; a double click does it, too"],
  [["?"], "this list"],
];

/**
 * Do what a key means.
 *
 * @returns Whether the key was ours.
 */
export function act(event: KeyboardEvent, on: Actions): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const step = event.shiftKey ? 1 : 5;
  switch (event.key) {
    case " ":
      on.toggle();
      return true;
    case "ArrowLeft":
      on.seekBy(-step);
      return true;
    case "ArrowRight":
      on.seekBy(step);
      return true;
    case "ArrowUp":
      on.volumeBy(0.1);
      return true;
    case "ArrowDown":
      on.volumeBy(-0.1);
      return true;
    case ",":
      on.segment(-1);
      return true;
    case ".":
      on.segment(1);
      return true;
    case "[":
      on.speedBy(-1);
      return true;
    case "]":
      on.speedBy(1);
      return true;
    case "+":
      on.zoom(1.5);
      return true;
    case "-":
      on.zoom(1 / 1.5);
      return true;
    case "/":
      on.search();
      return true;
    case "l":
    case "L":
      on.loop();
      return true;
    case "e":
    case "E":
      on.edit();
      return true;
    case "?":
      on.help();
      return true;
    case "Escape":
      return on.escape();
    default:
      return false;
  }
}
