// Bundles each widget into one ES module under whisper_magic/notebook/widgets/static/, where it is committed.
// `--check` writes nothing and fails where a committed bundle is not what its source gives.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const STATIC = new URL("../whisper_magic/notebook/widgets/static/", import.meta.url);
const WIDGETS = ["player"];

const check = process.argv.includes("--check");
let stale = 0;
for (const name of WIDGETS) {
  const result = await build({
    absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
    entryPoints: [`src/${name}.ts`],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    loader: { ".css": "text" },
    banner: { js: "// Built from frontend/ by `make frontend`; do not edit. Contains wavesurfer.js 8 (BSD-3-Clause)." },
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
