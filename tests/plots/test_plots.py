"""Pictures: what is on them, not merely that there is a file."""

import io
import json
import os
import pty
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from subprocess import Popen
from unittest.mock import patch

import numpy as np
import pytest
from shell import CONFIGS, NNFS, call, environment, nnfs, trained

from nnfs_cli import plots
from nnfs_cli.cli.plot import KINDS
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.plots import (
    animation,
    boundary,
    curves,
    histograms,
    live,
    points,
    style,
    sweep_letters,
    terminal,
)
from nnfs_cli.plots.style import Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs import record
from nnfs_cli.storage.digest import digest
from nnfs_cli.sweeps import members, results

matplotlib = pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
pytest.importorskip("plotille", reason="the extra 'plot' is not installed")
Image = pytest.importorskip("PIL.Image", reason="the extra 'plot' is not installed")
CURVE = """\
dataset: {path: curve.csv, target: y, test_size: 0.2}
layers:
  - {units: 8, activation: tanh}
  - {units: 1, activation: identity}
loss: squared_error
epochs: 800
"""
DEAD = """\
dataset: xor
layers:
  - {units: 3, activation: relu, weights: [[1, 1], [-1, -1], [1, -1]], biases: [0, -1, 0]}
  - {units: 2, activation: tanh, weights: [[9, 9, 9], [0, 0, 0]], biases: [9, 0]}
  - {units: 1, activation: sigmoid}
loss: squared_error
epochs: 0
"""


@pytest.fixture(scope="module", autouse=True)
def _trained(tmp_path_factory):
    """Train what the tests draw, once, in a directory where all of them work."""
    before, here = Path.cwd(), tmp_path_factory.mktemp("pictures")
    os.chdir(here)
    x = np.random.RandomState(0).uniform(-3, 3, 60)
    rows = "".join(f"{a:.4f},{np.sin(a):.4f}\n" for a in x)
    Path("curve.csv").write_text("x,y\n" + rows)
    Path("curve.yaml").write_text(CURVE)
    Path("dead.yaml").write_text(DEAD)
    for name in ("xor", "xor-cross", "iris", "diabetes"):
        trained(str(CONFIGS / f"{name}.yaml"))
    trained(str(CONFIGS / "xor.yaml"), "learning_rate=2", "epochs=2000")
    trained(str(CONFIGS / "moons.yaml"), "epochs=150", "dataset.samples=200")
    trained(str(CONFIGS / "digits.yaml"), "epochs=2")
    trained("curve.yaml")
    trained("dead.yaml")
    for specs in (
        "seed=0..9 learning_rate=0.5,1,2",
        "seed=0..2 layers.0.units=2..4 learning_rate=1,2",
    ):
        done = call("sweep", "-q", str(CONFIGS / "xor.yaml"), *specs.split(), "epochs=2000")
        assert done.code == 0
    yield
    os.chdir(before)


def run(name):
    return record.read(Path("runs") / name)


def drawn(kind, subject, **look):
    return plots.draw(kind, subject, Look(**look))


def words(figure):
    """Return every text on a figure."""
    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


def marked(axes, gid):
    (found,) = (c for c in axes.collections if c.get_gid() == gid)
    return found


def legend(figure):
    found = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
    return [text.get_text() for text in found[0].get_texts()]


# --- cost --------------------------------------------------------------------------------------


def test_cost_shows_train_and_test_over_the_epochs():
    made = drawn("cost", [run("moons-1")])
    (axes,) = made.axes
    train, test = axes.lines
    log = record.read_log(run("moons-1"))
    np.testing.assert_array_equal(train.get_xydata(), np.column_stack([log["epoch"], log["cost"]]))
    np.testing.assert_array_equal(test.get_ydata(), log["test_cost"])
    assert (train.get_linestyle(), test.get_linestyle()) == ("-", "--")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "cost (binary cross entropy)")
    assert legend(made) == ["train", "test"]


def test_several_runs_are_labelled_by_what_differs():
    made = drawn("cost", [run("xor-1"), run("xor-2")])
    assert len(made.axes[0].lines) == 2
    assert legend(made) == ["learning_rate=1.0, epochs=5000", "learning_rate=2.0, epochs=2000"]
    assert curves.labels([run("xor-1"), run("xor-1")]) == ["xor-1", "xor-1"]


@pytest.mark.parametrize(
    ("scale", "shown"), [("auto", "log"), ("log", "log"), ("linear", "linear")]
)
def test_the_cost_s_axis_is_as_wanted(scale, shown):
    assert drawn("cost", [run("xor-1")], scale=scale).axes[0].get_yscale() == shown


# --- boundary ------------------------------------------------------------------------------------


def test_the_contour_passes_between_the_classes():
    made = drawn("boundary", run("xor-1"))
    (axes,) = made.axes
    points = np.concatenate([path.vertices for path in marked(axes, "boundary").get_paths()])
    model = models.load(run("xor-1"))
    assert np.abs(models.predict(model, points).y_hat - 0.5).max() < 0.02
    # On the diagonal from 00 to 11, it is crossed once before the middle and once behind it.
    crossed = points[np.abs(points[:, 0] - points[:, 1]) < 0.02].mean(axis=1)
    assert (crossed < 0.4).any()
    assert (crossed > 0.6).any()
    assert not ((crossed > 0.4) & (crossed < 0.6)).any()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "x2")
    assert marked(axes, "train").get_offsets().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert len(marked(axes, "wrong").get_offsets()) == 0


