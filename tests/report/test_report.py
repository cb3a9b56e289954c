"""Reports: one file, whole in itself, that a browser shows as it is meant."""

import html
import json
import os
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from shell import CONFIGS, call, trained

from nnfs_cli.plots.style import PALETTES
from nnfs_cli.report import page as report_page

pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
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
document.title = JSON.stringify({told, errors: window.told_errors});
</script>
"""
SIZES = """
<script>
const root = document.documentElement;
const letters = [...document.querySelectorAll("figure svg text")].map(text => {
  const size = parseFloat(getComputedStyle(text).fontSize);
  return size * text.ownerSVGElement.getScreenCTM().a;
});
const hidden = [...document.querySelectorAll("h1, h2, h3, p, dl, figure, li")]
  .filter(part => part.getBoundingClientRect().right > innerWidth + 1).map(part => part.tagName);
const sizes = {inner: innerWidth, scroll: root.scrollWidth, least: Math.min(...letters), hidden};
parent.document.title = JSON.stringify(sizes);
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
    relu = ("layers.0.units=32", "layers.0.activation=relu", "epochs=200")
    wild = call("train", "-q", str(CONFIGS / "diabetes.yaml"), "learning_rate=5", "name=wild")
    assert wild.code == 4
    trained(str(CONFIGS / "xor.yaml"), "epochs=0", "name=still")
    swept = call("sweep", "-q", str(CONFIGS / "xor.yaml"), "seed=0..5", "epochs=1000")
    assert swept.code == 0
    rates = "learning_rate=0.1,0.4,0.5"
    call("sweep", "-q", str(CONFIGS / "diabetes.yaml"), rates, "seed=0..3", *relu)
    call("sweep", "-q", str(CONFIGS / "diabetes.yaml"), "learning_rate=50,60", "seed=0,1")
    three = ("layers.0.units=2,3", "learning_rate=1,2", "layers.0.activation=tanh,relu")
    call("sweep", "-q", str(CONFIGS / "xor.yaml"), *three, "epochs=50")
    yield
    os.chdir(before)


def report(name, *options):
    done = call("report", name, *options)
    told = r"xor-sweep-1/best is run \d, with the smallest cost: .*\n" if "/best" in name else ""
    assert done.code == 0
    assert re.fullmatch(told, done.stderr)
    return Path(done.stdout.strip())


@cache
def text_of(name, *options):
    return report(name, *options).read_text()


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


