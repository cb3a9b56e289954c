"""How pictures look: headed, legible, of one palette, nothing over the data; whoever draws them."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from shell import CONFIGS, call, nnfs, trained

from nnfs_cli import plots
from nnfs_cli.plots import boundary, letters, style, terminal, weight_labels
from nnfs_cli.plots.style import Look
from nnfs_cli.runs import record

matplotlib = pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
agg = pytest.importorskip("matplotlib.backends.backend_agg")
pytest.importorskip("plotille", reason="the extra 'plot' is not installed")

CURVE = """\
dataset: {path: curve.csv, target: y, test_size: 0.2}
layers: [{units: 8, activation: tanh}, {units: 1, activation: identity}]
loss: squared_error
epochs: 800
"""
WHALES = (
    "Western Atlantic short-finned pilot whale",
    "Mediterranean monk seal (juvenile)",
    "Common bottlenose dolphin",
)
WHALE_COLUMNS = "body length in centimetres,dorsal fin height (cm),species name\n"
WHALE_CONFIG = """\
dataset: {path: whales.csv, target: species name, scale: standard, test_size: 0.3}
layers: [{units: 6, activation: tanh}, {units: 3, activation: softmax}]
loss: cross_entropy
epochs: 100
"""
UNIT = "{units: 1, activation: sigmoid}"
DEEP = f"[{'{units: 5, activation: tanh}, ' * 4}{UNIT}]"  # six columns
LONG = f"[{'{units: 3, activation: tanh}, ' * 14}{UNIT}]"  # more than there is room for


@pytest.fixture(scope="module", autouse=True)
def _trained(tmp_path_factory):
    """Train what the tests draw, once, in a directory where all of them work."""
    before, here = Path.cwd(), tmp_path_factory.mktemp("looks")
    os.chdir(here)
    x = np.random.RandomState(0).uniform(-3, 3, 60)
    Path("curve.csv").write_text("x,y\n" + "".join(f"{a:.4f},{np.sin(a):.4f}\n" for a in x))
    Path("curve.yaml").write_text(CURVE)
    rows = [f"{k}{r}.{r},{k}.{r},{name}\n" for r in range(9) for k, name in enumerate(WHALES)]
    Path("whales.csv").write_text(WHALE_COLUMNS + "".join(rows))
    Path("whales.yaml").write_text(WHALE_CONFIG)
    trained("curve.yaml")
    trained("whales.yaml")
    for name in ("xor", "iris", "diabetes"):
        trained(str(CONFIGS / f"{name}.yaml"))
    trained(str(CONFIGS / "moons.yaml"), "epochs=150", "dataset.samples=200")
    trained(str(CONFIGS / "digits.yaml"), "epochs=2")
    trained(str(CONFIGS / "xor.yaml"), f"layers={DEEP}", "epochs=10", "name=deep")
    trained(str(CONFIGS / "xor.yaml"), f"layers={LONG}", "epochs=10", "name=long")
    zeros = ("layers.0.initializer=zeros", "layers.1.initializer=zeros", "epochs=100")
    trained(str(CONFIGS / "xor.yaml"), *zeros, "name=constant")
    yield
    os.chdir(before)


def run(name):
    return record.read(Path("runs") / name)


def drawn(kind, name, **look):
    return plots.draw(kind, [run(name)] if kind == "cost" else run(name), Look(**look))


def words(figure):
    return " ".join(t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text())


def boxes(figure):
    """Draw a figure and return the boxes, in pixels, of its axes, its legends and its heading."""
    with style.drawing(style.PALETTES["light"]):
        canvas = agg.FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        axes = [a.get_tightbbox(renderer) for a in figure.axes]
        legends = [a.get_window_extent(renderer) for a in figure.legends]
        return axes, legends, [text.get_window_extent(renderer) for text in figure.texts]


def overlap(a, b):
    """Return whether two boxes share more than a pixel."""
    across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return min(across, down) > 1


KINDS = {
    "xor-1": ("cost", "boundary", "network", "weights", "confusion"),
    "moons-1": ("cost", "boundary", "network", "weights", "confusion"),
    "whales-1": ("cost", "boundary", "network", "weights", "confusion"),
    "iris-1": ("cost", "network", "weights", "confusion"),
    "digits-1": ("cost", "network", "weights", "confusion"),
    "curve-1": ("cost", "network", "weights", "fit"),
    "diabetes-1": ("cost", "network", "weights", "fit"),
    "deep-1": ("network",),
    "long-1": ("network",),
}
each_picture = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in KINDS.items() for kind in kinds]
)


@each_picture
def test_a_picture_is_headed_and_nothing_lies_over_its_data(kind, name):
    made = drawn(kind, name)
    title, *rest = (text.get_text() for text in made.texts)
    assert title.startswith(f"{name}: ")
    config, known = run(name).config, run(name).encoding.facts
    architecture = f"{len(known.columns)}-{config.layers[0].units}"
    assert f"{known.samples:,} samples; {architecture}" in " ".join(rest)
    assert config.layers[0].activation.name in " ".join(rest)
    assert f"cost {run(name).facts['cost']:.3g}" in " ".join(rest)
    axes, legends, heading = boxes(made)
    width, height = made.get_size_inches() * made.get_dpi()
    assert not any(a.get_legend() for a in made.axes)
    for box in [*axes, *legends, *heading]:
        assert -1 <= box.x0 < box.x1 <= width + 1
        assert -1 <= box.y0 < box.y1 <= height + 1
    parts = [*axes, *legends, *heading]
    assert not [(a, b) for i, a in enumerate(parts) for b in parts[:i] if overlap(a, b)]


# --- colours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("look", ["light", "dark"])
def test_one_colour_means_one_thing(look):
    palette = style.PALETTES[look]
    hues = [hue for hue in (*palette, *palette.series) if isinstance(hue, str)]
    assert len({hue.lower() for hue in hues}) == len(hues)
    assert len(palette.series) >= 10
    assert len(set(style.colours(palette, 3 * len(palette.series)))) == 3 * len(palette.series)


def hues_of(figure):
    """Return the colours of a figure's curves, marks and bars, and of its network's lines."""
    found = [line.get_color() for axes in figure.axes for line in axes.lines]
    found += [bar.get_facecolor() for axes in figure.axes for bar in axes.patches]
    for marks in (marks for axes in figure.axes for marks in axes.collections):
        found += [*marks.get_facecolor(), *marks.get_edgecolor()]
    return {matplotlib.colors.to_hex(hue).upper() for hue in found}


def test_colours_of_classes_are_not_those_of_signs_or_parts():
    palette = style.PALETTES["light"]
    classes = {hue.upper() for hue in palette.series}
    signs, parts = {palette.positive, palette.negative}, {palette.train, palette.test}
    found = hues_of(drawn("boundary", "moons-1"))
    assert found & classes == set(palette.series[:2])
    assert not found & (signs | parts)
    for kind in ("cost", "network", "weights"):
        assert not hues_of(drawn(kind, "moons-1")) & classes
    assert parts <= hues_of(drawn("cost", "moons-1"))
    assert parts <= hues_of(drawn("fit", "curve-1"))
    assert signs <= hues_of(drawn("network", "moons-1"))
    assert signs <= hues_of(drawn("weights", "moons-1"))


# --- kinds ---------------------------------------------------------------------------------------


def test_few_logged_points_are_marked_and_epochs_are_integers():
    few, many = (drawn("cost", name).axes[0] for name in ("digits-1", "xor-1"))
    assert [line.get_marker() for line in few.lines] == ["o", "D"]
    assert [line.get_marker() for line in many.lines] == ["None"]
    assert {tick % 1 for tick in few.get_xticks()} == {0}


@pytest.mark.parametrize(
    ("given", "names", "told"),
    [
        ([[0.5, 0.5], [0.5, 0.5]], "ab", "output 0.5 everywhere: it does not depend on these"),
        ([[0.9, 0.6], [0.1, 0.4]], "ab", "class “a” everywhere"),
        ([[0.9, 0.1], [0.1, 0.9]], "ab", ""),
        ([[0.3, 0.3], [0.3, 0.3], [0.3, 0.3]], "abc", "every class gets 0.3 everywhere"),
        ([[np.nan, np.nan], [np.nan, np.nan]], "ab", "no output is a number"),
        ([[np.nan, 0.9], [np.nan, 0.1]], "ab", "output 0.1 everywhere"),
    ],
)
def test_a_plane_without_a_boundary_says_what_it_has(given, names, told):
    assert boundary.everywhere(np.array(given), names).startswith(told)
    assert bool(boundary.everywhere(np.array(given), names)) == bool(told)


def test_a_constant_boundary_says_so_and_has_no_line_in_its_legend():
    made = drawn("boundary", "constant-1")
    assert "output 0.5 everywhere: it does not depend on these columns" in words(made)
    (legend,) = made.legends
    assert "output 0.5" not in [text.get_text() for text in legend.get_texts()]
    text = terminal.boundary(run("constant-1"), Look(), terminal.Screen(80, 24, False))
    assert "output 0.5 everywhere" in text


@pytest.mark.parametrize("name", ["whales-1", "iris-1", "deep-1", "long-1", "xor-1"])
def test_a_network_s_names_are_whole_and_beside_its_circles(name):
    made = drawn("network", name)
    known, (axes,) = run(name).encoding.facts, made.axes
    boxes(made)
    told = re.sub(r"\s", "", words(made))
    for word in (*known.columns, *(known.classes if len(known.classes) > 2 else ())):
        assert word.replace(" ", "") in told
    circles = [
        matplotlib.transforms.Bbox([at - reach, at + reach])
        for marks in axes.collections
        if str(marks.get_gid()).startswith("units")
        for reach in [np.sqrt(marks.get_sizes()[0]) / 2 / 72 * made.get_dpi()]
        for at in axes.transData.transform(marks.get_offsets())
    ]
    assert not [(a, b) for i, a in enumerate(circles) for b in circles[:i] if overlap(a, b)]
    renderer = made.canvas.get_renderer()
    for text in axes.texts:
        if text.zorder != 5:  # a bias, which is in its circle
            box = text.get_window_extent(renderer)
            assert not any(overlap(box, circle) for circle in circles), text.get_text()


def test_a_weight_s_number_is_not_where_lines_cross():
    segments = [[(0, y), (2, z)] for z in (0.0, 1.0, 2.0) for y in (0.5, 1.5)]
    for i, (x, y) in enumerate(weight_labels.places(segments)):
        for j, ((_, left), (_, right)) in enumerate(segments):
            on = left + x / 2 * (right - left)
            assert (abs(on - y) < 1e-9) if i == j else abs(on - y) > 0.1


@pytest.mark.parametrize("name", ["xor-1", "moons-1", "digits-1"])
def test_counts_are_integers_and_signs_have_bins_of_their_own(name):
    hues = style.PALETTES["light"]
    for axes in drawn("weights", name).axes:
        assert {tick % 1 for tick in axes.get_yticks()} == {0}
        for bar in axes.patches:
            hue = matplotlib.colors.to_hex(bar.get_facecolor()).upper()
            low, high = bar.get_x(), bar.get_x() + bar.get_width()
            if bar.get_height() and hue in {hues.positive, hues.negative}:
                assert low >= -1e-12 if hue == hues.positive else high <= 1e-12


# --- surroundings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline"),
        ("MPLBACKEND", "nonsense"),
        ("MPLBACKEND", "TkAgg"),
        ("MATPLOTLIBRC", "/nowhere"),
        ("MATPLOTLIBRC", "latin.rc"),
        ("MATPLOTLIBRC", "loud.rc"),
        ("MPLCONFIGDIR", "/proc/nowhere"),
    ],
)
def test_settings_of_other_programs_do_not_change_a_picture(key, value):
    Path("latin.rc").write_bytes(b"# gr\xf6\xdfe\nfigure.dpi: \xff\n")
    Path("loud.rc").write_text("figure.figsize: 3, 3\nlines.linewidth: 9\nfont.size: 30\n")
    call("plot", "xor-1", "-o", "usual.png")
    done = nnfs("plot", "xor-1", "-o", "other.png", env={key: value})
    assert (done.code, done.stderr) == (0, "")
    assert Path("other.png").read_bytes() == Path("usual.png").read_bytes()


def test_a_matplotlibrc_in_the_directory_does_not_change_a_picture(tmp_path):
    call("plot", "xor-1", "-o", "usual.png")
    line = ["plot", str(Path("runs/xor-1").resolve()), "-o", str(tmp_path / "other.png")]
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\n")
    assert nnfs(*line, cwd=tmp_path).code == 0
    assert (tmp_path / "other.png").read_bytes() == Path("usual.png").read_bytes()
    (tmp_path / "matplotlibrc").write_bytes(b"\xff")
    done = nnfs(*line, cwd=tmp_path)
    assert (done.code, done.stderr.count("\n")) == (1, 1)
    assert "./matplotlibrc" in done.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("line", [["moons-1"], ["xor-1", "--kind", "boundary"]])
def test_a_picture_in_letters_can_be_written_in_any_encoding(line, encoding):
    done = nnfs("plot", *line, "--terminal", env={"PYTHONIOENCODING": f"{encoding}:strict"})
    assert (done.code, done.stderr) == (0, "")
    assert "?" not in done.raw.decode(encoding)


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_a_picture_in_letters_can_be_written_in_any_locale(locale):
    done = nnfs("plot", "moons-1", "--terminal", env={"LC_ALL": locale, "PYTHONUTF8": "0"})
    assert (done.code, done.stderr) == (0, "")
    assert b"epoch" in done.raw
    assert b"?" not in done.raw


def test_dots_are_where_they_were():
    assert letters.written("⠁⠈⠃⣀⠤⡇⠀│─└█…", "ascii") == "'" * 3 + "..: |-+#..."
    assert letters.written("größe ± ⣿", "latin-1") == "größe ± :"
    assert letters.written("größe ⣿", None) == "größe ⣿"
