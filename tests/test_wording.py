"""Docstrings and comments obey the part of the house style that a pattern can check."""

import ast
import io
import re
import tokenize

import pytest
from test_structure import FOLDERS, MODULES, folder_of

# Folders, and modules of other folders, that are still to be rewritten.
START = r"(?:^|[.!?] )"  # of a sentence
PATTERNS = {
    "a sentence begins with a relative or a question": re.compile(
        START + r"(Which|Whose|Of which|At whose|In which|What is|What are|Whoever|Whatever) "
    ),
    "'is no' instead of 'is not a'": re.compile(
        r"(?<![Tt]here )\b(?:is|are|was|were) no (?!longer|more|less|better|worse|larger|other)\w+"
    ),
    "things do not tell, heed or want": re.compile(
        r"\b(told|heeds?|heeded|wants?|whoever)\b", re.I
    ),
    "'to the bits' instead of 'with exactly the same result'": re.compile(
        r"\bto the (?:very |same )?bits?\b"
    ),
    "'Return what' does not name what is returned": re.compile(START + r"(Return|Yield) what\b"),
    "'so many' instead of a number's name": re.compile(r"\bso many\b"),
}
# What a pattern finds although it reads well, by module.
ALLOWED: dict[str, set[str]] = {}


def docstrings(text):
    """Yield the docstrings of a module, its classes and functions: line and text."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (words := ast.get_docstring(node)):
            yield node.body[0].lineno, words


def comments(text):
    """Yield the comments of a module, lines that follow each other as one: line and text."""
    block, last = [], None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT or token.string.startswith(
            ("# type:", "# noqa", "# fmt")
        ):
            continue
        if last != token.start[0] - 1 and block:
            yield block[0][0], " ".join(words for _, words in block)
            block = []
        block.append((token.start[0], token.string.lstrip("# ")))
        last = token.start[0]
    if block:
        yield block[0][0], " ".join(words for _, words in block)


def mistakes(module):
    """Yield what is wrong with a module's docstrings and comments, with its place."""
    text = MODULES[module].read_text("utf-8")
    for line, words in docstrings(text):
        summary = " ".join(words.split("\n\n")[0].split())
        if not summary.endswith((".", "?")) and not re.fullmatch(r"nnfs \w+", summary):
            yield f"{module}.py:{line}: no period after {summary!r}"
    for line, words in [*docstrings(text), *comments(text)]:
        for problem, pattern in PATTERNS.items():
            for found in pattern.finditer(" ".join(words.split())):
                if found[0] not in ALLOWED.get(module, ()):
                    yield f"{module}.py:{line}: {problem}: {found[0]!r}"


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_docstrings_and_comments_obey_the_house_style(folder):
    modules = [m for m in MODULES if folder_of(m) == folder]
    assert [mistake for module in modules for mistake in mistakes(module)] == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('"""Return the cost."""', 0),
        ('"""Return the cost"""', 1),
        ('"""Return what it costs."""', 1),
        ('"""A run. Which is told."""', 2),
        ("# this is no run", 1),
        ("# it is no longer a run", 0),
        ("# told of\n# a run, to the very bits", 2),
    ],
)
def test_the_patterns_find_what_they_are_for(tmp_path, monkeypatch, text, problems):
    path = tmp_path / "module.py"
    path.write_text(text)
    monkeypatch.setitem(MODULES, "module", path)
    assert len(list(mistakes("module"))) == problems
