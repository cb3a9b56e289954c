"""nnfs explain: a worked iteration has the core's own numbers, in every format."""

import itertools
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
from shell import CONFIG_FILES, CONFIGS, ROOT, XOR, call, nnfs, trained

from nnfs_cli.config import loading
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend, full_batch
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.core.optimizers import gradient_descent
from nnfs_cli.explain import iteration as explain
from nnfs_cli.explain import json as explain_json
from nnfs_cli.explain import steps as explain_steps
from nnfs_cli.explain.numbers import BLANK, number, show
from nnfs_cli.explain.records import PHASES, QUIZZES
from nnfs_cli.training import loop
from nnfs_cli.training import setup as training_setup

OR = str(CONFIGS / "or-by-hand.yaml")
CROSS = str(CONFIGS / "xor-cross.yaml")
SKALSKI = str(CONFIGS / "moons-skalski.yaml")
FORMATS = ["text", "md", "json", "html", "svg"]
PAIRS = [
    (loss, output)
    for loss in LOSSES
    for output in ACTIVATIONS
    if LOSSES[loss].outputs is None or output in LOSSES[loss].outputs
]
each_pair = pytest.mark.parametrize(("loss", "output"), PAIRS)
each_hidden = pytest.mark.parametrize("hidden", [a for a in ACTIVATIONS if a != "softmax"])
each_file = pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)
each_quiz = pytest.mark.parametrize("quiz", QUIZZES)


pytestmark = pytest.mark.usefixtures("elsewhere")


def shown(*args):
    """Return what explain prints."""
    done = call("explain", *args)
    assert (done.code, done.stderr) == (0, ""), done.stderr
    return done.stdout


def subject_of(*overrides, path=XOR):
    return explain.prepare(loading.load(str(path), overrides), None)


def with_parts(loss, output, hidden="tanh"):
    """Return three samples' subject with these parts, and its own number of outputs."""
    units = 2 if output == "softmax" else 1
    overrides = [f"layers.0.activation={hidden}", f"layers.1.activation={output}", f"loss={loss}"]
    overrides += ["layers.0.bias_initializer=plain", f"layers.1.units={units}", "learning_rate=0.3"]
    return subject_of(*overrides)


# The figures that the article prints


def test_one_iteration_shows_the_articles_figures():
    text = shown(OR, "--epochs", "2")
    for figure in (
        *("C = 0.089", "dW = [-0.048, -0.039]", "db = -0.037", "W = [0.148, 0.639]", "b = 0.037"),
        *("new C = 0.084", "The cost fell."),
        *("dW = [-0.044, -0.035]", "db = -0.031"),
    ):
        assert figure in text, figure
    assert text.index("dW = [-0.048") < text.index("W = [0.148") < text.index("dW = [-0.044")


def test_one_sample_shows_the_articles_figures():
    text = shown(OR, "--sample", "0")
    for figure in (
        *("A = 0.500", "L = 0.125", "dW = [0.000, 0.000]", "db = 0.125", "b = -0.125"),
        *("new y_hat = 0.469", "new L = 0.110", "The loss fell."),
    ):
        assert figure in text, figure
    assert "cost" not in text


# The numbers are those of the core


@each_hidden
@each_pair
def test_gradients_agree_with_central_differences(loss, output, hidden):
    subject, h = with_parts(loss, output, hidden), 1e-6
    backprop, params = subject.training().backprop, subject.params
    params += 0.1  # away from where relu and its like bend
    start = params.copy()
    (iteration,) = explain.explain(subject).iterations
    found = np.concatenate([np.hstack([p.dW, p.db]).ravel() for p in iteration.layers])
    params[:] = start
    differences = np.empty_like(found)
    for i in range(len(found)):
        params[i] = start[i] + h
        above = backprop.evaluate().cost
        params[i] = start[i] - h
        differences[i] = (above - backprop.evaluate().cost) / (2 * h)
        params[i] = start[i]
    np.testing.assert_allclose(found, differences, rtol=1e-5, atol=1e-8)


