// Writes the bundles that course_utils/widgets loads: each one minified ES module without imports. Its first line holds a
// hash of the sources and their list, by which tests/widgets/test_bundles.py notices a bundle older than its sources.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const OUT = "../../course_utils/widgets/assets";
const ENTRIES = { viewer: "viewer/index.js", control: "widgets/control.js", live_model: "widgets/live_model.js" };
const TOOLS = ["build.mjs", "package-lock.json", "package.json"];
const THREE = "node_modules/three/";

function hashOf(sources) {
  const hash = createHash("sha256");
  for (const name of sources) hash.update(`${name}\n${readFileSync(name, "utf8").replaceAll("\r\n", "\n")}`);
  return hash.digest("hex");
}

/** Return a bundle's first comment; inputs: the paths of all modules in it. */
function bannerOf(inputs) {
  const sources = [...inputs.filter((name) => !name.startsWith("node_modules/")), ...TOOLS].sort();
  const lines = [`sources sha256 ${hashOf(sources)} docs/web: ${sources.join(" ")}`];
  if (inputs.some((name) => name.startsWith(THREE))) lines.push(`Contains three.js:\n${readFileSync(`${THREE}LICENSE`, "utf8").trim()}`);
  return `/* ${lines.join("\n\n")}\n*/`;
}

for (const [name, entry] of Object.entries(ENTRIES)) {
  const { metafile, outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  writeFileSync(`${OUT}/${name}.bundle.js`, `${bannerOf(Object.keys(metafile.inputs))}\n${outputFiles[0].text}`);
}
