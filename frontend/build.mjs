// Bundles each widget into one ES module under whisper_magic/notebook/widgets/static/, where it is committed.
// `--check` writes nothing and fails where a committed bundle is not what its source gives.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const STATIC = new URL("../whisper_magic/notebook/widgets/static/", import.meta.url);
const WIDGETS = ["player", "recorder", "explorer", "lesson"];

// What the bundles are made of, so that tests see without Node whether they were made of it.
const FOLDER = new URL(".", import.meta.url);
const files = await readdir(new URL("src/", FOLDER), { recursive: true, withFileTypes: true });
const sources = files.filter((file) => file.isFile()).map((file) => `${file.parentPath.slice(fileURLToPath(FOLDER).length)}/${file.name}`.replace("//", "/")).sort();
const hash = createHash("sha256");
for (const name of [...sources, "package-lock.json"]) hash.update(await readFile(new URL(name, FOLDER)));
const digest = hash.digest("hex").slice(0, 16);

/** Style sheets are text of a module, without what is there for readers. */
const sheets = {
  name: "sheets",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf-8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    }),
};

const check = process.argv.includes("--check");
let stale = 0;
for (const name of WIDGETS) {
  const result = await build({
    absWorkingDir: fileURLToPath(FOLDER),
    entryPoints: [`src/${name}/${name}.ts`],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    plugins: [sheets],
    banner: { js: `// Built from frontend/ (${digest}) by make frontend; do not edit.${name === "player" ? " Contains wavesurfer.js (BSD-3-Clause)." : ""}` },
    write: false,
  });
  const [{ text }] = result.outputFiles;
  const file = new URL(`${name}.js`, STATIC);
  if (check) {
    const committed = await readFile(file, "utf-8").catch(() => "");
    if (committed !== text) {
      console.error(`${name}.js is not what frontend/ builds: run make frontend, and commit it`);
      stale = 1;
    }
  } else {
    await writeFile(file, text);
    console.log(`${name}.js: ${(text.length / 1000).toFixed(1)} kB`);
  }
}
process.exit(stale);
