// Compiles and draws every chart specification of a folder with the pinned Vega: no error, no warning, marks in the SVG.
//
// usage: vega_test.cjs VEGA_JS VEGA_LITE_JS FOLDER
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [vegaPath, vegaLitePath, folder] = process.argv.slice(2);
for (const file of [vegaPath, vegaLitePath]) vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
const { vega, vegaLite } = globalThis;

function collector(problems) {
  const logger = { warn: (...args) => (problems.push("warning: " + args.join(" ")), logger),
                   error: (...args) => (problems.push("error: " + args.join(" ")), logger),
                   info: () => logger, debug: () => logger, level: () => logger };
  return logger;
}

async function check(file) {
  const problems = [];
  const logger = collector(problems);
  const spec = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const [key, wanted] of [["$schema", /vega-lite\/v6\.json$/], ["description", /./]]) {
    if (!wanted.test(spec[key])) problems.push(`${key}: ${spec[key]}`);
  }
  if (spec.width === "container") spec.width = 700; // there is no container here
  const compiled = vegaLite.compile(spec, { logger }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none", logger });
  const svg = await view.toSVG();
  const marks = (svg.match(/role="graphics-symbol"/g) || []).length;
  if (marks === 0) problems.push("nothing drawn");
  if (/NaN|undefined/.test(svg)) problems.push("NaN or undefined in the SVG");
  if (/<script|<img|onload=alert\(1\)>/.test(svg)) problems.push("markup from a name reached the SVG");
  return { problems, marks };
}

(async () => {
  let failed = false;
  const files = fs.readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
  if (files.length === 0) throw new Error("no specifications in " + folder);
  for (const name of files) {
    const { problems, marks } = await check(path.join(folder, name));
    console.log(`${problems.length ? "FAILED" : "ok"} ${name}: ${marks} marks`);
    problems.forEach((problem) => console.log("  " + problem));
    failed = failed || problems.length > 0;
  }
  process.exit(failed ? 1 : 0);
})().catch((error) => { console.error(error); process.exit(1); });