NAMES = ["xor-1", "diabetes-1", "wild-1", "xor-sweep-1", "xor-sweep-1/best", "xor-sweep-2",
         "diabetes-sweep-1", "diabetes-sweep-2", "diabetes-sweep-1/11"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_report_needs_nothing_but_itself(name):
    page = Page(text_of(name))
    assert page.open == []
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    inside = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inside <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def kinds(text):
    return re.findall(r'<svg role="img" aria-label="(\w+)"', text)


def verdict(text):
    """Return tone and words of what a page says first, which comes before all that is drawn."""
    tone, inside = re.search(r'<section class="verdict (\w+)">(.*?)</section>', text).groups()
    assert text.index('<section class="verdict') < text.index("<figure>")
    words = re.sub(r"</?\w+[^>]*>", " ", inside)
    return tone, " ".join(words.replace("&#x27;", "'").split())


def test_a_run_s_report_has_its_figures_metrics_and_configuration():
    text = text_of("xor-1")
    assert kinds(text) == ["cost", "boundary", "confusion", "network", "weights"]
    assert "<dt>accuracy</dt><dd>1</dd>" in text
    assert "loss: squared_error" in text
    assert "nnfs train" in text
    assert "<script" not in text
    assert kinds(text_of("diabetes-1")) == ["cost", "fit", "network", "weights"]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_begins_with_data_shape_date_and_diagnosis(name):
    text = text_of(name)
    lead = re.search(r"</style>\n<h1>.*?</h1>\n<p class=lead>(.*?)</p>\n<section", text)[1]
    assert re.match(r"(xor, 4|diabetes, 442) samples", lead)
    assert ("sweep-2" in name) or re.search(r"; \d+-\d+-1 \(\w+", lead)
    assert "/" in name or re.search(r"; \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC$", lead)
    verdict(text)


def test_what_diagnose_finds_is_said_first():
    for name in "xor-1", "diabetes-1", "still-1":
        seen = json.loads(call("diagnose", name, "--json").stdout)["findings"]
        tone, words = verdict(text_of(name))
        assert tone == ("fair" if seen else "good")
        for finding in seen:
            assert f"{finding['code']} : {finding['seen']}" in html.unescape(words)
        assert bool(seen) == (f"nnfs diagnose runs/{name}" in words)
        assert "Healthy" in words or f"{len(seen)} finding" in words


def test_a_report_of_a_run_that_diverged_draws_nothing_that_is_not_so():
    for name in "wild-1", "diabetes-sweep-2/0":
        text = text_of(name)
        tone, words = verdict(text)
        assert tone == "bad"
        assert words.startswith("Diverged diverged : ")
        assert kinds(text) == ["cost"]
        assert text.count('<span class="lost">not finite</span>') == 2
        assert "the weights are not finite" in text
        assert "saturated" not in text


def test_a_run_whose_cost_rose_is_said_to_have_risen():
    done = call(
        "train", "-q", str(CONFIGS / "diabetes.yaml"), "learning_rate=5", "epochs=20", "name=rise"
    )
    assert done.code == 0
    tone, words = verdict(text_of("rise-1"))
    assert (tone, words.startswith("The cost rose")) == ("bad", True)


def test_a_run_without_its_data_is_not_called_healthy(tmp_path):
    Path("gone.csv").write_text("a,b,y\n1,2,0\n2,1,1\n3,3,0\n")
    Path("gone.yaml").write_text(
        "dataset: {path: gone.csv}\nlayers: [{units: 1, activation: sigmoid}]\n"
        "loss: squared_error\nepochs: 5\n"
    )
    trained("gone.yaml")
    Path("gone.csv").unlink()
    text = text_of("gone-1")
    tone, words = verdict(text)
    assert (tone, words.startswith("Not diagnosed")) == ("fair", True)
    assert "gone.csv" in words
    assert "ealthy" not in words


def table_of(text, number=0):
    """Return the head and the rows of a page's table, as they are shown."""
    tables = re.findall(r"<table class=\"sortable\">(.*?)</table>", text, re.DOTALL)
    head = re.findall(r"<button[^>]*>(.*?)</button>", tables[number])
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in tables[number].split("<tr>")[2:]]
    return head, rows


def test_a_sweep_s_report_has_a_row_for_each_run_the_best_first():
    text = text_of("xor-sweep-1")
    assert kinds(text) == ["sweep", "curves", "cost", "boundary", "confusion", "network", "weights"]
    assert text.index('aria-label="curves"') < text.index("<h2>Runs") < text.index("The best run")
    head, rows = table_of(text)
    costs = [float(row[head.index("cost")]) for row in rows]
    assert len(costs) == 6
    assert costs == sorted(costs)
    order = re.findall(r'aria-sort="(\w+)"><button[^>]*>([^<]*)<', text)
    assert order == [("ascending", "cost")]
    head, rows = table_of(text_of("xor-sweep-1", "--by", "accuracy"))
    hits = [float(row[head.index("accuracy")]) for row in rows]
    assert hits == sorted(hits, reverse=True)
    assert "seed: 0..5" in text


def test_a_sweep_s_report_counts_what_diverged_and_lists_it_last():
    text = text_of("diabetes-sweep-1")
    lost = Path("runs/diabetes-sweep-1/results.csv").read_text().count(",diverged,")
    assert 0 < lost < 12
    tone, words = verdict(text)
    assert tone == ("fair" if lost <= 6 else "bad")
    assert words.startswith(f"{12 - lost} of 12 runs finished, {lost} diverged Best median")
    assert re.search(r"Best run: diabetes-sweep-1/\d+ \(learning_rate=0.\d, seed=\d\), cost", words)
    head, rows = table_of(text)
    assert head[:5] == ["learning rate", "cost median", "runs", "finished", "diverged"]
    assert sum(int(row[4]) for row in rows) == lost
    medians = [float(row[head.index("cost median")]) for row in rows if int(row[3]) > 2]
    assert medians == sorted(medians)
    assert [int(row[3]) > 2 for row in rows] == sorted(
        (int(row[3]) > 2 for row in rows), reverse=True
    )
    head, rows = table_of(text, 1)
    assert [row[head.index("status")] for row in rows] == ["finished"] * (12 - lost) + [
        "diverged"
    ] * lost


