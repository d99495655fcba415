// Makes viewer.bundle.js: one minified ES module with the parts of three.js that are used, its licence, and the hash
// of the sources, by which tests/test_sculptor.py sees a bundle that is older than they are.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { build } from "esbuild";

const sources = readdirSync(".").filter((name) => /\.m?js$|^package(-lock)?\.json$/.test(name) && name !== "viewer.bundle.js");
const hash = createHash("sha256");
for (const name of sources.sort()) hash.update(`${name}\n${readFileSync(name, "utf8").replaceAll("\r\n", "\n")}`);
const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim();

await build({
  entryPoints: ["index.js"],
  outfile: "viewer.bundle.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  banner: { js: `/* sources sha256 ${hash.digest("hex")}\n\nContains three.js:\n${licence}\n*/` },
  logLevel: "info",
});