@each_hidden
@each_pair
def test_arrays_fit_together_and_are_those_of_training(loss, output, hidden):
    subject = with_parts(loss, output, hidden)
    start, x, m = subject.params.copy(), subject.samples.x[:-1], subject.samples.y.shape[1]
    (iteration,) = explain.explain(subject).iterations
    below, layers = x, iteration.layers
    for layer in layers:
        np.testing.assert_allclose(layer.z, layer.W @ below + layer.b, atol=1e-15)
        np.testing.assert_allclose(layer.dW, layer.delta @ below.T, atol=1e-15)
        np.testing.assert_allclose(layer.db[:, 0], layer.delta.sum(axis=1), atol=1e-15)
        if layer.local is not None and layer.local.ndim == 2:
            assert np.array_equal(layer.delta, layer.upstream * m * layer.local / m)
        elif layer.local is not None:
            product = np.einsum("ijs,is->js", layer.local, layer.upstream)
            np.testing.assert_allclose(layer.delta, product, atol=1e-15)
        below = layer.a
    np.testing.assert_allclose(
        layers[0].upstream, layers[1].W.T @ layers[1].delta, rtol=1e-12, atol=1e-15
    )
    short = output in LOSSES[loss].short_forms
    assert (layers[-1].upstream is None) == short
    if short:
        np.testing.assert_allclose(layers[-1].delta, (layers[-1].a - subject.samples.y) / m)
    assert iteration.cost == pytest.approx(iteration.losses.mean(), rel=1e-12)

    training = training_setup.prepare(subject.config, None)
    assert np.array_equal(training.params, start)
    assert training.backprop.evaluate().cost == iteration.cost
    gradient = training.backprop.gradient() / m
    assert np.array_equal(gradient, joined([(p.dW, p.db) for p in layers]))
    rate = training.config.learning_rate
    list(descend(full_batch(training.backprop, gradient_descent(), rate), [1]))
    assert np.array_equal(training.params, joined([(p.new_W, p.new_b) for p in layers]))
    assert training.backprop.evaluate().cost == iteration.new_cost


def joined(parts):
    return np.concatenate([np.hstack(part).ravel() for part in parts])


@each_file
def test_every_configuration_is_explained_with_the_bits_of_training(path):
    subject = subject_of(path=path)
    (iteration,) = explain.explain(subject).iterations
    training = training_setup.prepare(loading.load(str(path), ["epochs=1"]), None)
    list(loop.train(training))
    found = joined([(p.new_W, p.new_b) for p in iteration.layers])
    assert np.array_equal(training.params, found)
    assert iteration.new_cost == training.figures["cost"]
    assert shown(str(path))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("samples", [1, 3, 50, 3000])
@pytest.mark.parametrize("stack", [(), (2,)])
def test_a_trace_holds_the_arrays_that_gradient_computes(make, dtype, samples, stack):
    setup = make("squared_error", "sigmoid", "tanh", (3, 4, 2), samples, stack=stack, dtype=dtype)
    backprop = Backprop(*setup)
    before = backprop.gradient().copy()
    traces = backprop.trace()
    assert np.array_equal(backprop.gradient(), before)
    for trace, Wb in zip(traces, setup.network.views(before), strict=True):
        assert np.array_equal(trace.dWb, Wb)
        assert trace.z.shape == trace.a.shape == trace.delta.shape == trace.upstream.shape
        assert trace.z.shape == (*stack, Wb.shape[-2], samples)
        assert np.array_equal(np.tanh(trace.z), trace.a) or trace is traces[-1]


def test_a_clipped_gradient_is_shown_before_and_after():
    text = shown(OR, "gradient_clip=0.04")
    assert "dW = [-0.048, -0.039]" in text
    assert "dW clipped = [-0.040, -0.039]" in text
    assert "W = [0.140, 0.639]" in text
    document = json.loads(shown(OR, "gradient_clip=0.04", "--format", "json"))
    assert document["iterations"][0]["layers"][0]["clipped_dW"][0][0] == -0.04