def test_feature_crosses_bend_the_boundary():
    (axes,) = drawn("boundary", run("xor-cross-1")).axes
    paths = [v for p in marked(axes, "boundary").get_paths() for v in p.to_polygons(closed_only=0)]
    assert len(paths) == 2  # the branches of a hyperbola
    corners = {tuple(np.sign(path.mean(axis=0) - 0.49).astype(int)) for path in paths}
    assert corners == {(-1, -1), (1, 1)} or corners == {(-1, 1), (1, -1)}


def test_rings_are_around_what_is_wrong():
    model = models.load(run("moons-1"))
    tables = models.own_tables(model, Path("runs/.cache"))
    wrong = [t.X[models.predict(model, t.X).classes != t.y] for t in tables.values()]
    made = drawn("boundary", run("moons-1"))
    rings = marked(made.axes[0], "wrong").get_offsets()
    assert len(rings) > 2
    np.testing.assert_array_equal(rings, np.concatenate(wrong))
    assert len(marked(made.axes[0], "train").get_offsets()) == 160
    assert len(marked(made.axes[0], "test").get_offsets()) == 40
    count = f"wrong: {len(rings)} of 200"
    assert legend(made) == ["y = 0", "y = 1", "train", "test", "output 0.5", count]


def test_the_shade_is_the_likelier_class_and_as_strong_as_it_is_sure():
    (axes,) = drawn("boundary", run("xor-1")).axes
    pixels = axes.images[0].get_array()
    hues = np.array([matplotlib.colors.to_rgb(c) for c in style.PALETTES["light"].series[:2]])
    height, width = pixels.shape[:2]
    for x, y, kind in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        cell = pixels[
            round((y + 0.12) / 1.24 * (height - 1)), round((x + 0.12) / 1.24 * (width - 1))
        ]
        np.testing.assert_allclose(cell[:3], hues[kind], atol=0.01)
        assert 0.8 * boundary.SHADE < cell[3] <= boundary.SHADE


def test_more_columns_keep_the_others_at_their_mean():
    made = drawn("boundary", run("iris-1"), columns=("petal_length", "petal_width"))
    (axes,) = made.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("petal_length", "petal_width")
    assert legend(made)[:3] == ["setosa", "versicolor", "virginica"]
    assert "the other columns are fixed at their mean" in words(made)
    model = models.load(run("iris-1"))
    tables = boundary.own_tables(model, Look())
    grid = boundary.plane(model, tables, ("petal_length", "petal_width"), 20, 10)
    assert grid.X.shape == (200, 4)
    np.testing.assert_allclose(grid.X[:, 0], tables["train"].X[:, 0].mean())
    assert len(np.unique(grid.X[:, 2])) == 20


# --- network and weights -----------------------------------------------------------------------


def test_the_network_s_lines_are_its_weights():
    made = drawn("network", run("xor-1"))
    (axes,) = made.axes
    weights = record.read_arrays(Path("runs/xor-1/weights.npz"))
    for key in ("W1", "W2"):
        lines = marked(axes, key)
        assert len(lines.get_segments()) == weights[key].size
        order = np.argsort(lines.get_linewidths())
        np.testing.assert_array_equal(order, np.argsort(np.abs(weights[key]).ravel()))
        positive = matplotlib.colors.to_rgb(style.PALETTES["light"].positive)
        blue = [tuple(c[:3]) == positive for c in lines.get_colors()]
        assert blue == (weights[key] > 0).ravel().tolist()
    assert [len(marked(axes, f"units {i}").get_offsets()) for i in range(3)] == [2, 3, 1]
    told = words(made)
    assert {"x1", "x2", "y_hat", "3 units\nsigmoid", f"{weights['b2'].item():.2g}"} <= set(told)


def test_a_wide_layer_is_a_bar():
    made = drawn("network", run("digits-1"))
    bars = [patch for patch in made.axes[0].patches if patch.get_gid() == "bar"]
    assert len(bars) == 3
    told = words(made)
    assert "64 units\nrelu" in told
    assert any(text.startswith("4,096\nweights") for text in told)
    assert len(marked(made.axes[0], "W3").get_segments()) == 10


def test_weights_and_activations_are_counted():
    made = drawn("weights", run("moons-1"))
    shape = [bars.get_label() for axes in made.axes for bars in axes.containers]
    assert len(shape) == 6
    counts = [sum(bar.get_height() for bar in axes.patches) for axes in made.axes]
    assert counts == [32, 16 * 160, 256, 16 * 160, 16, 160]
    assert made.axes[-2].get_xlabel() == "weight"
    assert made.axes[-1].get_xlabel() == "activation on the training data"


def test_dead_and_saturated_units_are_told():
    titles = [axes.get_title() for axes in drawn("weights", run("dead-1")).axes]
    assert titles[1] == "a1, relu: 1 of 3 units dead"
    assert titles[3] == "a2, tanh: 1 of 2 units saturated"


