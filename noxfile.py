"""The test suite on every supported Python, with the newest and with the lowest dependencies.

`nox` runs all sessions, `nox -s lowest` one of them. A Python that is not installed is reported and
left out; `nox --error-on-missing-interpreters` insists.
"""

import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
PROJECT = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
OLDEST = "3.11"


@nox.session(python=["3.12", "3.13"])
def newest(session: nox.Session) -> None:
    """Run the tests with the newest dependencies; README's own test line does so on 3.11."""
    session.install(".[test]")
    run_tests(session)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest version of each dependency that pyproject.toml declares."""
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    pinned = [requirement.replace(">=", "==") for requirement in declared]
    pinned.append("pyparsing==3.1")  # later ones warn of names that the lowest matplotlib uses
    constraints = Path(session.create_tmp()) / "lowest.txt"
    constraints.write_text("\n".join(line for line in pinned if "==" in line) + "\n")
    session.install("--constraint", str(constraints), ".[test]")
    run_tests(session)


@nox.session(python=OLDEST)
def minimal(session: nox.Session) -> None:
    """Run the tests with pytest and the package's own dependencies, without any extra."""
    session.install(".", "pytest")
    session.run("pytest", "-q", "tests", *session.posargs)


def run_tests(session: nox.Session) -> None:
    session.run("pytest", "-q", "-n", "auto", *session.posargs)
