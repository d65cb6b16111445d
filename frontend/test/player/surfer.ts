type Listener = (...values: never[]) => void;

class Emitter {
  readonly #listeners = new Map<string, Listener[]>();

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  emit(event: string, ...values: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...(values as never[]));
  }
}

/** The part of wavesurfer.js that the waveform uses: jsdom has no canvas for the real one. */
export class FakeSurfer extends Emitter {
  static last: FakeSurfer;
  readonly wrapper = document.createElement("div");
  readonly options: Record<string, unknown>[] = [];
  readonly zooms: number[] = [];
  scroll = 0;
  destroyed = false;

  static create(options: { container: HTMLElement }): FakeSurfer {
    FakeSurfer.last = new FakeSurfer();
    FakeSurfer.last.options.push(options);
    options.container.append(FakeSurfer.last.wrapper);
    return FakeSurfer.last;
  }

  getWrapper = (): HTMLElement => this.wrapper;
  getScroll = (): number => this.scroll;
  setScrollTime = (time: number): void => void (this.scroll = time);
  setOptions = (options: Record<string, unknown>): void => void this.options.push(options);
  zoom = (pixels: number): void => void this.zooms.push(pixels);
  getDecodedData = (): object => ({});
  getRenderer = (): { render(): Promise<void> } => ({ render: () => Promise.resolve() });
  destroy = (): void => void (this.destroyed = true);
}

/** Its regions: those that are marked now. */
export class FakeRegions extends Emitter {
  static last: FakeRegions;
  readonly regions: { start: number; end: number; remove(): void }[] = [];

  static create(): FakeRegions {
    return (FakeRegions.last = new FakeRegions());
  }

  enableDragSelection = (): void => undefined;
  addRegion = ({ start, end }: { start: number; end: number }): void => {
    const region = { start, end, remove: (): void => void this.regions.splice(this.regions.indexOf(region), 1) };
    this.regions.push(region);
    this.emit("region-created", region);
  };
}