# --- confusion and fit -------------------------------------------------------------------------


def test_confusion_has_the_numbers_of_evaluate():
    figures = json.loads(call("evaluate", "iris-1", "--json").stdout)
    made = drawn("confusion", run("iris-1"))
    train, test = made.axes
    assert [int(t.get_text()) for t in train.texts] == [
        n for row in figures["confusion"] for n in row if n
    ]
    assert [t.get_text() for t in train.get_xticklabels()] == ["setosa", "versicolor", "virginica"]
    assert (train.get_xlabel(), train.get_ylabel()) == ("predicted", "true species")
    right = sum(figures["test_confusion"][i][i] for i in range(3))
    assert test.get_title() == f"test: {right} of 45 correct"


def test_a_fit_over_one_column_is_a_curve():
    made = drawn("fit", run("curve-1"))
    curve, truth = made.axes
    (line,) = curve.lines
    x, y = line.get_data()
    inside = np.abs(x) < 2.5
    assert np.abs(y - np.sin(x))[inside].max() < 0.3
    assert (curve.get_xlabel(), curve.get_ylabel()) == ("x", "y")
    assert (truth.get_xlabel(), truth.get_ylabel()) == ("true y", "predicted y")
    assert len(marked(truth, "train").get_offsets()) == 48


def test_a_fit_is_predicted_against_true():
    made = drawn("fit", run("diabetes-1"))
    model = models.load(run("diabetes-1"))
    table = models.own_tables(model, Path("runs/.cache"))["test"]
    points = marked(made.axes[0], "test").get_offsets()
    np.testing.assert_allclose(points[:, 0], table.y[:, 0])
    np.testing.assert_allclose(points[:, 1], models.predict(model, table.X).y_hat[:, 0])
    assert made.axes[0].get_xlabel() == "true progression"


# --- sweeps ------------------------------------------------------------------------------------

SWEEP, GRID = Path("runs/xor-sweep-1"), Path("runs/xor-sweep-2")


def swept(tmp_path, keys, rows):
    """Return a copy of a sweep whose results.csv has other rows: keys, status, cost, accuracy."""
    path = tmp_path / "swept"
    shutil.copytree(SWEEP, path, dirs_exist_ok=True)
    facts = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(facts | {"keys": keys}))
    lines = [
        f"{i},{','.join(map(str, row[:-2]))},9,{row[-2]},{row[-1]}" for i, row in enumerate(rows)
    ]
    header = ",".join(["index", *keys, "status", "epochs", "cost", "accuracy"])
    (path / "results.csv").write_text("\n".join([header, *lines, ""]))
    return path


def found(path, **look):
    return points.results(path, Look(**look))


ONE_KEY = [
    *((0.1, "finished", cost, 1) for cost in (1e-4, 2e-4, 4e-4, 8e-4, 1.6)),
    *((1, "finished", cost, 0.5) for cost in (1e-6, 2e-6)),
    *((1, "diverged", "nan", 0.5) for _ in range(3)),
    *((10, "diverged", "inf", 0) for _ in range(4)),
    (10, "failed", "", ""),
]
TWO_KEYS = [
    (1, "a", "finished", 0.5, 0.5), (1, "a", "diverged", "nan", 0), (1, "a", "finished", 0.7, 0.5),
    (1, "b", "diverged", "nan", 0), (1, "b", "diverged", "nan", 0), (1, "b", "diverged", "inf", 0),
    *((2, "a", "finished", 1e-4, 1) for _ in range(3)),
    (2, "b", "finished", 1e-9, 1), (2, "b", "diverged", 3.0, 0), (2, "b", "diverged", 3.0, 0),
]  # fmt: skip


def test_a_sweep_over_one_key_has_median_and_quartiles_over_seeds():
    made = drawn("sweep", SWEEP)
    (axes,) = made.axes
    records = {rate: [] for rate in (0.5, 1.0, 2.0)}
    for row in results.read_results(SWEEP):
        records[float(row["learning_rate"])].append(float(row["cost"]))
    low, middle, high = np.quantile(list(records.values()), [0.25, 0.5, 0.75], axis=1)
    median, best = axes.lines
    np.testing.assert_allclose(median.get_ydata(), middle)
    np.testing.assert_allclose(median.get_xdata(), list(records))
    assert len(marked(axes, "runs").get_offsets()) == 30
    spans = [segment[:, 1] for segment in marked(axes, "quartiles").get_segments()]
    np.testing.assert_allclose(spans, np.transpose([low, high]))
    assert best.get_ydata() == min(map(min, records.values()))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning_rate", "cost")
    number = members.best(SWEEP, "cost")
    assert legend(made) == ["runs", "middle half", "median", f"best: xor-sweep-1/{number}"]
    head = words(made)
    assert "xor-sweep-1: cost over learning_rate" in head
    assert "xor, 4 samples; 2-3-1 (sigmoid)" in head
    assert f"best median {middle.min():.3g} at learning_rate=2" in head
    assert axes.get_legend() is None, "a legend on the axes lies over data"


