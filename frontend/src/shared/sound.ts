// How sound reaches the browser: from the Jupyter server's own file URL where the file lies under its root and the
// browser can play it; else re-encoded by the kernel, pulled in chunks over the comm, as a Blob. Never base64, never
// decoded here.

import type { Reply, Sound as Info } from "./protocol";

/** The event by which others stop when one plays: one at a time on a page. */
export const PLAYING = "whisper-magic-playing";

/** What a page of JupyterLab or Notebook 7 says about its server. */
export interface PageConfig {
  readonly baseUrl: string;
  readonly serverRoot: string;
}

export function pageConfig(page: ParentNode = document): PageConfig | null {
  const text = page.querySelector("#jupyter-config-data")?.textContent;
  if (text === undefined) return null;
  try {
    const { baseUrl, serverRoot } = JSON.parse(text) as Record<string, unknown>;
    return typeof baseUrl === "string" && typeof serverRoot === "string" ? { baseUrl, serverRoot } : null;
  } catch {
    return null;
  }
}

/** The file's URL on its Jupyter server; null where the server does not serve it. */
export function fileUrl(info: Info, config: PageConfig | null): string | null {
  if (config === null || info.path === null || info.mime === null) return null;
  const root = config.serverRoot.replace(/^~(?=\/|$)/, info.home).replace(/\/+$/, "");
  if (!info.path.startsWith(`${root}/`)) return null;
  const parts = info.path.slice(root.length + 1).split("/");
  if (parts.some((part) => part.startsWith("."))) return null; // servers hide these
  return `${config.baseUrl.replace(/\/*$/, "/")}files/${parts.map(encodeURIComponent).join("/")}`;
}

/** The kernel's encoding of a recording, piece by piece. */
type Next = (offset: number) => Promise<Reply<"sound"> | Reply<"rowchunk">>;

export class Sound {
  readonly media: HTMLAudioElement;
  /** How it came: "file" by the server, "comm" by the kernel, null while it has not. */
  way: "file" | "comm" | null = null;
  onprogress: (seconds: number) => void = () => undefined;
  readonly #next: Next;
  readonly #info: Info | null;
  #loading: Promise<void> | null = null;
  #blobUrl: string | null = null;

  /**
   * @param next Gives the encoded sound from a byte on.
   */
  constructor(next: Next, info: Info | null) {
    this.#next = next;
    this.#info = info;
    this.media = document.createElement("audio");
    this.media.preload = "metadata";
  }

  /** Whether there is a recording at all. */
  get exists(): boolean {
    return this.#info !== null;
  }

  /** Use the server's URL where it serves this very file. */
  async find(): Promise<void> {
    const info = this.#info;
    const url = info === null ? null : fileUrl(info, pageConfig());
    if (info === null || url === null) return;
    try {
      const answer = await fetch(url, { headers: { Range: "bytes=0-0" }, credentials: "same-origin" });
      void answer.body?.cancel();
      const size = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? answer.headers.get("Content-Length"));
      if (!answer.ok || size !== info.size) return; // another file of that name, on another machine
      this.media.src = url;
      this.way = "file";
    } catch {
      // no server that answers: the kernel has the sound
    }
  }

  /**
   * Have the sound, from wherever it comes; the first call fetches it.
   *
   * @throws Refused where there is none.
   */
  async ready(): Promise<void> {
    if (this.way !== null) return;
    this.#loading ??= this.#pull().finally(() => {
      this.#loading = null;
    });
    await this.#loading;
  }

  async #pull(): Promise<void> {
    const parts: DataView<ArrayBuffer>[] = [];
    let [offset, done, mime] = [0, false, ""];
    while (!done) {
      const { value, buffers } = await this.#next(offset);
      const part = buffers[0] as DataView<ArrayBuffer> | undefined;
      if (part !== undefined) parts.push(part);
      offset += part?.byteLength ?? 0;
      ({ mime, done } = value);
      this.onprogress(value.seconds);
    }
    this.#blobUrl = URL.createObjectURL(new Blob(parts, { type: mime }));
    const position = this.media.currentTime;
    this.media.src = this.#blobUrl;
    this.way = "comm";
    await new Promise((resolve) => {
      this.media.addEventListener("loadedmetadata", resolve, { once: true });
      this.media.addEventListener("error", resolve, { once: true });
    });
    this.media.currentTime = position;
  }

  dispose(): void {
    this.media.pause();
    this.media.removeAttribute("src");
    this.media.load();
    if (this.#blobUrl !== null) URL.revokeObjectURL(this.#blobUrl);
  }
}
