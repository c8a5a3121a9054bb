"""Looks at what sample_page wrote with programs that are not Lacuna's.

The SVG must be well-formed XML and the pages balanced HTML. With node, every chart is compiled and drawn by Vega. With
Chromium, both pages are opened: every chart appears, no name attacks, nothing is requested, the console stays silent.
Exits with 77, naming what is missing, when node or Chromium cannot be found and the rest passed.

usage: drawn_test.py SAMPLE_PAGE VEGA_JS VEGA_LITE_JS
"""
import html.parser
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Balance(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.problems, self.ids = [], [], set()

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name.startswith("on"):
                self.problems.append(f"event handler {name}={value!r}")
            if name == "id" and value in self.ids:
                self.problems.append(f"id {value} twice")
            if name == "id":
                self.ids.add(value)
        if tag == "img" and not dict(attributes).get("alt"):
            self.problems.append("picture without description")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing at {self.getpos()}")


def check_html(path):
    balance = Balance()
    balance.feed(path.read_text(encoding="utf-8"))
    assert not balance.open, f"{path.name}: left open: {balance.open}"
    assert not balance.problems, f"{path.name}: {balance.problems[:5]}"


def open_in_chromium(chromium, page, folder):
    """The page after its scripts ran, and what the browser logged."""
    run = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=30000", "--window-size=1400,1000", "--dump-dom",
         page.as_uri()], capture_output=True, text=True, timeout=240)
    return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def check_in_chromium(chromium, page, n_charts, folder):
    dom, console = open_in_chromium(chromium, page, folder)
    assert not console, f"{page.name}: the console says {console[:3]}"
    root = re.search(r"<html[^>]*>", dom).group(0)
    assert 'data-charts="drawn"' in root, f"{page.name}: charts were not drawn: {root}"
    assert "data-owned" not in root, f"{page.name}: a name ran as script"
    drawn = len(re.findall(r'<svg[^>]*class="marks"', dom))
    assert drawn == n_charts, f"{page.name}: {drawn} of {n_charts} charts drawn"
    assert dom.count('<details class="data">') == n_charts, f"{page.name}: numbers were not folded away"


# Clicks through the page: sorts the first table by its fourth column, down; enlarges the first picture.
BEHAVIOUR = """
const heading = document.querySelectorAll("thead")[0].rows[0].cells[3];
heading.querySelector("button").click();
heading.querySelector("button").click();
const values = [...document.querySelector("tbody").rows].map((row) => Number(row.cells[3].dataset.value));
const falling = values.length > 2 && values.every((value, i) => i === 0 || values[i - 1] >= value);
document.querySelector(".picture button").click();
const enlarged = document.querySelector("dialog[open] img");
document.documentElement.dataset.behaviour = [falling, heading.getAttribute("aria-sort"), enlarged !== null].join(" ");
"""


def check_behaviour(chromium, page, folder):
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    driven = folder / "driven.html"
    driven.write_text(text[:text.rindex("</body>")] + f"<script>{BEHAVIOUR}</script></body></html>", encoding="utf-8")
    dom, console = open_in_chromium(chromium, driven, folder)
    assert not console, f"the console says {console[:3]}"
    assert 'data-behaviour="true descending true"' in dom, re.search(r"<html[^>]*>", dom).group(0)


def main():
    sample_page, vega, vega_lite = sys.argv[1:]
    missing = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sample_page, folder], check=True)
        xml.etree.ElementTree.parse(folder / "spy.svg")
        for page in ("report.html", "hostile.html"):
            check_html(folder / page)
        if node := shutil.which("node"):
            subprocess.run([node, Path(__file__).with_name("vega_test.cjs"), vega, vega_lite, folder / "charts"], check=True)
        else:
            missing.append("node: the charts were not drawn by Vega")
        if chromium := shutil.which("chromium") or shutil.which("chromium-browser"):
            check_in_chromium(chromium, folder / "report.html", len(list(folder.glob("charts/sample-*"))), folder)
            check_in_chromium(chromium, folder / "hostile.html", len(list(folder.glob("charts/hostile-*"))), folder)
            check_behaviour(chromium, folder / "report.html", folder)
        else:
            missing.append("chromium: the pages were not opened")
    if missing:
        print("not found:", "; ".join(missing))
        sys.exit(77)


if __name__ == "__main__":
    main()