def test_runs_that_did_not_finish_are_drawn_above_the_others(tmp_path):
    path = swept(tmp_path, ["learning_rate"], ONE_KEY)
    strip, axes = (made := drawn("sweep", path)).axes
    assert axes.get_yscale() == "log"
    heights = {
        status: [float(np.ptp(segment[:, 1])) for segment in marked(strip, status).get_segments()]
        for status in ("finished", "diverged", "failed")
    }
    np.testing.assert_allclose(heights["finished"], [1, 0.4, 0])
    np.testing.assert_allclose(heights["diverged"], [0, 0.6, 0.8])
    np.testing.assert_allclose(heights["failed"], [0, 0, 0.2])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [4e-4, 1.5e-6, np.nan])
    lowest = min(segment[0, 1] for segment in marked(axes, "quartiles").get_segments()[:1])
    np.testing.assert_allclose(lowest, 2e-4)  # mean - sd was the smallest of all runs
    told = words(made)
    assert "7 of 15 runs diverged, 1 failed." in told
    assert {"2 of 5", "0 of 5", "2 of 5: two finished"} <= set(told)
    assert "5 of 5" not in told
    assert any("best median 0.0004 at learning_rate=0.1" in word for word in told)


def test_a_sweep_of_which_nothing_finished_is_drawn(tmp_path):
    rows = [(rate, "diverged", cost, 0.5) for rate in (5, 50) for cost in ("nan", 3.0)]
    for keys in ["learning_rate"], ["learning_rate", "layers.0.units"]:
        path = swept(
            tmp_path,
            keys,
            [(*row[: len(keys)], *row[-3:]) for row in ((r[0], r[0], *r[1:]) for r in rows)],
        )
        assert "4 of 4 runs diverged." in words(drawn("sweep", path))
        assert "diverged" in sweep_letters.sweep(path, Look(), SCREEN)


@pytest.mark.parametrize("keys", [["learning_rate"], ["name"]])
@pytest.mark.parametrize(
    "costs", [(0.5,), (0.0, 1.0), (1e-310, 1.0), (1e-320, 1e-320), (1e-9, 1e300), (1.7e308, 1.0)]
)
def test_any_costs_can_be_drawn(tmp_path, keys, costs):
    rows = [(f"k{i}" if keys == ["name"] else i, "finished", c, 1) for i, c in enumerate(costs)]
    path = swept(tmp_path, keys, rows)
    plots.file_of("sweep", path, Look(), "png")
    assert sweep_letters.sweep(path, Look(), SCREEN).count("\n") >= len(costs)
    rows = [(i, *row) for i in (1, 2) for row in rows]
    path = swept(tmp_path, ["seed", *keys], rows)
    plots.file_of("sweep", path, Look(against=("seed", *keys)), "png")
    assert sweep_letters.sweep(path, Look(against=("seed", *keys)), SCREEN)