# The choice of epoch, sample and subject


def test_an_explained_epoch_is_that_of_training():
    run = trained(XOR, "epochs=300")
    with np.load(run / "weights.npz") as file:
        weights = {key: file[key].tolist() for key in file}
    document = json.loads(shown(str(run), "--epoch", "299", "--format", "json"))
    (iteration,) = document["iterations"]
    assert iteration["epoch"] == 299
    for n, layer in enumerate(iteration["layers"], 1):
        assert (layer["new_W"], layer["new_b"]) == (weights[f"W{n}"], weights[f"b{n}"])
    assert iteration["new_cost"] == json.loads((run / "run.json").read_bytes())["cost"]
    assert shown(run.name, "--epoch", "299") == shown(str(run), "--epoch", "299")
    after = json.loads(shown(str(run), "--epoch", "300", "--format", "json"))["iterations"][0]
    assert after["layers"][0]["W"] == weights["W1"]


def test_iterations_follow_each_other():
    document = json.loads(shown(XOR, "--epoch", "5", "--epochs", "3", "--format", "json"))
    iterations = document["iterations"]
    assert [it["epoch"] for it in iterations] == [5, 6, 7]
    for before, after in itertools.pairwise(iterations):
        assert after["layers"][0]["W"] == before["layers"][0]["new_W"]
        assert after["cost"] == before["new_cost"]
    text = shown(XOR, "--epoch", "5", "--epochs", "3")
    assert len(re.findall("the iteration of epoch", text)) == 2
    alone = json.loads(shown(XOR, "--epoch", "7", "--format", "json"))["iterations"]
    assert alone == iterations[2:]


def test_a_run_of_a_sweep_is_explained_and_a_sweep_is_not():
    done = call("sweep", "-q", OR, "learning_rate=0.5,1", "epochs=10")
    sweep = done.stdout.strip()
    assert "W - 0.5 * dW" in shown(f"{sweep}/0")
    assert shown(f"{sweep}/1").splitlines()[1:] == shown(OR).splitlines()[1:]
    refused = call("explain", sweep)
    assert (refused.code, refused.stdout) == (6, "")
    assert (
        refused.stderr == f"{sweep}: is a sweep; explain a run of it, {sweep}/0 or {sweep}/best\n"
    )


def test_overrides_change_a_run_as_they_change_a_configuration():
    run = trained(XOR, "epochs=3")
    changed = shown(str(run), "seed=7", "learning_rate=2")
    assert changed == shown(XOR, "seed=7", "learning_rate=2")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ((OR, "--sample", "4"), 2, "4 should be from 0 to 3"),
        ((OR, "--sample", "-1"), 2, "-1 is not in the range"),
        ((OR, "--epoch", "5001"), 2, "5001: {OR} ends with epoch 5000"),
        ((OR, "epochs=3", "--epochs", "5"), 2, "4: {OR} ends with epoch 3"),
        ((OR, "--answers"), 2, "--answers requires --quiz"),
        (
            (OR, "--quiz", "update", "--format", "json", "--epochs", "2"),
            2,
            "one iteration only; leave out --epochs",
        ),
        ((OR, "--quiz", "all"), 2, "'all' is not one of"),
        ((OR, "layers.0.units=0"), 3, "layers.0.units=0: must be 1 or more"),
        (("none.yaml",), 3, "none.yaml: cannot be read: No such file or directory"),
        (("none",), 6, "none: no such run"),
        (
            (OR, "layers.0.activation=identity", "learning_rate=1e300", "--epoch", "9"),
            4,
            "diverged by epoch",
        ),
    ],
)
def test_mistakes_are_reported_in_one_line(args, code, message):
    done = call("explain", *args)
    assert (done.code, done.stdout) == (code, "")
    assert message.replace("{OR}", OR) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_whose_weights_are_not_its_own_is_refused():
    run = trained(XOR, "epochs=3")
    (run / "weights.npz").write_bytes(b"none")
    assert call("explain", str(run)).code == 6


