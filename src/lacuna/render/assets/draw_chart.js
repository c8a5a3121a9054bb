// Draws a Vega-Lite specification as SVG: a job in JSON on standard input, the picture on standard output.
//
//   {"vega": SOURCE, "vega_lite": SOURCE, "spec": JSON TEXT, "width": PIXELS, "widths": {"regular": {…}, "bold": {…}}}
//
// The libraries run in a context of their own that has no file, no network and no module to load. Node has no canvas to
// measure text with: a stand-in adds up the widths that come with the job.
"use strict";
const fs = require("fs");
const vm = require("vm");

const job = JSON.parse(fs.readFileSync(0, "utf8"));
const font = "DejaVu Sans, Verdana, sans-serif";

function textWidth(text, css) { // css: "600 12px DejaVu Sans"
  const size = Number(/([\d.]+)px/.exec(css)?.[1] ?? 11);
  const bold = /\b(bold|[6-9]00)\b/.test(css);
  const widths = bold ? job.widths.bold : job.widths.regular;
  let sum = 0;
  for (const character of String(text)) sum += widths[character] ?? 0.7;
  return sum * size;
}

function wrapped(text, css, width) {
  const lines = [""];
  for (const word of [text].flat().join(" ").split(" ")) {
    const line = lines[lines.length - 1];
    if (line && textWidth(line + " " + word, css) > width) lines.push(word);
    else lines[lines.length - 1] = line ? line + " " + word : word;
  }
  return lines;
}

function fit(spec) {
  if (spec.width === "container") spec.width = job.width;
  const parts = [spec.spec, ...(spec.vconcat ?? [])].filter(Boolean);
  for (const part of parts) if (part.width === "container") part.width = job.width;
  const panel = spec.usermeta?.lacuna?.panel_px;
  if (panel && spec.columns) spec.columns = Math.max(1, Math.min(spec.columns, Math.floor((job.width + 60) / panel)));
  if (spec.concat) spec.columns = Math.max(spec.columns, Math.ceil(Math.sqrt(spec.concat.length))); // a paper has no width of its own
  if (spec.facet) spec.spec.width = Math.floor((job.width + 60 - 70) / (spec.columns ?? 1)) - 25;
  spec.config.font = font;
  spec.config.aria = false;
  spec.config.legend.columns = Math.max(1, Math.floor(job.width / 180));
  if (spec.title?.text) {
    const { fontSize = 15, subtitleFontSize = 12.5 } = spec.config.title ?? {};
    spec.title.text = wrapped(spec.title.text, `600 ${fontSize}px`, job.width - 10);
    if (spec.title.subtitle) spec.title.subtitle = wrapped(spec.title.subtitle, `${subtitleFontSize}px`, job.width - 10);
  }
  return spec;
}

const ruler = { font: "", measureText(text) { return { width: textWidth(text, this.font) }; } };
const refuse = () => Promise.reject(new Error("a chart loads nothing"));
const world = vm.createContext({
  document: { createElement: () => ({ getContext: () => ruler }) },
  console: { log() {}, warn: (...words) => console.error(...words), error: (...words) => console.error(...words) },
  setTimeout, clearTimeout, structuredClone,
  specText: JSON.stringify(fit(JSON.parse(job.spec))),
  loader: { load: refuse, sanitize: refuse, http: refuse, file: refuse },
});
for (const library of ["vega", "vega_lite"]) vm.runInContext(job[library], world, { filename: library });
const draw = `(() => {
  const compiled = vegaLite.compile(JSON.parse(specText)).spec;
  return new vega.View(vega.parse(compiled), { renderer: "none", loader }).toSVG();
})()`;
vm.runInContext(draw, world).then(
  (svg) => fs.writeFileSync(1, svg),
  (error) => { console.error(String(error?.message ?? error)); process.exitCode = 1; });
