"""Pictures of runs that diverged, or whose cost rose: they say so, and draw nothing that is not."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from shell import CONFIGS, call

from nnfs_cli import plots
from nnfs_cli.plots import (
    animation,
    confusion,
    curves,
    regression,
    style,
    sweep_curves,
    terminal,
    titles,
)
from nnfs_cli.plots.style import Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs import record

matplotlib = pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
pytest.importorskip("plotille", reason="the extra 'plot' is not installed")
Image = pytest.importorskip("PIL.Image", reason="the extra 'plot' is not installed")

CURVE = """\
dataset: {path: curve.csv, target: y, test_size: 0.2}
layers:
  - {units: 8, activation: tanh}
  - {units: 1, activation: identity}
loss: squared_error
"""
START = (
    "layers=[{units: 2, activation: identity, weights: [[1e308, 1e308], [1e308, 1e308]]}, "
    "{units: 1, activation: identity, weights: [[1e308, 1e308]]}]"
)
MOONS = ("dataset.samples=100", "layers.2.activation=identity", "loss=squared_error")
# How each run is made: it has no finite weight, no finite cost, few finite figures, or large ones.
RUNS = {
    "nan-1": (4, "moons.yaml", *MOONS, "learning_rate=1e200", "log_every=10"),
    "start-1": (4, "xor.yaml", START),
    "overflow-1": (4, "diabetes.yaml", "learning_rate=5", "log_every=1"),
    "between-1": (4, "diabetes.yaml", "learning_rate=5"),
    "curve-1": (4, "curve.yaml", "learning_rate=1e6", "epochs=200"),
    "rising-1": (0, "curve.yaml", "learning_rate=8", "epochs=3", "log_every=1"),
    "softmax-1": (4, "iris.yaml", "learning_rate=1e200", "layers.0.activation=relu"),
}
CLASSES = ("nan-1", "softmax-1")
NUMBERS = ("overflow-1", "between-1", "curve-1", "rising-1")
LOST = [name for name, (code, *_) in RUNS.items() if code]


@pytest.fixture(scope="module", autouse=True)
def _trained(tmp_path_factory):
    """Train what the tests draw, once, in a directory where all of them work."""
    before, here = Path.cwd(), tmp_path_factory.mktemp("failures")
    os.chdir(here)
    x = np.random.RandomState(0).uniform(-3, 3, 60)
    Path("curve.csv").write_text("x,y\n" + "".join(f"{a:.4f},{np.sin(a):.4f}\n" for a in x))
    Path("curve.yaml").write_text(CURVE)
    for name, (code, config, *overrides) in RUNS.items():
        path = config if Path(config).exists() else str(CONFIGS / config)
        done = call("train", "-q", path, *overrides, f"name={name[:-2]}")
        assert (done.code, done.stdout) == (code, f"runs/{name}\n"), done.stderr
    yield
    os.chdir(before)


def run(name):
    return record.read(Path("runs") / name)


def drawn(kind, name, **look):
    return plots.draw(kind, [run(name)] if kind == "cost" else run(name), Look(**look))


def words(figure):
    return " ".join(t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text())


def marked(axes, gid):
    (found,) = (c for c in (*axes.collections, *axes.lines) if c.get_gid() == gid)
    return found


def kinds(name):
    """Return what there is to draw of a run."""
    if name in NUMBERS:
        return ["cost", "network", "weights", "fit"]
    return ["cost", "network", "weights", "confusion"] + ["boundary"] * (name != "softmax-1")


each_picture = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in RUNS for kind in kinds(name)]
)


@each_picture
def test_every_picture_of_a_failure_says_what_went_wrong_and_at_which_epoch(name, kind):
    told = words(drawn(kind, name)).replace("\n", " ")
    if name == "rising-1":
        log = record.read_log(run(name))
        assert f"The cost rose from {log['cost'][0]:.3g} to {log['cost'][-1]:.3g}" in told
    elif name == "start-1":
        assert "Diverged before the first update" in told
    else:
        assert re.search(r"Diverged (at|by) epoch \d", told)
        assert f"epoch {run(name).facts['epochs']:,}" in told
    assert "saturated" not in told or name not in {"nan-1", "between-1"}


@each_picture
def test_no_picture_of_a_failure_overflows_or_holds_nan(name, kind):
    subject = [run(name)] if kind == "cost" else run(name)
    file = plots.file_of(kind, subject, Look(), "svg")  # a warning would be an error
    shapes = re.sub(r"<text.*?</text>|<!--.*?-->", "", file.decode(), flags=re.DOTALL)
    assert not re.search(r'"[^"]*\b(nan|inf)\b[^"]*"', shapes)


@pytest.mark.parametrize("name", ["overflow-1", "between-1", "nan-1"])
def test_a_cost_ends_in_a_cross_and_a_line_where_it_was_no_longer_finite(name):
    (axes,) = drawn("cost", name).axes
    log = record.read_log(run(name))
    at = int(np.flatnonzero(~np.isfinite(log["cost"]))[0])
    crosses = marked(axes, "last finite").get_offsets().tolist()
    assert [log["epoch"][at - 1], min(log["cost"][at - 1], style.CEILING)] in crosses
    assert set(marked(axes, "diverged").get_xdata()) == {log["epoch"][at]}


def test_a_cost_that_never_was_finite_is_no_empty_picture():
    assert "no cost to draw: it is not finite at epoch 0" in words(drawn("cost", "start-1"))


def test_of_several_runs_it_is_said_which_diverged_and_how_many():
    both = [run("between-1"), run("overflow-1"), run("rising-1")]
    made = plots.draw("cost", both, Look())
    (legend,) = made.legends
    told = [text.get_text() for text in legend.get_texts()]
    assert sum("(diverged)" in text for text in told) == 2
    assert "2 of 3 diverged; 1 of 3 ended with a higher cost than at the start." in words(made)


def test_where_no_output_is_a_number_there_is_no_class_no_boundary_and_no_ring():
    made = drawn("boundary", "nan-1")
    (axes,) = made.axes
    assert len(marked(axes, "unknown").get_paths()) == 1
    assert not [c for c in axes.collections if c.get_gid() == "boundary"]
    assert axes.images[0].get_array()[:, :, 3].max() == 0
    assert len(marked(axes, "wrong").get_offsets()) == 0
    told = words(made)
    assert "no output is a number" in told
    assert "not a number: no class for 100 of 100" in told


def test_a_weight_that_is_not_a_number_is_dotted_and_counted():
    made = drawn("network", "nan-1")
    (axes,) = made.axes
    fault = matplotlib.colors.to_rgb(style.PALETTES["light"].fault)
    for lines in (c for c in axes.collections if str(c.get_gid()).startswith("W")):
        assert {tuple(hue[:3]) for hue in lines.get_colors()} == {fault}
        assert all(dashes for _, dashes in lines.get_linestyles())
    count = int((~np.isfinite(models.load(run("nan-1")).params)).sum())
    assert f"{count:,} not finite" in words(made)


def test_a_histogram_of_what_is_not_finite_has_no_bar():
    made = drawn("weights", "nan-1")
    assert not any(axes.patches for axes in made.axes)
    told = words(made)
    assert "32 of 32 weights not finite" in told
    assert "16 of 16 units not finite" in told


@pytest.mark.parametrize("name", CLASSES)
def test_confusion_counts_samples_without_a_class_apart(name):
    tables = confusion.counts(models.load(run(name)), Look())
    for matrix in tables.values():
        assert matrix.shape[1] == len(matrix) + 1
        assert matrix[:, -1].sum() == matrix.sum() > 0
    assert f"0 of {tables['train'].sum()} correct" in words(drawn("confusion", name))
    assert confusion.NO_CLASS in words(drawn("confusion", name)).replace("\n", " ")


def test_predictions_beyond_the_axis_are_marked_at_its_edge_and_counted():
    curve, truth = drawn("fit", "rising-1").axes
    low, high = truth.get_ylim()
    above, below = (marked(truth, gid).get_offsets() for gid in ("above", "below"))
    assert len(above) + len(below) == 60
    assert set(above[:, 1]) <= {high}
    assert set(below[:, 1]) <= {low}
    assert truth.get_title() == "60 of 60 beyond the axis"
    assert re.fullmatch(r"\d+ of 400 beyond the axis", curve.get_title())


@pytest.mark.parametrize(
    ("y_hat", "told"),
    [
        ([1.0, 2.0], ""),
        ([9.0, 2.0], "1 of 2 beyond the axis"),
        ([np.nan, -9.0], "1 of 2 beyond the axis, 1 of 2 not a number"),
        ([np.nan, np.nan], "no prediction is a number"),
    ],
)
def test_what_an_axis_does_not_show_is_said(y_hat, told):
    assert regression.beyond(np.array(y_hat), (0.0, 3.0)) == told


@pytest.mark.parametrize("name", ["nan-1", "overflow-1", "curve-1", "rising-1", "start-1"])
def test_an_animation_ends_where_the_run_does_and_says_why(name):
    look, found = Look(), run(name)
    with style.drawing(look.palette):
        made, show = animation.scene(found, look)
        told = []
        for training, model in animation.again(found, look, 5):
            show(training, model)
            told.append(words(made).replace("\n", " "))
    fault = titles.fault_of(found)
    assert fault in told[-1]
    assert all(fault not in before for before in told[:-1])
    film = animation.animate(found, look, "gif", 5, lambda number: None)
    assert Image.open(io.BytesIO(film)).n_frames == len(told)


# --- in the terminal -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("name", LOST)
def test_the_terminal_shows_where_a_cost_is_no_longer_finite(name, size, colour):
    shown = terminal.Screen(*size, colour)
    text = terminal.cost([run(name)], Look(), shown)
    assert len(text.split("\n")) <= size[1]
    assert "not finite" in text
    assert "nan" not in text
    assert text.count("X") >= (name != "start-1")
    assert "Diverged" in text
    assert terminal.cost([run(name), run("rising-1")], Look(), shown)


def test_a_boundary_in_the_terminal_has_no_classes_where_there_is_no_number():
    text = terminal.boundary(run("nan-1"), Look(), terminal.Screen(80, 24, False))
    assert "no output is a number" in text
    assert "/ not a number" in text
    rows = [line.split("│", 1)[1] for line in text.split("\n") if "│" in line]
    assert set("".join(rows)) <= set("/ox")


@pytest.mark.parametrize("name", LOST)
def test_train_plot_of_a_failure_ends_as_train_does(name):
    _, config, *overrides = RUNS[name]
    path = config if Path(config).exists() else str(CONFIGS / config)
    plain = call("train", path, *overrides, "name=again")
    pictured = call("train", path, *overrides, "--plot", "name=again")
    assert plain.code == pictured.code == 4
    assert "Diverged" in pictured.stderr


# --- scales and statistics -----------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["auto", "log", "linear"])
@pytest.mark.parametrize(
    "values",
    [
        [1, 1e-290, 1e-305],
        [1, 1e-310],
        [1e-310, 1e-322],
        [5e-324, 1.7e308],
        [1, 1e306],
        [1e308, 1.7e308],
        [3e-200, 1e-200],
        [2.0, 2.0],
    ],
)
def test_an_axis_holds_any_cost(values, scale):
    palette = style.PALETTES["light"]
    with style.drawing(palette):
        made, (axes,) = style.figure()
        axes.plot(range(len(values)), style.drawable(np.array(values)))
        style.set_scale(axes, scale, np.array(values))
        assert style.render(made, "png", palette)
        low, high = axes.get_ylim()
    assert low <= style.drawable(np.array(values)).min()
    assert style.drawable(np.array(values)).max() <= high


def test_a_median_is_of_all_runs_those_that_diverged_among_them():
    epoch = np.array([0, 1, 2])
    found = [
        curves.Curve("0", epoch, np.array([5.0, 4.0, 3.0])),
        curves.Curve("1", epoch, np.array([5.0, 3.0, 2.0])),
        curves.Curve("2", epoch, np.array([5.0, 2.0, 1.0])),
        curves.Curve("3", epoch[:2], np.array([5.0, 9.0]), diverged=True),
        curves.Curve("4", epoch[:2], np.array([5.0, np.nan]), diverged=True),
    ]
    middle = sweep_curves.median(found)
    np.testing.assert_array_equal(middle.epoch, [0, 1, 2])
    np.testing.assert_array_equal(middle.cost, [5, 4, 3])
    np.testing.assert_array_equal(sweep_curves.median(found[2:]).cost, [5, 9, np.nan])


def test_a_sweep_s_curves_say_how_many_runs_diverged():
    spec = ["learning_rate=0.05,5", "seed=0..2", "epochs=200", "log_every=10"]
    assert call("sweep", "-q", str(CONFIGS / "diabetes.yaml"), *spec).code == 1
    made = plots.draw("curves", Path("runs/diabetes-sweep-1"), Look())
    assert "3 of 6 runs diverged." in words(made)
    (legend,) = made.legends
    told = [text.get_text() for text in legend.get_texts()]
    assert told[:3] == ["3 runs", "3 diverged", "median of all"]


@pytest.mark.parametrize("scale", ["auto", "log", "linear"])
def test_runs_that_diverge_do_not_flatten_the_others(scale):
    assert call("train", "-q", str(CONFIGS / "diabetes.yaml"), "name=well").code == 0
    both = [run("well-1"), run("overflow-1"), run("between-1")]
    made = plots.draw("cost", both, Look(scale=scale))
    (axes,) = made.axes
    top = axes.get_ylim()[1]
    assert 2 * max(record.read_log(both[0])["cost"]) < top < 100
    crosses = marked(axes, "last finite")
    assert set(crosses.get_offsets()[:, 1]) == {top}
    assert not crosses.get_clip_on()
    assert "2 of 3 diverged; some costs are above the axis." in words(made)
    assert axes.get_yscale() == ("linear" if scale == "linear" else "log")