# The formats


def test_text_has_colour_only_on_a_terminal_that_shows_it(monkeypatch):
    assert "\033" not in shown(OR)
    from nnfs_cli.cli import explain as command

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert command.has_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not command.has_colour()
    report = explain.explain(subject_of())
    assert "\033[31m" in command.render(report, "text", 3, None, False, True)


def test_large_networks_stay_within_two_screens():
    lines = shown(SKALSKI).splitlines()
    assert len(lines) <= 2 * 48
    assert max(map(len, lines)) <= 100
    assert any("25x900 |" in line for line in lines)


def test_matrices_are_aligned():
    for path in (OR, XOR, CROSS):
        lines = shown(path).splitlines()
        for above, below in itertools.pairwise(lines):
            if re.fullmatch(r"\s+\[.*", below) and "[" in above:
                assert {m.start() for m in re.finditer(r"\[", below)} <= {
                    m.start() for m in re.finditer(r"\[", above)
                }


@each_file
@pytest.mark.parametrize("epochs", ["1", "3"])
def test_markdown_tables_are_rectangular_and_formulas_closed(path, epochs):
    page = shown(str(path), "--format", "md", "--epochs", epochs)
    tables = re.findall(r"(?:^\|.*\n)+", page, re.M)
    assert tables
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
        assert re.fullmatch(r"(\| ---: )+\|", table.splitlines()[1])
    assert page.count("```math\n") == page.count("\n```\n")
    for formula in re.findall(r"```math\n(.*?)\n```|\$`(.*?)`\$", page):
        assert "".join(formula).count("{") == "".join(formula).count("}")


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects them."""

    VOID = frozenset({"meta", "link"})

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@each_file
def test_html_is_one_page_that_loads_nothing(path):
    page = Page()
    text = shown(str(path), "--format", "html", "--epochs", "2")
    page.feed(text)
    assert page.open == []
    ids = [attrs["id"] for _, attrs in page.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in page.seen:
        assert tag not in {"img", "iframe", "object", "embed"}
        assert "src" not in attrs
        assert attrs.get("href", "data:") == "data:,"[: len(attrs.get("href", "data:"))]
        assert not any(name.startswith("on") for name in attrs)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text)
    groups = {attrs["data-group"] for _, attrs in page.seen if "data-group" in attrs}
    named = {n for _, a in page.seen for n in (a.get("data-nodes") or "").split()}
    assert groups <= named


@each_file
def test_svg_shows_every_part_of_the_network(path):
    root = ET.fromstring(shown(str(path), "--format", "svg"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    groups = {node.get("data-group") for node in root.iter() if node.get("data-group")}
    layers = range(1, 1 + len(loading.load(str(path)).layers))
    assert {"x", "C", *(f"{kind}{n}" for kind in "za" for n in layers)} <= groups
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert x + float(rect.get("width")) <= width
        assert y + float(rect.get("height")) <= height


def test_a_feature_cross_is_a_node_of_the_graph():
    root = ET.fromstring(shown(CROSS, "--format", "svg"))
    nodes = {node.get("id"): "".join(node.itertext()) for node in root.iter() if node.get("id")}
    assert "x1*x2" in nodes["x2"]
    assert {"c0", "c1", "x0", "x1", "x2", "z1-0", "a1-0", "C"} == set(nodes)
    edges = [e for e in root.iter() if e.get("class") == "edge"]
    assert len(edges) == 4 + 3 + 1 + 1  # x1 and x2 to themselves and to x1*x2, to z, a and C
    assert "x1*x2 = [0.000, 0.000, 0.000, 1.000]" in shown(CROSS)


@each_file
@pytest.mark.parametrize("sample", [(), ("--sample", "1")])
def test_json_has_its_schema_and_full_precision(path, sample):
    text = shown(str(path), "--format", "json", *sample)
    document = msgspec.json.decode(text, type=explain_json.Document)
    layer = document.iterations[0].layers[0]
    subject = subject_of(path=path)
    assert subject.network.views(subject.params)[0][:, :-1].tolist() == layer.W
    assert document.schema == explain_json.FORM
    assert document.sample == (1 if sample else None)
    assert document.y == subject.samples.y[:, [1] if sample else slice(None)].tolist()


def test_the_documented_schema_is_the_programs():
    def spaced(text):  # Python 3.13 takes the indentation out of docstrings
        return json.loads(re.sub(r"(\\n| )+", " ", text))

    documented = (ROOT / "docs/explain.schema.json").read_text()
    schema = json.dumps(msgspec.json.schema(explain_json.Document))
    assert spaced(documented) == spaced(schema)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_the_same_each_time_and_goes_to_a_file(form):
    printed = shown(XOR, "--format", form)
    assert shown(XOR, "--format", form, "-o", "page") == ""
    assert Path("page").read_text(encoding="utf-8") == printed


def test_a_file_is_written_whole_and_a_pipe_as_it_is(tmp_path):
    done = nnfs("explain", OR, "-o", "/dev/stdout")
    assert (done.code, done.stdout) == (0, shown(OR))
    assert Path("/dev/stdout").is_symlink()
    refused = call("explain", OR, "-o", "none/page")
    assert (refused.code, refused.stdout) == (1, "")
    assert refused.stderr.endswith("none/page: cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("file", "args"),
    [
        ("explain-or.md", ("or-by-hand.yaml", "--format", "md")),
        ("explain-xor.svg", ("xor.yaml", "--format", "svg")),
    ],
)
def test_the_pages_in_docs_are_what_the_program_prints(file, args):
    path, *options = args
    assert (ROOT / "docs" / file).read_text() == shown(str(CONFIGS / path), *options)


@each_hidden
@each_pair
def test_every_part_is_shown_in_every_format(loss, output, hidden):
    subject = with_parts(loss, output, hidden)
    from nnfs_cli.cli import explain as command

    for sample in (None, 2):
        report = explain.explain(subject, sample=sample)
        for form in FORMATS:
            text = command.render(report, form, 3, None, False, False)
            assert output in text.replace("\\", "")
            if form == "svg":
                ET.fromstring(text)
        text = command.render(report, "text", 3, None, False, False)
        assert ("has a short form" in text) == (output in LOSSES[loss].short_forms)


def test_column_names_are_escaped_in_every_format(tmp_path):
    names = ["a|b", "<i>x</i>", "_c$`_", "prix €", "y*"]
    rows = ["1,2,3,4,5", "2,3,1,1,9", "3,1,2,0,1"]
    (tmp_path / "d.csv").write_text("\n".join([",".join(names), *rows]))
    layer = "{units: 1, activation: identity}"
    (tmp_path / "d.yaml").write_text(
        "dataset: {path: d.csv}\nloss: squared_error\n"
        f"features: ['a|b', '<i>x</i>^2', '_c$`_*prix €']\nlayers: [{layer}]\n"
    )
    root = ET.fromstring(shown("d.yaml", "--format", "svg"))
    assert "<i>x</i>^2" in "".join(root.itertext())
    page = Page()
    page.feed(shown("d.yaml", "--format", "html"))
    assert page.open == []
    assert "i" not in {tag for tag, _ in page.seen}
    tables = re.findall(r"(?:^\|.*\n)+", shown("d.yaml", "--format", "md"), re.M)
    assert all(len({row.count("|") for row in table.splitlines()}) == 1 for table in tables)
    assert json.loads(shown("d.yaml", "--format", "json"))["inputs"][1] == "<i>x</i>^2"


# The quiz


def sheets(path, quiz, form, *options):
    """Return a worksheet, twice printed, and its answer sheet."""
    options = ("--format", form, "--digits", "9", *options)
    if form != "json":
        options += ("--epochs", "3")
    sheet = shown(path, "--quiz", quiz, *options)
    assert sheet == shown(path, "--quiz", quiz, *options)
    return sheet, shown(path, "--quiz", quiz, "--answers", *options)


@each_quiz
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", [XOR, CROSS, OR])
def test_a_worksheet_asks_for_the_numbers_of_its_answer_sheet(quiz, form, path):
    sheet, answers = sheets(path, quiz, form)
    blank = {"json": "null", "md": BLANK.replace("_", r"\_")}.get(form, BLANK)
    assert sheet.count(blank) > answers.count(blank)
    other, _ = sheets(path, quiz, form, "seed=3")
    assert (sheet == other) == (path == OR)


@each_quiz
@pytest.mark.parametrize("form", FORMATS)
def test_a_worksheet_gives_no_answer_away(quiz, form):
    """Numbers of 9 decimals do not meet by chance; but the first sample, 0 0, has z = b."""
    numbers = re.compile(r"-?\d+\.\d{9}")
    given = "layers.0.bias_initializer=xavier", "layers.1.bias_initializer=xavier"
    asked = set(numbers.findall(sheets(XOR, quiz, "text", *given)[1]))
    asked -= {number(value, 9) for value in subject_of(*given).params}
    sheet, _ = sheets(XOR, quiz, form, *given)
    if form == "json":
        sheet = " ".join(f"{float(n):.9f}" for n in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", sheet))
    assert len(asked) > 10
    assert asked.isdisjoint(numbers.findall(sheet))


def test_answers_are_numbered_as_the_blanks_are():
    sheet = shown(XOR, "--quiz", "gradients")
    answers = shown(XOR, "--quiz", "gradients", "--answers")
    asked = re.findall(r"\((\d+)\) ([^=]+) = ", sheet)
    assert asked == re.findall(r"\((\d+)\) ([^=]+) = ", answers)
    assert [int(n) for n, _ in asked] == list(range(1, 17))


@each_quiz
@pytest.mark.parametrize(
    "overrides", [(), ("gradient_clip=0.01",), ("layers.0.activation=relu", "dtype=float32")]
)
def test_results_that_follow_from_a_blank_are_blank(quiz, overrides):
    report = explain.explain(subject_of(*overrides), count=3)
    later = PHASES[PHASES.index(QUIZZES[quiz]) :]
    for step in explain_steps.all_steps(report, quiz):
        assert [m.hidden for m in step.matrices] == [m.phase in later for m in step.matrices]
        assert not [remark for remark in step.remarks if remark.phase in later]


def test_the_graph_shows_every_class_of_a_sample():
    graph = shown(str(CONFIGS / "digits.yaml"), "--format", "svg", "--sample", "7")
    node = re.search(r'<g class="node" id="C".*?</g>', graph)[0]
    labels = re.findall(r'"label">(y\[\d+\]) *</tspan><tspan class="given"> *([\d.]+)', node)
    assert [label for label, _ in labels] == [f"y[{i}]" for i in range(1, 11)]
    assert [float(value) for _, value in labels].count(1) == 1


# Where the result goes


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *[(f"page.{suffix}", suffix) for suffix in ("html", "md", "json", "svg")],
        *[("PAGE.HTML", "html"), ("page.htm", "html"), ("page.txt", "text"), ("page", "text")],
    ],
)
def test_the_suffix_of_the_file_decides_its_format(name, form):
    assert shown(OR, "-o", name) == ""
    assert Path(name).read_text() == shown(OR, "--format", form)


def test_an_explicit_format_overrides_the_suffix():
    shown(OR, "-o", "page.html", "--format", "md")
    assert Path("page.html").read_text().startswith("# or-by-hand")


def test_an_unknown_suffix_is_refused_with_a_list_of_suffixes():
    done = call("explain", OR, "-o", "page.pdf")
    assert done.code == 2
    assert "'page.pdf' should end in one of .txt, .htm, .md, .json, .html, .svg" in done.stderr
    assert not Path("page.pdf").exists()


# Numbers


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.08891, 3, "0.089"),
        (-0.0001, 3, "0.000"),
        (-0.0, 2, "0.00"),
        (1.5, 0, "2"),
        (-2, 1, "-2.0"),
    ],
)
def test_numbers_are_rounded_to_the_given_decimals(value, digits, text):
    assert number(value, digits) == text


@each_file
def test_seventeen_digits_are_every_number_to_the_bit(path):
    subject = explain.prepare(loading.load(str(path)), None)
    report = explain.explain(subject, count=1)
    for step in explain_steps.all_steps(report):
        for matrix in step.matrices:
            if not (shown_ := show(matrix.values, 17)).shape:
                assert np.array(shown_.cells, float).tolist() == matrix.values.tolist()


def test_numbers_that_decimals_would_hide_have_an_exponent():
    assert show(np.array([[2.5e-5, -1e-6]]), 3).cells == [["2.500e-05", "-1.000e-06"]]
    assert show(np.array([[0.0, 1.0]]), 3).cells == [["0.000", "1.000"]]
    assert show(np.array([[1e7]]), 1).cells == [["1.0e+07"]]
    assert show(np.array([[np.nan, np.inf]]), 1).cells == [["nan", "inf"]]


@pytest.mark.parametrize("shape", [(6, 8), (7, 8), (6, 9), (1, 900), (900, 1), (50, 900)])
def test_large_arrays_are_shortened_to_corners_shape_and_norm(shape):
    values = np.arange(np.prod(shape)).reshape(shape) / 10
    found = show(values, 1)
    assert found.cells[0][0] == "0.0"
    assert found.cells[-1][-1] == f"{values[-1, -1]:.1f}"
    assert len({len(row) for row in found.cells}) == 1
    large = shape != (6, 8)
    assert (found.shape, found.norm) == (
        (f"{shape[0]}x{shape[1]}", number(float(np.linalg.norm(values)), 1)) if large else ("", "")
    )


# In a browser

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
TRY = """<script>
const seen = [], press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key}));
const state = () => document.querySelectorAll(".step.now h2")[0].textContent.split(".")[0];
seen.push(state()); press("ArrowRight"); seen.push(state()); press("End"); seen.push(state());
press("ArrowRight"); seen.push(state()); press("ArrowLeft"); seen.push(state());
press("Home"); seen.push(state()); document.getElementById("next").click(); seen.push(state());
document.getElementById("z1-0").focus(); seen.push(document.getElementById("node").textContent);
seen.push(document.documentElement.scrollWidth <= innerWidth);
document.title = JSON.stringify(seen);
</script>"""


@pytest.mark.skipif(not BROWSER, reason="no browser here")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_goes_by_keys_without_an_error(tmp_path, scheme):
    page = shown(OR, "--format", "html").replace("</body>", f"{TRY}</body>")
    (tmp_path / "page.html").write_text(page)
    done = subprocess.run(
        [
            *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--enable-logging=stderr", "--window-size=500,800", "--dump-dom"),
            f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
            (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "CONSOLE" not in done.stderr
    title = re.search("<title>(.*?)</title>", done.stdout)[1].replace("&quot;", '"')
    *steps, told, fits = json.loads(title)
    assert steps == ["1", "2", "8", "8", "7", "1", "2"]
    assert told.startswith("z = W.X + b\nw")
    assert fits


def test_the_command_starts_without_what_it_does_not_need():
    done = nnfs("explain", OR)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == shown(OR)


def test_the_documentation_names_every_key():
    page = (ROOT / "docs/explain.md").read_text()
    keys = {
        key for row in re.findall(r"^\| (`.*?) \|", page, re.M) for key in re.findall(r"\w+", row)
    }
    structs = (explain_json.Document, explain_json.Update, explain_json.Layer)
    assert keys == {key for struct in structs for key in struct.__struct_fields__}