def test_a_sweep_without_a_finished_run_has_a_report():
    text = text_of("diabetes-sweep-2")
    tone, words = verdict(text)
    assert tone == "bad"
    assert words.startswith("0 of 4 runs finished, 4 diverged No run finished")
    assert kinds(text) == ["sweep", "curves"]


def test_a_sweep_over_many_keys_is_drawn_over_each():
    assert kinds(text_of("xor-sweep-2"))[:4] == ["sweep", "sweep", "sweep", "curves"]
    two = ("--against", "learning_rate,layers.0.units")
    assert kinds(text_of("xor-sweep-2", *two))[:2] == ["sweep", "curves"]


def test_colours_follow_the_reader_s_screen():
    text = text_of("xor-1")
    assert "prefers-color-scheme: dark" in text
    pictures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    light = {hue.lower() for hue in report_page.colours(PALETTES["light"]).values()}
    assert not light & set(re.findall("#[0-9a-f]{6}", pictures))
    names = set(re.findall(r"var\(--([\w-]+)\)", pictures))
    assert {"ink", "train", "series-0", "positive", "negative"} <= names
    for name in names:
        assert len(re.findall(rf"--{name}: #[0-9A-Fa-f]{{6}}", text)) == 2
    assert not re.search(r'(fill|stroke)="var', pictures)  # an attribute cannot hold a variable


def test_where_a_report_goes():
    assert report("xor-1") == Path("runs/xor-1/report.html")
    assert report("xor-1", "-o", "mine.html") == Path("mine.html")
    assert re.fullmatch(r"runs/xor-sweep-1/\d-report.html", str(report("xor-sweep-1/best")))


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        (6, "none", "no such run"),
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
    text = text_of("signs-1")
    assert "<b>," not in text
    assert "&lt;b&gt;" in text
    assert Page(text).open == []


def shown(page, tmp_path, *options):
    """Return the page as a browser has it after its scripts have run, and what it complained of."""
    line = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    line += [f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=3000"]
    line += ["--enable-logging=stderr", *options, "--dump-dom", f"file://{page.resolve()}"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def title_of(name, tmp_path, script, width=None):
    """Return what a script at the end of a report writes into its title, or into that of a page
    which shows it in so many pixels: a window has at least 500."""
    text, page = text_of(name), tmp_path / "page.html"
    text = text.replace("<style>", WATCH + "<style>", 1).replace("</html>", script)
    frame = f'<title></title><iframe width={width} style="border:0" srcdoc="{html.escape(text)}">'
    page.write_text(frame if width else text)
    dom, console = shown(page, tmp_path)
    assert console == []
    return json.loads(html.unescape(re.search("<title>(.*?)</title>", dom)[1]))


@in_browser
def test_a_browser_sorts_the_table_and_has_nothing_to_complain_of(tmp_path):
    head, _ = table_of(text_of("xor-sweep-1"))
    clicks = CLICKS.replace("COLUMN", str(head.index("cost")))
    told = title_of("xor-sweep-1", tmp_path, clicks)
    before, down, up = ([float(cost) for cost in costs] for costs in told["told"])
    assert before == up == sorted(before)
    assert down == sorted(before, reverse=True)
    assert told["errors"] == []


@in_browser
@pytest.mark.parametrize("name", ["xor-1", "wild-1", "diabetes-sweep-1"])
def test_a_report_can_be_read_on_a_telephone(tmp_path, name):
    told = title_of(name, tmp_path, SIZES, width=390)
    assert told["inner"] == 390
    assert told["scroll"] <= 390
    assert told["hidden"] == []
    assert told["least"] > 6  # pixels of the smallest letter in a picture


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
