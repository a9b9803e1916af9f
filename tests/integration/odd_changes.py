"""Odd changes, made at random from a seed: repositories with names, modes and bytes that no editor would write but git takes."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

NAMES = [
    *(b"a.py b.js c.ts d.tsx e.go F.java g.rs h.c i.h j.hpp k.rb l.sql m.sh README.md package.json go.sum n.mdx".split()),
    b"src/a.py", b"vendor/github.com/x/y.go", b"node_modules/a/b.js", b"tests/data/x.py", b"apps/vendor/views.py", b"Dockerfile",
    b".codegen-platform.yaml", b"logo.png", b"a b.py", b" lead.py", b"tab\tname.py", b'quo"te.py', b"new\nline.py", b"back\\slash.py",
    b"-rf.py", b"{{x}}.py", b"a\xff.py", b"a\xfe.py", b"a\xed\xa0\x80.py", b"a\xe2\x80\xae.py", b"\xc3\xa4.py", b"a\xcc\x88.py",
    "\u27e6U+202E\u27e7.py".encode(), b"x" * 200 + b".py", b"deep/" * 30 + b"z.py", b"esc\x1b[31m.py", b"a|b`c.py", b"@@ -1 +1 @@.py",
]  # fmt: skip
LINES = [
    b"import os", b"os.system(input())", b"y = eval(input())", b"def f(x=[]):", b"    return x", b"if x is 'a':", b"    pass", b"}", b"{",
    b"key = 'AKIA" + b"Q7ZT" * 4 + b"'", b"<<<<<<< HEAD", b"=======", b">>>>>>> other", b"@@ -1,2 +1,2 @@", b"+added", b"-removed", b" x",
    b"\\ No newline at end of file", b"diff --git a/a.py b/b.py", b"Subproject commit " + b"a" * 40, b"# @generated", b"x = '\xe2\x80\xae'",
    b"x = 1\xe2\x80\xa8y = 2", b"a\x0cb", b"a\x0bb", b"a\x85b", b"a\x1eb", b"caf\xe9 = 1", b"x = '\xed\xa0\x80'", b"\xef\xbb\xbfx = 1",
    b"nul\0nul", b"", b"\t", b"try:", b"except:", b"var x = <T>y;", b"type X = str", b"x" * 1_200, b"~" * 1_000,
    b"\xf0\x9f\x91\xa8\xe2\x80\x8d" * 20,
    "\u27e6U+0000\u27e7 \u2022\u2022\u2022\u2022\u2022\u2022".encode(), b"password = \"hunter2hunter2hunter2\"", b"f'{x!r:{y}}'", b"0644",
]  # fmt: skip
ENDINGS = [b"\n", b"\n", b"\n", b"\n", b"\r\n", b"\r\r\n", b"\r"]
FILE, EXECUTABLE, LINK, SUBMODULE = b"100644", b"100755", b"120000", b"160000"

Tree = dict[bytes, tuple[bytes, bytes]]


def odd_repository(folder: Path, seed: int) -> None:
    """Make a bare repository with the branches `base` and `topic`, which goes on from it; equal seeds make equal repositories."""
    chance = random.Random(seed)
    before = {name: _entry(chance) for name in chance.sample(NAMES, chance.randint(0, 6))}
    after = _changed(before, chance)
    stream = _commit(b"base", b"b", before, mark=1) + _commit(b"topic", b"t", after, mark=2, parent=1)
    subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=folder, input=stream, check=True)


def _changed(before: Tree, chance: random.Random) -> Tree:
    """Return the tree with files changed, removed, renamed and added, at least one of them."""
    after = dict(before)
    for name in before:
        fate = chance.choice(["change", "change", "change", "remove", "rename", "retype", "keep"])
        if fate in ("remove", "rename"):
            mode_and_data = after.pop(name)
            if fate == "rename":
                after[b"moved/" + name] = mode_and_data
        elif fate == "change" and after[name][0] in (FILE, EXECUTABLE):
            after[name] = (chance.choice([FILE, EXECUTABLE]), _edited(after[name][1], chance))
        elif fate == "retype":
            after[name] = _entry(chance)
    for name in chance.sample(NAMES, chance.randint(1, 5)):
        after[name] = _entry(chance)
    # A tree cannot hold a file and a folder of one name.
    return {name: entry for name, entry in after.items() if not any(o.startswith(name + b"/") for o in after)}


def _entry(chance: random.Random) -> tuple[bytes, bytes]:
    kind = chance.random()
    if kind < 0.05:
        return LINK, chance.choice([b"/etc/passwd", b"..", b"a\nb", b"a\xff"])
    if kind < 0.08:
        return SUBMODULE, bytes(chance.choice(b"0123456789abcdef") for _ in range(40))
    return chance.choice([FILE, FILE, EXECUTABLE]), _text(chance)


def _text(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.04:
        return b""
    if kind < 0.07:
        return bytes(chance.randrange(256) for _ in range(300))
    if kind < 0.10:
        return "x = 1\n".encode("utf-16") * 30
    lines = [chance.choice(LINES) for _ in range(chance.randint(1, 40))]
    if kind < 0.13:
        lines.append(b"z = '" + b"y" * 25_000 + b"'")
    if kind < 0.15:
        lines[:0] = [b"# a long file, so that its text has more characters than are parsed"] * 8_000
    ending = chance.choice(ENDINGS)
    mixed = chance.random() < 0.2
    text = b"".join(line + (chance.choice(ENDINGS) if mixed else ending) for line in lines)
    return text if chance.random() < 0.8 else text.rstrip(b"\r\n")


def _edited(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines) + 1)
        lines[at : at + chance.choice([0, 0, 1, 5])] = [chance.choice(LINES) for _ in range(chance.randint(0, 3))]
    return b"\n".join(lines)


def _commit(branch: bytes, message: bytes, tree: Tree, *, mark: int, parent: int | None = None) -> bytes:
    parts = [
        b"commit refs/heads/%b\nmark :%d\ncommitter a <a@example.org> 1700000000 +0000\ndata %d\n%b\n"
        % (branch, mark, len(message), message)
    ]
    parts += [b"from :%d\n" % parent] if parent else []
    parts.append(b"deleteall\n")
    for name, (mode, data) in tree.items():
        quoted = b'"' + b"".join(b"\\%03o" % byte for byte in name) + b'"'
        if mode == SUBMODULE:
            parts.append(b"M 160000 %b %b\n" % (data, quoted))
        else:
            parts.append(b"M %b inline %b\ndata %d\n%b\n" % (mode, quoted, len(data), data))
    return b"".join(parts)
