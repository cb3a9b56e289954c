"""Reports: one file, whole in itself, that a browser shows as it is meant."""

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from shell import CONFIGS, call, trained

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
in_browser = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")

# Clicks on the header of the cost twice, and writes what the table shows into the page's title.
CLICKS = """
<script>
const cells = () => [...document.querySelectorAll("table.sortable tbody tr")]
  .map(row => row.cells[COLUMN].dataset.value);
const head = document.querySelectorAll("table.sortable th button")[COLUMN];
const told = [cells()];
for (const _ of [0, 1]) { head.click(); told.push(cells()); }
const width = document.querySelector("figure svg").getBoundingClientRect().width;
document.title = JSON.stringify({told, width, errors: window.told_errors});
</script>
"""
WATCH = """<script>
window.told_errors = [];
addEventListener("error", e => told_errors.push(String(e.message || e.target)), true);
const before = console.error;
console.error = (...words) => { told_errors.push(words.join(" ")); before(...words); };
</script>"""


@pytest.fixture(scope="module", autouse=True)
def _trained(tmp_path_factory):
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("reports"))
    trained(str(CONFIGS / "xor.yaml"), "epochs=2000")
    trained(str(CONFIGS / "diabetes.yaml"), "epochs=50")
    swept = call("sweep", "-q", str(CONFIGS / "xor.yaml"), "seed=0..5", "epochs=1000")
    assert swept.code == 0
    yield
    os.chdir(before)


def report(name, *options):
    done = call("report", name, *options)
    told = r"xor-sweep-1/best is run \d, with the smallest cost: .*\n" if "/best" in name else ""
    assert done.code == 0
    assert re.fullmatch(told, done.stderr)
    return Path(done.stdout.strip())


class Page(HTMLParser):
    """The addresses that a page asks for, its open tags, and its tables' heads."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.open, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[k] for k in ("src", "href", "xlink:href") if k in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["xor-1", "diabetes-1", "xor-sweep-1", "xor-sweep-1/best"])
def test_a_report_needs_nothing_but_itself(name):
    page = Page(report(name).read_text())
    assert page.open == []
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    inside = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inside <= set(page.ids)


def test_a_run_s_report_has_its_figures_metrics_and_configuration():
    text = report("xor-1").read_text()
    assert re.findall(r'<svg role="img" aria-label="(\w+)"', text) == [
        "cost", "boundary", "confusion", "network", "weights",
    ]  # fmt: skip
    assert "<th scope=row>accuracy</th><td>1</td>" in text
    assert "loss: squared_error" in text
    assert "<script" not in text
    kinds = re.findall(r'aria-label="(\w+)"', report("diabetes-1").read_text())
    assert kinds == ["cost", "fit", "network", "weights"]


def test_a_sweep_s_report_has_a_row_for_each_run():
    text = report("xor-sweep-1").read_text()
    kinds = re.findall(r'aria-label="(\w+)"', text)
    assert kinds == ["sweep", "curves", "boundary", "network"]
    assert len(re.findall("<tr><td", text)) == 6
    assert "seed: 0..5" in text


def test_colours_follow_the_reader_s_screen():
    text = report("xor-1").read_text()
    assert "prefers-color-scheme: dark" in text
    assert "var(--ink)" in text
    figures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "#202428" not in figures  # the light style's ink
    assert not re.search(r'(fill|stroke)="var', figures)  # an attribute cannot hold a variable


def test_where_a_report_goes():
    assert report("xor-1") == Path("runs/xor-1/report.html")
    assert report("xor-1", "-o", "mine.html") == Path("mine.html")
    assert re.fullmatch(r"runs/xor-sweep-1/\d-report.html", str(report("xor-sweep-1/best")))


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        (6, "none", "is no run"),
        (1, "xor-1 -o nowhere/x.html", "cannot be written"),
        (2, "xor-1 --columns x1", "two different columns"),
    ],
)
def test_what_cannot_be_reported_is_told_in_a_line(code, line, message):
    done = call("report", *line.split())
    assert (done.code, done.stdout, message in done.stderr) == (code, "", True)


def test_names_with_signs_of_html_stay_words():
    Path("signs.csv").write_text("<b>,a&b,y\n1,2,0\n2,1,1\n3,3,0\n")
    Path("signs.yaml").write_text(
        "dataset: {path: signs.csv}\nlayers: [{units: 1, activation: sigmoid}]\n"
        "loss: squared_error\nepochs: 5\n"
    )
    trained("signs.yaml")
    text = report("signs-1").read_text()
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


def shown(page, tmp_path, *options):
    """Return the page as a browser has it after its scripts have run, and what it complained of."""
    line = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    line += [f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=3000"]
    line += ["--enable-logging=stderr", *options, "--dump-dom", f"file://{page.resolve()}"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@in_browser
def test_a_browser_sorts_the_table_and_has_nothing_to_complain_of(tmp_path):
    import json

    text = report("xor-sweep-1").read_text()
    head = re.search(r"<thead>(.*?)</thead>", text).group(1)
    column = re.findall(r"<button>(.*?)</button>", head).index("cost")
    clicks = CLICKS.replace("COLUMN", str(column))
    page = tmp_path / "page.html"
    page.write_text(text.replace("<style>", WATCH + "<style>", 1).replace("</html>", clicks))
    dom, console = shown(page, tmp_path)
    assert console == []
    title = re.search("<title>(.*?)</title>", dom).group(1)
    told = json.loads(title)
    before, up, down = ([float(cost) for cost in costs] for costs in told["told"])
    assert before != up
    assert up == sorted(before)
    assert down == sorted(before, reverse=True)
    assert told["width"] > 300
    assert told["errors"] == []


@in_browser
def test_a_browser_shows_it_light_and_dark(tmp_path):
    from PIL import Image

    page = report("xor-1")
    for scheme, ground in ((1, (255, 255, 255)), (0, (0x15, 0x19, 0x1E))):
        picture = tmp_path / f"{scheme}.png"
        shown(
            page, tmp_path, f"--blink-settings=preferredColorScheme={scheme}",
            f"--screenshot={picture}", "--window-size=800,600",
        )  # fmt: skip
        assert Image.open(picture).convert("RGB").getpixel((1, 1)) == ground
