"""README says what the program does: its commands are run, its tables compared."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shell import ROOT

from nnfs_cli.config.schema import Config, LayerConfig
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.initializers import INITIALIZERS
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.data.builtin import DATASETS

README = (ROOT / "README.md").read_text()


PICTURES = "\n## Pictures\n"


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def in_shell(command, cwd):
    """Run as README's reader would, with this environment's commands first on the path."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


@pytest.fixture
def checkout(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path


def check_sessions(text, cwd):
    """Run each `$ command` of a text's console blocks, compare what it prints; return how many."""
    shown = [part for block in blocks("console", text) for part in block_parts(block)]
    for session in shown:
        command, _, expected = session.partition("\n")
        printed = in_shell(command, cwd).stdout
        pattern = re.escape(expected).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, printed), f"$ {command}\n{printed}\nREADME has:\n{expected}"
    return len(shown)


def block_parts(block):
    """Return the commands of a console block, each with what it prints."""
    return [part for part in re.split(r"^\$ ", block, flags=re.M) if part]


def test_the_tour_prints_what_readme_shows(checkout):
    before, _, rest = README.partition(PICTURES)
    _, _, after = rest.partition("\n## ")
    assert check_sessions(before + after, checkout) >= 9


def test_the_pictures_are_drawn_as_readme_shows(checkout):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    pytest.importorskip("plotille", reason="the extra 'plot' is not installed")
    for command in ("train -q {}", "sweep -q {} seed=0..49 learning_rate=0.5,1"):
        done = in_shell(f"nnfs {command.format('configs/xor.yaml')}", checkout)
        assert done.returncode == 0, done.stdout
    _, _, rest = README.partition(PICTURES)
    section, _, _ = rest.partition("\n## ")
    assert check_sessions(section, checkout) >= 4


def test_the_lines_to_sweep_work_as_pasted(checkout):
    loops = [block for block in blocks("sh") if "xargs" in block or block.startswith("for")]
    assert len(loops) == 2
    for loop in loops:
        done = in_shell(loop, checkout)
        assert done.returncode == 0, done.stdout
    assert len(list((checkout / "runs").glob("xor-*"))) == 13


@pytest.mark.parametrize("name", ["xor", "flowers"])
def test_a_configuration_shown_is_the_file(name):
    assert (ROOT / f"configs/{name}.yaml").read_text() in blocks("yaml")


def table(heading):
    """Return the rows of the first table after a heading or a line of text."""
    lines = README[README.index(heading) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


@pytest.mark.parametrize(
    ("heading", "struct"), [("## Configuration\n", Config), ("A layer:", LayerConfig)]
)
def test_the_tables_of_keys_are_the_schema(heading, struct):
    assert [row[0].strip("`") for row in table(heading)] == list(struct.__struct_fields__)


@pytest.mark.parametrize(
    ("row", "names"),
    [("activation", ACTIVATIONS), ("initializer", INITIALIZERS)],
)
def test_the_tables_name_every_part(row, names):
    cells = {r[0].strip("`"): r[1] for r in table("A layer:")}
    assert set(re.findall(r"`(\w+)`", cells[row])) == set(names)


def test_the_tables_name_every_loss_and_data_set():
    cells = {r[0].strip("`"): r[1] for r in table("## Configuration\n")}
    assert set(re.findall(r"`(\w+)`", cells["loss"])) == set(LOSSES)
    named = " ".join(row[0] for row in table("A data set;"))
    assert set(re.findall(r"`(\w+)`", named)) == set(DATASETS)


def test_every_configuration_is_listed():
    listed = set(re.findall(r"`(configs/[\w-]+\.yaml)`", README))
    assert listed == {f"configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml")}
