// What a report page does beyond HTML: sorts tables, follows the reader in the contents, enlarges pictures, draws charts.
// Everything is readable without it.
(() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Tables: a click on a heading sorts by its column, numbers by their value, words by the reader's alphabet.
  function sortBy(table, column, direction) {
    const key = (row) => {
      const cell = row.cells[column];
      return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    };
    const words = new Intl.Collator(undefined, { numeric: true });
    const compare = (a, b) => {
      const x = key(a), y = key(b);
      if (x !== null && y !== null) return direction * (x - y || 0);
      if (x !== null || y !== null) return x === null ? 1 : -1; // what has no number goes last
      return direction * words.compare(a.cells[column].textContent, b.cells[column].textContent);
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
    all("thead th", table).forEach((th, i) =>
      th.setAttribute("aria-sort", i !== column ? "none" : direction > 0 ? "ascending" : "descending"));
  }

  function makeSortable(table) {
    if (table.tBodies[0].rows.length < 2) return;
    all("thead th", table).forEach((th, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => sortBy(table, column, th.getAttribute("aria-sort") === "ascending" ? -1 : 1));
    });
  }

  function markWideTables() { // the style sheet keeps their first column in place and says that there is more
    const mark = () => all(".table").forEach((box) => box.classList.toggle("scrolls", box.scrollWidth > box.clientWidth));
    addEventListener("resize", mark);
    mark();
  }

  // Contents: marks the part being read; folded on narrow screens.
  function followReader() {
    const links = new Map(all(".contents a").map((a) => [a.hash.slice(1), a]));
    const parts = [...links.keys()].map((id) => document.getElementById(id));
    const mark = () => {
      const passed = parts.filter((part) => part.getBoundingClientRect().top < innerHeight * 0.3);
      const current = passed.length ? passed[passed.length - 1] : parts[0];
      links.forEach((a, id) => id === current?.id ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current"));
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; mark(); });
    }, { passive: true });
    mark();
  }

  function foldContents() {
    const details = document.querySelector(".contents details");
    if (!details) return;
    const narrow = matchMedia("(max-width: 62rem)");
    const fit = () => { details.open = !narrow.matches; };
    narrow.addEventListener("change", fit);
    fit();
    details.querySelector("summary").addEventListener("click", (event) => { if (!narrow.matches) event.preventDefault(); });
  }

  // Pictures: a click shows one at its full size.
  function makeEnlargeable(image) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", "Enlarge: " + image.alt);
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => {
      const dialog = document.createElement("dialog");
      const copy = image.cloneNode();
      dialog.append(copy);
      document.body.append(dialog);
      dialog.addEventListener("click", () => dialog.close());
      dialog.addEventListener("close", () => dialog.remove());
      dialog.showModal();
    });
  }

  // Charts.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const readJson = (element) => JSON.parse(element.textContent);

  function lines(text, width) { // Vega does not wrap titles
    const out = [""];
    for (const word of text.split(" ")) {
      const line = out[out.length - 1];
      if (line && line.length + 1 + word.length > width) out.push(word);
      else out[out.length - 1] = line ? line + " " + word : word;
    }
    return out;
  }

  const paperWidth = 800; // scaled to the paper by the style sheet

  function fittedSpec(figure, theme, forPrint) {
    const spec = readJson(figure.querySelector("script"));
    const width = forPrint ? paperWidth : figure.querySelector(".view").clientWidth;
    if (forPrint && spec.width === "container") spec.width = paperWidth;
    spec.config = readJson(document.getElementById("chart-theme-" + theme));
    spec.title.text = lines(spec.title.text, width / 9); // pixels of a letter
    if (spec.title.subtitle) spec.title.subtitle = lines(spec.title.subtitle, width / 7);
    spec.config.legend.columns = Math.max(1, Math.floor(width / 180));
    if (width < 560) Object.assign(spec.config.legend.layout.top, { direction: "vertical", margin: 12 });
    const panel = spec.usermeta?.lacuna?.panel_px;
    if (panel) spec.columns = Math.max(1, Math.min(spec.columns, Math.floor(width / panel)));
    if (spec.facet) spec.spec.width = Math.floor((width - 70) / spec.columns) - 25; // 70: the axis, 25: between panels
    return spec;
  }

  async function drawInto(target, figure, theme, forPrint) {
    await vegaEmbed(target, fittedSpec(figure, theme, forPrint), {
      mode: "vega-lite",
      renderer: "svg",
      ast: true,
      defaultStyle: false,
      logLevel: vega.Error,
      formatLocale: { decimal: ".", thousands: ",", grouping: [3], currency: ["", ""], percent: "\u00a0%" },
      i18n: { SVG_ACTION: "SVG", PNG_ACTION: "PNG" },
      actions: { export: true, source: false, compiled: false, editor: false },
      downloadFileName: figure.id,
      tooltip: { theme },
    });
  }

  async function draw(figure) {
    const view = figure.querySelector(".view");
    const screen = document.createElement("div");
    const print = document.createElement("div");
    screen.className = "for-screen";
    print.className = "for-print";
    view.replaceChildren(screen);
    try {
      await drawInto(screen, figure, dark.matches ? "dark" : "light", false);
      view.classList.toggle("has-print", dark.matches);
      if (dark.matches) { // paper is white: a light copy that only printing shows
        view.append(print);
        await drawInto(print, figure, "light", true);
      }
      figure.querySelector(".data").open = false;
    } catch (error) { // the numbers stay open below
      console.error(error);
      view.replaceChildren();
    }
  }

  async function drawAll() {
    for (const figure of all("figure.chart")) await draw(figure);
    document.documentElement.dataset.charts = "drawn";
  }

  function drawPanelsAgain() { // charts in panels do not follow the width by themselves
    let timer = 0;
    let width = innerWidth;
    addEventListener("resize", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (innerWidth === width || matchMedia("print").matches) return;
        width = innerWidth;
        all("figure.chart").forEach((figure) => draw(figure));
      }, 250);
    });
  }

  all("table").forEach(makeSortable);
  markWideTables();
  if (document.querySelector(".contents a")) followReader();
  foldContents();
  all(".picture img").forEach(makeEnlargeable);
  if (document.querySelector("figure.chart")) {
    dark.addEventListener("change", () => {
      if (!matchMedia("print").matches) drawAll(); // browsers turn light to print, and do not wait for new charts
    });
    drawAll();
    drawPanelsAgain();
  }
})();
