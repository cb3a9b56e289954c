"""CONTRIBUTING.md, the Justfile and docs/design.md agree with each other and with the program."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from shell import ROOT
from test_structure import FOLDERS, PACKAGE

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")
BLOCK = re.search(r"```sh\n(.*?)```", CONTRIBUTING, re.DOTALL)[1]
COMMANDS = [line.partition("   #")[0].strip() for line in BLOCK.splitlines()]
RECIPES = {
    name: [line.strip() for line in body.splitlines()]
    for name, body in re.findall(
        r"^([a-z-]+)[^:\n]*:\n((?:    .*\n)+)", (ROOT / "Justfile").read_text("utf-8"), re.MULTILINE
    )
    if name != "default"
}
MODULES = sorted(set(re.findall(r"`((?!tests/)[a-z]+/[a-z_]+)(?:\.py)?`", DESIGN)))
PLACES = re.findall(
    r"^\|.*?\| `([a-z_]+/[a-z_]+\.py)`.*?`([A-Z]+)` \|$", CONTRIBUTING, re.MULTILINE
)


def test_every_command_of_contributing_is_a_recipe():
    words = shlex.split(COMMANDS[2])
    recipes = [" && ".join(lines) for lines in RECIPES.values()]
    recipes = [recipe.replace('"$@"', shlex.join(words[2:])) for recipe in recipes]
    assert recipes == COMMANDS


def test_contributing_names_every_recipe():
    assert re.findall(r"`just ([a-z-]+)", CONTRIBUTING) == list(RECIPES)


@pytest.mark.skipif(not shutil.which("just"), reason="just is not installed")
def test_just_lists_every_recipe():
    command = ["just", "--justfile", str(ROOT / "Justfile"), "--summary", "--unsorted"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(RECIPES)


def test_the_line_that_runs_some_tests_selects_some():
    command = [sys.executable, "-m", "pytest", "--collect-only", *shlex.split(COMMANDS[2])[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "test_the_gradient" in done.stdout


def test_ci_and_pre_commit_run_the_same_linters():
    ci = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in RECIPES["lint"] if line not in ci] == []
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    entries = [hook["entry"].split(" --force")[0] for hook in repo["hooks"]]
    assert [line.removesuffix(" .").removesuffix(" --check") for line in RECIPES["lint"]] == entries


@pytest.mark.parametrize(("file", "table"), PLACES)
def test_the_table_where_a_part_is_added_stands_in_the_file_named(file, table):
    name = f"nnfs_cli.{file.removesuffix('.py').replace('/', '.')}"
    assert isinstance(getattr(importlib.import_module(name), table), dict)


def test_the_table_of_places_is_read_whole():
    assert len(PLACES) == 6


def test_the_design_draws_the_folders_in_the_order_of_imports():
    tree = re.search(r"```text\n(nnfs_cli/\n.*?)```", DESIGN, re.DOTALL)[1]
    assert re.findall(r"^  ([a-z]+)/ ", tree, re.MULTILINE) == FOLDERS
    for name in re.findall(r"[a-z]+\.py", tree):
        assert (PACKAGE / name).exists(), name


@pytest.mark.parametrize("path", MODULES)
def test_every_module_that_the_design_names_exists(path):
    assert (PACKAGE / f"{path}.py").exists()


def test_the_links_lead_somewhere():
    for folder, text in ((ROOT, CONTRIBUTING), (ROOT / "docs", DESIGN)):
        for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", text):
            assert link == "https" or (folder / link).exists(), link
