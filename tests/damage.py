"""What becomes of a file on its way: in a careless hand, a broken editor, or out of spite.

Every function takes a RandomState, so that a case can be had again by its number.
"""

import re

TRAPS = [
    *("", "~", "null", "true", "no", "on", "0", "-1", "1", "2", "3.5", "1e3", "1e-3", "1e999"),
    *("-1e999", ".inf", "-.inf", ".nan", "nan", "inf", "1_000", "010", "0x1F", "0b1", "1:30"),
    *("9" * 31, "1" * 5000, "1" + "0" * 400 + ".5", "5e-324", "4294967296", "1e99", "1e100"),
    *("2026-11-20", "2026-11-20T10:00:00Z", "!!int 3", "!!str x", "!!binary aGk=", "!x 1", "!"),
    *("!!python/object/apply:os.system [true]", "&a 1", "*a", "*init", "<<", "{<<: *a}", "&a [*a]"),
    *("[]", "{}", "[[]]", "{a: }", "[1, 2]", "[[1, 2], [3]]", "{name: moons}", "{name: xor}"),
    *("{name: normal, mean: 0, std: 1}", "{name: normal}", "{name: {}}", "{path: none.csv}"),
    *("[" * 30, "{a: " * 30, "[" * 30 + "]" * 30, "[" * 2000, "- " * 40, "? " * 40),
    *("xor", "tanh", "softmax", "sigmoid", "zeros", "he", "squared_error", "x1*x2", "x1^99"),
    *("'", '"', "'1'", '"\\e[2J"', '"\\0"', '"\\ud800"', '"\\U0001F600"', "|", ">-", "\\", "@"),
    *("größe", "日本語", "🙂", "e\u0301", "\u202e", "\u2028", "\x85", "\xa0", "\ufeff", "`", "%"),
    *("\x00", "\x1b]0;x\x07", "\x9b2J", "\ufffe", "\t", "\r", "a" * 2000, "é" * 5000, "x" * 61),
    *("#", " # x", "a: b", "- a", "? a", "---", "...", "%YAML 9.9", "../../x", "/", "."),
]  # fmt: skip
BYTES = [
    *(b"\0", b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\x1b[2J", b"\xef\xbb\xbf", b"\\"),
    *(b"\n", b"\r", b"\t", b'"', b"'", b",", b";", b" ", b"\xc2\x85", b"\xe2\x80\xa8"),
]


def pick(rng, choices):
    """Return one of a list's items."""
    return choices[rng.randint(len(choices))]


def pieces(rng, parts, most, strange):
    """Return a list of which one piece is gone, doubled, turned or moved, or has a strange one
    before it or in its place."""
    start = rng.randint(len(parts) + 1)
    end = start + pick(rng, [0, 1, 1, 2, rng.randint(most)])
    head, piece, tail = parts[:start], parts[start:end], parts[end:]
    elsewhere = rng.randint(len(tail) + 1)
    return [
        head + tail,
        head + piece + piece + tail,
        head + piece[::-1] + tail,
        head + tail[:elsewhere] + piece + tail[elsewhere:],
        [*head, strange, *tail],
        [*head, strange, *piece, *tail],
    ][rng.randint(6)]


def trap(rng, text):
    """Return what may stand for a value: one of TRAPS, or a word of the text itself."""
    return pick(rng, TRAPS if rng.randint(2) else re.findall(r"\w[\w.]*", text) or TRAPS)


def of_tokens(rng, text):
    return "".join(pieces(rng, re.findall(r"\w+|\s+|.", text), 6, trap(rng, text)))


def of_lines(rng, text):
    return "".join(pieces(rng, text.splitlines(keepends=True), 4, trap(rng, text) + "\n"))


def of_indentation(rng, text):
    lines = text.splitlines(keepends=True) or [""]
    i = rng.randint(len(lines))
    bare = lines[i].lstrip()
    lines[i] = pick(rng, [bare, " " + lines[i], "    " + lines[i], "\t" + bare, "- " + lines[i]])
    return "".join(lines)


def of_values(rng, text):
    """Put something else in place of a word, a number, or all behind a colon."""
    found = [*re.finditer(r"(?<=: )[^,\[\]{}\n]+|\w[\w.+-]*", text)] or [re.match("", text)]
    start, end = pick(rng, found).span()
    return text[:start] + trap(rng, text) + text[end:]


def of_whole(rng, text):
    """Change all of a text as an editor may."""
    changes = [("\n", "\r\n"), ("\n", "\r"), ("\n", "\n\n"), ("\n", "\u2028"), ("\n", "")]
    changes += [("  ", "\t"), (" ", "\xa0"), (":", "="), (",", ";"), ("_", "-"), ("e", "E")]
    changed = [text.replace(*change) for change in changes]
    return pick(
        rng,
        [
            "\ufeff" + text,
            text + text,
            text.rstrip("\n"),
            text + "---\n" + text,
            text[1:],
            *changed,
        ],
    )


def of_bytes(rng, content):
    parts = [content[i : i + 1] for i in range(len(content))]
    strange = bytes([rng.randint(128)]) if rng.randint(4) else pick(rng, BYTES)
    return b"".join(pieces(rng, parts, 50, strange))


def damaged(rng, content):
    """Return bytes to which one to three things have happened."""
    ways = [of_tokens, of_lines, of_indentation, of_values, of_values, of_values, of_whole]
    for _ in range(pick(rng, [1, 1, 2, 3])):
        if rng.randint(8):
            text = content.decode(errors="surrogateescape")
            content = pick(rng, ways)(rng, text).encode(errors="surrogateescape")
        else:
            content = of_bytes(rng, content)
    return content if rng.randint(100) else content.decode(errors="replace").encode("utf-16")