def test_a_sweep_over_two_keys_is_a_heat_map():
    axes, bar = drawn("sweep", GRID).axes
    (mesh,) = axes.collections
    costs = {}
    for row in results.read_results(GRID):
        point = int(row["layers.0.units"]), float(row["learning_rate"])
        costs.setdefault(point, []).append(float(row["cost"]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("layers.0.units", "learning_rate")
    wanted = [[np.median(costs[u, r]) for u in (2, 3, 4)] for r in (1.0, 2.0)]
    np.testing.assert_allclose(mesh.get_array(), wanted)
    assert [t.get_text() for t in axes.texts] == [f"{v:.3g}" for row in wanted for v in row]
    assert bar.get_ylabel() == "cost, median"
    (axes,) = drawn("sweep", GRID, against=("layers.0.units",)).axes
    assert axes.get_xlabel() == "layers.0.units"


def test_a_heat_map_marks_the_best_what_did_not_finish_and_spans_decades(tmp_path):
    path = swept(tmp_path, ["layers.0.units", "activation"], TWO_KEYS)
    axes, bar = (made := drawn("sweep", path)).axes
    (mesh,) = axes.collections
    assert type(mesh.norm).__name__ == "LogNorm"
    assert bar.get_yscale() == "log"
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["0.6\n2 of 3", "0.0001", "diverged", "1e-09\n1 of 3"]
    (best,) = (patch for patch in axes.patches if patch.get_gid() == "best")
    assert best.get_xy() == (1, 0), "a cell of which most runs diverged is not the best"
    assert "best median" in legend(made)
    flat = [(1, "a", "finished", 0.5, 1), (2, "a", "finished", 0.6, 1)]
    axes, _ = drawn("sweep", swept(tmp_path, ["layers.0.units", "activation"], flat)).axes
    assert type(axes.collections[0].norm).__name__ == "Normalize"


def test_cells_that_are_equal_are_all_the_best_unless_all_are(tmp_path):
    rows = [(u, a, "finished", 0.1, hit) for u, a, hit in
            ((1, "a", 1), (1, "b", 0.5), (2, "a", 1), (2, "b", 0.75))]  # fmt: skip
    path = swept(tmp_path, ["layers.0.units", "activation"], rows)
    assert found(path, by="accuracy").best_points() == [(1, "a"), (2, "a")]
    assert found(path).best_points() == []


def test_a_large_heat_map_has_crosses_where_nothing_finished(tmp_path):
    rows = [(i, j, "diverged" if i + j > 25 else "finished", 1 + i * j, 1)
            for i in range(20) for j in range(20)]  # fmt: skip
    made = drawn("sweep", swept(tmp_path, ["layers.0.units", "layers.1.units"], rows))
    assert len(made.axes[0].lines[0].get_xdata()) == sum(row[2] == "diverged" for row in rows)
    assert legend(made) == ["best cost", "no run finished"]


def test_curves_are_all_of_them_the_median_and_the_best():
    made = drawn("curves", SWEEP)
    (axes,) = made.axes
    assert len(axes.collections[0].get_segments()) == 30
    median, best = axes.lines
    number = members.best(SWEEP, "cost")
    log = members.read_run(SWEEP, number).log
    np.testing.assert_array_equal(best.get_ydata(), log["cost"])
    every = [members.read_run(SWEEP, i).log["cost"] for i in range(30)]
    np.testing.assert_allclose(median.get_ydata(), np.median(every, axis=0))
    assert legend(made) == ["30 runs", "median", f"best: xor-sweep-1/{number}"]


@pytest.fixture(scope="module")
def diverging():
    """Return two sweeps, one of which some and one of which all runs diverge."""
    specs = ("epochs=60", "log_every=1", "seed=0..2")
    paths = []
    for rates in "0.1,1e6,1e7", "1e6,1e7":
        done = call("sweep", "-q", "curve.yaml", f"learning_rate={rates}", *specs)
        paths.append(Path(done.stdout.strip()))
    return paths


def test_curves_that_diverge_leave_the_others_in_view(diverging):
    (axes,) = (made := drawn("curves", diverging[0])).axes
    finished = [float(row["cost"]) for row in results.read_results(diverging[0])]
    low, high = axes.get_ylim()
    assert low < np.nanmin(finished) < high < 1e6
    crosses = marked(axes, "lost").get_offsets()
    assert len(crosses) == 6
    assert crosses[:, 1].max() < high
    assert "6 of 9 runs diverged." in words(made)
    median, best = axes.lines
    assert np.isnan(median.get_ydata()[-1]), "of most runs, there is no cost any more"
    assert best.get_ydata()[-1] == np.nanmin(finished)


def test_curves_of_a_sweep_that_diverged_are_drawn(diverging):
    made = drawn("curves", diverging[1])
    assert "6 of 6 runs diverged." in words(made)
    assert "diverges from here" in legend(made)
    plots.file_of("curves", diverging[1], Look(), "png")


# --- animation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [0, 1, 5, 59, 60, 61, 100, 3000, 20000, 10**7])
def test_frames_are_close_at_first_and_end_at_the_last_epoch(epochs):
    found = animation.frame_epochs(epochs, 60)
    assert len(found) == min(60, epochs + 1)
    assert (found[0], found[-1]) == (0, epochs)
    steps = np.diff(found)
    assert (steps > 0).all()
    if epochs >= 3000:
        assert found[1] == 1
        assert steps[-1] > 100


def test_an_animation_comes_to_the_bits_of_the_run():
    told = list(animation.again(run("moons-1"), Look(), 12))
    training, model = told[-1]
    weights = record.weights_of(training.network, model.params)
    assert digest(weights) == run("moons-1").facts["weights_digest"]
    assert training.log["epoch"] == animation.frame_epochs(150, 12)


@pytest.mark.parametrize("name", ["moons-1", "curve-1", "diabetes-1"])
def test_an_animation_moves(name):
    numbers = []
    film = animation.animate(run(name), Look(), "gif", 6, numbers.append)
    image = Image.open(io.BytesIO(film))
    assert (image.format, image.n_frames, numbers) == ("GIF", 6, [1, 2, 3, 4, 5, 6])
    frames = []
    for i in range(6):
        image.seek(i)
        frames.append(np.array(image.convert("RGB")).astype(int))
    left, right = np.s_[:, :350], np.s_[:, 400:]
    for part in (left, right):
        assert all(np.abs(a[part] - b[part]).sum() > 0 for a, b in pairwise(frames))


def test_the_moons_animation_is_quick_and_small():
    trained(str(CONFIGS / "moons.yaml"), "epochs=2000", "name=film")
    film = animation.animate(run("film-1"), Look(), "gif", 60, lambda number: None)
    assert len(film) < 5e6
    assert Image.open(io.BytesIO(film)).n_frames == 60


def test_an_mp4_needs_ffmpeg(monkeypatch):
    done = call("plot", "moons-1", "--kind", "animate", "-o", "film.mp4", "--frames", "3")
    if shutil.which("ffmpeg"):
        assert done.code == 0
        assert Path("film.mp4").read_bytes()[4:8] == b"ftyp"
    monkeypatch.setenv("PATH", "")
    done = call("plot", "moons-1", "--kind", "animate", "-o", "none.mp4", "--frames", "3")
    assert (done.code, "ffmpeg" in done.stderr, Path("none.mp4").exists()) == (1, True, False)


# --- files -------------------------------------------------------------------------------------


def test_every_kind_is_offered():
    assert set(plots.KINDS) | {"animate"} == {kind for kinds in KINDS.values() for kind in kinds}
    assert all(plots.KINDS[k].of == of for of, ks in KINDS.items() for k in ks if k != "animate")
    told = call("plot", "--help").stdout
    assert all(f"\n  {kind} " in told for kinds in KINDS.values() for kind in kinds)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_png_has_the_style_s_ground_and_is_wide_enough(look):
    done = call("plot", "xor-1", "--kind", "boundary", "--style", look)
    assert (done.code, done.stdout, done.stderr) == (0, "runs/xor-1/boundary.png\n", "")
    image = Image.open("runs/xor-1/boundary.png")
    assert image.format == "PNG"
    assert image.width == 900
    assert (
        "#{:02X}{:02X}{:02X}".format(*image.convert("RGB").getpixel((0, 0)))
        == style.PALETTES[look].ground
    )
    palette = style.PALETTES[look]
    colours = {c for _, c in image.convert("RGB").getcolors(1 << 20)}
    wanted = [
        tuple(round(255 * v) for v in matplotlib.colors.to_rgb(c)) for c in palette.series[:2]
    ]
    assert set(wanted) <= colours  # of the samples, although they are few pixels


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_suffix_chooses_and_the_same_picture_is_the_same_file(suffix, start):
    files = [f"{name}.{suffix}" for name in "ab"]
    for file in files:
        assert call("plot", "xor-1", "-o", file).stdout == f"{file}\n"
    first, second = (Path(file).read_bytes() for file in files)
    assert first.startswith(start)
    assert first == second


def test_an_svg_has_its_words_as_words():
    call("plot", "xor-1", "-o", "words.svg")
    text = Path("words.svg").read_text()
    assert ">epoch</text>" in text
    assert ">cost (squared error)</text>" in text


def test_where_pictures_go():
    assert call("plot", "xor-1", "xor-2").stdout == "runs/xor-1/cost-of-2-runs.png\n"
    both = call("plot", "xor-1", "xor-2", "--kind", "network").stdout
    assert both == "runs/xor-1/network.png\nruns/xor-2/network.png\n"
    assert call("plot", "xor-sweep-1").stdout == "runs/xor-sweep-1/sweep.png\n"
    assert call("plot", "xor-sweep-1/7", "--kind", "boundary").stdout == (
        "runs/xor-sweep-1/7-boundary.png\n"
    )
    best = members.best(SWEEP, "cost")
    assert call("plot", "xor-sweep-1/best").stdout == f"runs/xor-sweep-1/{best}-cost.png\n"


# --- what cannot be drawn ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        (2, "", "Missing argument 'RUN...'"),
        (2, "xor-1 --kind boundry", "'boundry' is not one of"),
        (2, "xor-1 -o x.jpg", "should end in one of .png, .svg, .pdf"),
        (2, "xor-1 --kind animate -o x.png", "should end in one of .gif, .mp4"),
        (2, "iris-1 --kind boundary --columns petal_width", "two different columns"),
        (2, "iris-1 --kind boundary --columns petal_width\0petal_length", "two different columns"),
        (2, "xor-sweep-1 --against a\0b", "one key, or two different ones"),
        (2, "xor-1 --kind network --terminal", "--terminal draws cost, boundary, sweep"),
        (2, "xor-1 --terminal -o x.png", "give --terminal or -o"),
        (2, "xor-1 xor-2 --kind boundary -o x.png", "boundary makes one picture per run"),
        (6, "none", "no such run"),
        (6, "diabetes-1 --kind boundary", "is a regression and has no classes"),
        (6, "curve-1 --kind boundary", "is a regression"),
        (6, "iris-1 --kind boundary", "has 4 input columns; choose two, as in --columns sepal"),
        (6, "iris-1 --kind animate", "has 4 input columns"),
        (
            6,
            "iris-1 --kind boundary --columns petal_length,petal_widht",
            "no input column 'petal_widht'; did you mean 'petal_width'?",
        ),
        (6, "xor-1 --kind fit", "is a classifier; draw it with --kind confusion"),
        (
            6,
            "diabetes-1 --kind confusion",
            "is a regression and has no classes; draw it with --kind fit",
        ),
        (6, "xor-1 --kind sweep", "is not a sweep"),
        (6, "xor-1 --kind curves", "is not a sweep"),
        (6, "xor-sweep-1 --kind network", "is a sweep; --kind network is for a run"),
        (6, "xor-sweep-1/99", "the sweep has runs 0 to 29"),
        (6, "xor-sweep-1 --against rate", "'rate' was not swept"),
        (6, "xor-sweep-1 --by f1", "no run has a figure 'f1'; the figures are cost"),
        (1, "xor-1 -o nowhere/x.png", "nowhere/x.png: cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(code, line, message):
    done = call("plot", *(word.replace("\0", "\n") for word in line.split()))
    assert (done.code, done.stdout) == (code, "")
    assert message in done.stderr
    if code != 2:
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("library", ["matplotlib", "plotille"])
def test_without_the_libraries_a_line_says_how_to_get_them(library):
    lines = {
        "matplotlib": [
            ["plot", "xor-1"],
            ["plot", "xor-1", "--kind", "animate"],
            ["report", "xor-1"],
        ],
        "plotille": [["plot", "xor-1", "--terminal"], ["train", "curve.yaml", "--plot"]],
    }
    before = sorted(Path("runs").iterdir())
    for line in lines[library]:
        with patch.dict(sys.modules, {library: None}):
            done = call(*line)
        assert (done.code, done.stdout) == (1, "")
        assert done.stderr == (
            f"pictures need {library}, which is not installed: pip install '.[plot]'\n"
        )
    assert sorted(Path("runs").iterdir()) == before


def test_a_copy_without_its_data_still_shows_what_it_can(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree("runs/curve-1", copy)
    Path("curve.csv").rename("away.csv")
    try:
        for kind in ("cost", "network", "weights"):
            done = call("plot", str(copy), "--kind", kind)
            assert (done.code, done.stdout) == (0, f"{copy}/{kind}.png\n")
            assert ("activations are left out" in done.stderr) == (kind == "weights")
        for kind in ("fit", "animate"):
            done = call("plot", str(copy), "--kind", kind)
            assert done.code == 6
            assert "this picture needs the training data" in done.stderr
            assert "curve.csv: cannot be read" in done.stderr
        assert len(drawn("weights", record.read(copy)).axes) == 2
    finally:
        Path("away.csv").rename("curve.csv")


def test_a_run_that_diverged_can_be_drawn():
    done = call("train", "-q", "curve.yaml", "learning_rate=1e6", "log_every=1", "name=wild")
    assert done.code == 4
    for kind in ("cost", "network", "weights", "fit", "animate"):
        done = call("plot", "wild-1", "--kind", kind, "--frames", "4")
        assert (done.code, done.stderr) == (0, "")
    assert call("plot", "wild-1", "--terminal").code == 0


@pytest.mark.parametrize("broken", ["cost", "shape", "epoch"])
def test_a_log_that_is_none_is_told(tmp_path, broken):
    copy = tmp_path / "copy"
    shutil.copytree("runs/xor-1", copy)
    log = dict(np.load(copy / "costs.npz"))
    log |= {
        "cost": {"cost": log["cost"] * np.nan},
        "shape": {"cost": log["cost"][:-1]},
        "epoch": {"epoch": log["epoch"][::-1]},
    }[broken]
    np.savez(copy / "costs.npz", **log)
    done = call("plot", str(copy))
    assert (done.code, "costs.npz" in done.stderr) == (6, True)


# --- the terminal ------------------------------------------------------------------------------

SCREEN = terminal.Screen(80, 24, False)


def fits(text, screen):
    lines = text.split("\n")
    return len(lines) <= screen.height and max(map(len, lines)) <= screen.width


def test_a_cost_in_the_terminal_has_its_ends_and_its_last_figures():
    text = terminal.cost([run("moons-1")], Look(), SCREEN)
    log = record.read_log(run("moons-1"))
    assert fits(text, SCREEN)
    assert f"train: {log['cost'][-1]:.6g}" in text
    assert f"x test: {log['test_cost'][-1]:.6g}" in text
    assert re.search(r"0 +epoch +150\n", text)
    assert "cost (binary cross entropy)" in text
    assert "\033" not in text


def test_a_boundary_in_the_terminal_has_the_samples_where_they_are():
    text = terminal.boundary(run("xor-1"), Look(), SCREEN)
    assert fits(text, SCREEN)
    rows = [line.split("│", 1)[1] for line in text.split("\n") if "│" in line]
    where = [(i, j, c) for i, row in enumerate(rows) for j, c in enumerate(row) if c in "ox!"]
    tops, bottoms = sorted(where[:2], key=lambda p: p[1]), sorted(where[2:], key=lambda p: p[1])
    assert [c for _, _, c in tops + bottoms] == ["x", "o", "o", "x"]
    middle = rows[len(rows) // 2]
    assert middle[len(middle) // 2] == "."  # of class 1, as between 01 and 10
    assert "o 0   x 1   ! wrong" in text


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
def test_pictures_in_letters_are_as_large_as_the_terminal(size):
    screen = terminal.Screen(*size, False)
    for text in (
        terminal.cost([run("xor-1"), run("xor-2")], Look(), screen),
        terminal.boundary(run("moons-1"), Look(), screen),
    ):
        assert fits(text, screen)
        assert len(text.split("\n")) >= size[1] - 4


def test_colour_adds_nothing_but_colour():
    coloured = terminal.boundary(run("moons-1"), Look(), SCREEN._replace(colour=True))
    plain = terminal.boundary(run("moons-1"), Look(), SCREEN)
    bare = live.COLOURS.sub("", coloured)
    assert "\033[" in coloured
    assert [line.rstrip() for line in bare.split("\n")] == plain.split("\n")


def test_a_sweep_in_the_terminal_is_bars_or_a_table():
    *lines, best = sweep_letters.sweep(SWEEP, Look(), SCREEN).split("\n")
    assert len(lines) == 4
    bars = [line.count("█") for line in lines[1:]]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] > bars[-1] > 0
    medians = [found(SWEEP).median(rate) for rate in (0.5, 1, 2)]
    for line, median in zip(lines[1:], medians, strict=True):
        assert re.search(rf"█ {median:.4g} \([^ ]+ to [^ ]+\)$", line)
    assert best == f"* best median {medians[2]:.3g} at learning_rate=2"
    assert lines[3].startswith("            2* ")
    table = sweep_letters.sweep(GRID, Look(), SCREEN).split("\n")
    assert table[0].startswith("cost: median; layers.0.units across")
    assert len(table) == 5


def test_a_sweep_in_the_terminal_says_what_did_not_finish(tmp_path):
    lines = sweep_letters.sweep(swept(tmp_path, ["rate"], ONE_KEY), Look(), SCREEN).split("\n")
    assert lines[0] == "rate  cost: median (quartiles) of finished runs, logarithmic"
    assert lines[1].startswith(" 0.1* █")
    assert lines[2].startswith("   1  █")
    assert lines[2].endswith("1.5e-06 (1.25e-06 to 1.75e-06), 3 of 5 diverged")
    assert lines[3] == "  10  4 of 5 diverged, 1 of 5 failed"
    assert lines[4] == ("* best median 0.0004 at rate=0.1, among points where most runs finished")
    assert max(map(len, lines)) <= 80
    lines = sweep_letters.sweep(swept(tmp_path, ["u", "act"], TWO_KEYS), Look(), SCREEN).split("\n")
    assert [re.sub(" +", " ", line) for line in lines] == [
        "cost: median; u across, act down",
        "2/5: two runs of five finished",
        " 1 2",
        "a █ 0.6 2/3 ▒ 0.0001*",
        "b diverged 1e-09 1/3",
        "* best median 0.0001 at u=2, act=a, among points where most runs finished",
    ]


def test_a_pipe_gets_no_colour_and_any_encoding_is_served():
    done = nnfs("plot", "xor-1", "--terminal", env={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.stderr) == (0, "")
    assert b"\033" not in done.raw
    assert b"epoch" in done.raw


# --- while it trains ---------------------------------------------------------------------------


def test_train_plot_draws_the_curve_at_the_end_on_stderr():
    done = call("train", str(CONFIGS / "xor.yaml"), "--plot", "epochs=50", "name=drawn")
    assert (done.code, done.stdout) == (0, "runs/drawn-1\n")
    assert "cost (squared error)" in done.stderr
    assert "│" in done.stderr


def test_live_without_a_terminal_draws_at_the_end():
    done = call("train", str(CONFIGS / "xor.yaml"), "--live", "epochs=50", "name=pipe")
    assert (done.code, done.stdout) == (0, "runs/pipe-1\n")
    assert done.stderr.startswith("--live needs a terminal")
    assert "cost (squared error)" in done.stderr


def test_live_moves_on_a_terminal():
    line = ["train", str(CONFIGS / "moons.yaml"), "--live", "epochs=12000", "name=live"]
    ours, theirs = pty.openpty()
    size = {"COLUMNS": "140", "LINES": "40", "TERM": "xterm-256color"}
    with Popen([*NNFS, *line], stdout=theirs, stderr=theirs, env=environment(size)) as process:
        os.close(theirs)
        told = b""
        while True:
            try:
                chunk = os.read(ours, 1 << 16)
            except OSError:
                break
            if not chunk:
                break
            told += chunk
    os.close(ours)
    assert process.returncode == 0
    frames = told.decode().split(live.HIDE)[1:]
    assert len(frames) >= 2
    assert "epoch 12,000 of 12,000" in frames[-1]
    assert "cost (binary cross entropy)" in frames[-1]
    assert "! wrong" in frames[-1]
    assert live.SHOW in frames[-1]


@pytest.mark.parametrize("costs", [[0.001], [0.02], [0.3], [0.5, 0.01], [0.01, 0.01, 2.0]])
def test_live_takes_less_than_a_tenth_of_the_time(costs):
    now = [0.0]
    budget = live.Budget(lambda: now[0])
    pictures = 0
    while budget.trained < 30:
        now[0] += 0.01  # of training
        if budget.allows():
            with budget.spending():
                now[0] += costs[min(pictures, len(costs) - 1)]
            pictures += 1
    assert pictures > 0
    assert budget.spent <= 0.1 * budget.trained


def test_what_is_known_of_the_columns_is_drawn_beside_the_cost():
    assert live.beside(["ab", "\033[38;5;1mc\033[0m"], ["x"], 4) == [
        "ab  x",
        "\033[38;5;1mc\033[0m   ",
    ]


def test_idle_units_are_counted_as_diagnose_does():
    a = np.array([[0.99, 0.995, 0.999, 1.0], [0.5, 0.5, 1.0, 0.0]])
    assert histograms.idle(ACTIVATIONS["sigmoid"](), a) == "1 of 2 units saturated"
    assert histograms.idle(ACTIVATIONS["relu"](), np.zeros((3, 5))) == "3 of 3 units dead"
    assert histograms.idle(ACTIVATIONS["identity"](), a) == ""
