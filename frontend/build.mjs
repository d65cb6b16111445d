// Bundles each widget into one ES module under whisper_magic/notebook/widgets/static/, where it is committed, and writes
// down in bundles.json what each was made of.
// `--check` writes nothing and fails where a committed file is not what its source gives.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const FOLDER = new URL(".", import.meta.url);
const STATIC = new URL("../whisper_magic/notebook/widgets/static/", import.meta.url);
const WIDGETS = ["player", "recorder", "explorer", "lesson"];

const lock = JSON.parse(await readFile(new URL("package-lock.json", FOLDER), "utf-8"));

/** Style sheets are text of a module, without what is there for readers. */
const sheets = {
  name: "sheets",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf-8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    }),
};

/** What a bundle is made of: files of src/, and packages (esbuild, which makes it, among them). */
function partsOf({ inputs }) {
  const paths = Object.keys(inputs);
  const packages = paths.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean);
  return { sources: paths.filter((path) => path.startsWith("src/")).sort(), packages: [...new Set(["esbuild", ...packages])].sort() };
}

/** The first digits of a hash over them; tests/project/test_frontend.py computes it, too, without Node. */
async function digestOf({ sources, packages }) {
  const hash = createHash("sha256");
  for (const name of sources) hash.update(`${name}\n`).update(await readFile(new URL(name, FOLDER)));
  for (const name of packages) hash.update(`${name}@${lock.packages[`node_modules/${name}`].version}\n`);
  return hash.digest("hex").slice(0, 16);
}

const files = new Map();
const bundles = {};
for (const name of WIDGETS) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: fileURLToPath(FOLDER),
    entryPoints: [`src/${name}/${name}.ts`],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    plugins: [sheets],
    metafile: true,
    write: false,
  });
  bundles[name] = partsOf(metafile);
  const licence = bundles[name].packages.includes("wavesurfer.js") ? " Contains wavesurfer.js (BSD-3-Clause)." : "";
  const banner = `// Built from frontend/ (${await digestOf(bundles[name])}) by make frontend; do not edit.${licence}\n`;
  files.set(new URL(`${name}.js`, STATIC), banner + outputFiles[0].text);
}
files.set(new URL("bundles.json", FOLDER), `${JSON.stringify(bundles, null, 2)}\n`);

let stale = 0;
for (const [file, text] of files) {
  const name = file.pathname.split("/").at(-1);
  const committed = await readFile(file, "utf-8").catch(() => "");
  if (committed === text) continue;
  if (process.argv.includes("--check")) {
    console.error(`${name} is not what frontend/ builds: run make frontend, and commit it`);
    stale = 1;
  } else {
    await writeFile(file, text);
    console.log(`${name}: ${(text.length / 1000).toFixed(1)} kB`);
  }
}
process.exit(stale);
