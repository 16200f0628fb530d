// npm ci --ignore-scripts && node build.mjs
// Writes ../explorer.js, ../explorer.css, ../THIRD-PARTY-LICENSES.txt and ../VENDORED.md.
// The same lock gives the same bytes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = dirname(here);

// GraphiQL embeds 350 kB of web fonts in its style sheet; the page uses the machine's own.
const withoutFonts = {
  name: "without-fonts",
  setup(bundler) {
    bundler.onLoad({ filter: /graphiql[/\\]dist[/\\]style\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/@font-face\s*\{[^}]*\}/g, ""),
      loader: "css",
    }));
  },
};

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { explorer: "explorer.jsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  legalComments: "none", // the licences travel in THIRD-PARTY-LICENSES.txt
  define: { "process.env.NODE_ENV": '"production"' },
  alias: { "react-style-singleton": "./adopted_style.js" },
  plugins: [withoutFonts],
  metafile: true,
});

// --- what is in the bundle, and under which licence ---------------------------------------------

const folderOf = (input) => {
  const parts = input.split("/");
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) return undefined;
  const depth = parts[at + 1].startsWith("@") ? 3 : 2;
  return parts.slice(0, at + depth).join("/");
};
const bundled = new Set(
  Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([input]) => folderOf(input))
      .filter(Boolean),
  ),
);
// A few packages name their licence and ship no text: the words of the MIT licence are the same for all.
const mit = readFileSync(join(here, "MIT.txt"), "utf8").trim();
const withoutText = (name, license, author) => {
  if (license !== "MIT") throw new Error(`${name} ships no text of its licence, ${license}`);
  const holder = author?.name ?? author ?? `the authors of ${name}`;
  return `MIT License\n\nCopyright (c) ${holder}\n\n${mit}`;
};
const packages = [...bundled].sort().map((folder) => {
  const { name, version, license, author } = JSON.parse(
    readFileSync(join(here, folder, "package.json"), "utf8"),
  );
  const file = readdirSync(join(here, folder)).find((one) => /^(licen[cs]e|copying)/i.test(one));
  const text = file
    ? readFileSync(join(here, folder, file), "utf8").trim()
    : withoutText(name, license, author);
  return { name, version, license, text };
});

writeFileSync(
  join(out, "THIRD-PARTY-LICENSES.txt"),
  packages
    .map(({ name, version, text }) => `${"=".repeat(80)}\n${name} ${version}\n\n${text}\n`)
    .join("\n"),
);

// --- the receipt --------------------------------------------------------------------------------

const shipped = ["explorer.js", "explorer.css", "THIRD-PARTY-LICENSES.txt"];
const receipt = shipped.map((name) => {
  const bytes = readFileSync(join(out, name));
  return `| ${name} | ${bytes.length} | ${createHash("sha256").update(bytes).digest("hex")} |`;
});
const versions = packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`);
const tools = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

writeFileSync(
  join(out, "VENDORED.md"),
  `# What is vendored here, and how it was made

GraphiQL ${tools.dependencies.graphiql} and what it needs, bundled by esbuild ${tools.devDependencies.esbuild} from the locked
versions in \`build/package-lock.json\`. This page is written by \`build/build.mjs\`. To make it all again:

\`\`\`
cd api/transports/explorer_assets/build
npm ci --ignore-scripts
node build.mjs
\`\`\`

GraphiQL 5 was tried: Monaco and its workers come to 7.8 MB, and it writes its colours into
\`<style>\` elements, which a policy without \`'unsafe-inline'\` refuses. GraphiQL 4 with CodeMirror is a
fifth of that and needs neither inline styles nor workers, once \`react-style-singleton\` is replaced
by \`build/adopted_style.js\`. Its embedded web fonts are left out.

| file | bytes | SHA-256 |
|---|---|---|
${receipt.join("\n")}

\`index.html\`, \`icon.svg\`, \`default.graphql\` and \`default-variables.json\` are the project's own.

| package | version | licence |
|---|---|---|
${versions.join("\n")}
`,
);
