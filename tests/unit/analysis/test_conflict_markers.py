"""Conflicts that were committed are found; conflicts that documentation shows are not."""

from __future__ import annotations

import pytest

from tests.unit.analysis.snapshots import findings_in, sources_of

CONFLICT = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"
DIFF3 = "<<<<<<< HEAD\nours\n||||||| base\nold\n=======\ntheirs\n>>>>>>> topic\n"

REAL = {
    "code": ("a.py", CONFLICT),
    "code, with the text of the base": ("a.go", DIFF3),
    "data, lines ended by CR LF": ("a.json", CONFLICT.replace("\n", "\r\n")),
    "markers without names": ("a.c", "<<<<<<<\nours\n=======\ntheirs\n>>>>>>>\n"),
    "behind a byte order mark": ("a.txt", f"\ufeff{CONFLICT}"),
    "prose": ("README.md", f"# Title\n\n{CONFLICT}"),
    "behind a fenced block": ("README.md", f"```sh\nls\n```\n{CONFLICT}"),
    "behind a tilde block that shows a fence": ("README.md", f"~~~\n```\n~~~\n\n{CONFLICT}"),
    "behind a long fence that shows a shorter one": ("README.md", f"````\n```\n````\n\n{CONFLICT}"),
    "behind an indented fence, which is code": ("README.md", f"Write\n\n    ```\n\n{CONFLICT}"),
    "behind a line that begins with a code span": ("README.md", f"```x``` is a span\n{CONFLICT}"),
    "behind a fence that is never closed": ("README.md", f"{CONFLICT}\n```\n{CONFLICT}"),
    "around the end of a block": ("README.md", "```\n<<<<<<< HEAD\nls\n```\n=======\nls -l\n```\n>>>>>>> topic\n"),
    "behind a code-block directive": ("index.rst", f".. code-block:: sh\n\n   ls\n\n{CONFLICT}"),
    "behind a code-block directive and a literal block": ("index.rst", f".. code-block:: sh\n\n   ls\n\nSo::\n\n   ls\n\n{CONFLICT}"),
    "AsciiDoc behind a listing": ("index.adoc", f"----\nls\n----\n\n{CONFLICT}"),
    "LaTeX behind a listing": ("a.tex", f"\\begin{{verbatim}}\nls\n\\end{{verbatim}}\n{CONFLICT}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REAL)
def test_a_conflict_that_was_committed_is_found(kind: str) -> None:
    path, text = REAL[kind]

    assert "conflicts:marker" in sources_of(findings_in(path, text))


SHOWN = {
    "a fenced block": ("README.md", f"Git writes\n\n```\n{CONFLICT}```\n"),
    "a tilde block that shows a fence": ("README.md", f"~~~\n```\n{CONFLICT}```\n~~~\n"),
    "a fence in a list item": ("README.md", f"1. Git writes\n   ```\n{CONFLICT}   ```\n"),
    "a fence in a quote": ("README.md", f"> ```\n{CONFLICT}> ```\n"),
    "an indented block": ("README.md", "".join(f"    {line}\n" for line in CONFLICT.split("\n"))),
    "a code-block directive": (
        "index.rst",
        ".. code-block:: none\n\n" + "".join(f"   {line}\n" for line in CONFLICT.split("\n")),
    ),
    "an AsciiDoc listing": ("index.adoc", f"----\n{CONFLICT}----\n"),
    "a LaTeX listing": ("a.tex", f"\\begin{{lstlisting}}\n{CONFLICT}\\end{{lstlisting}}\n"),
    "an underlined heading": ("index.rst", "Changes\n=======\n\nText\n"),
    "one marker alone": ("a.py", "text = '''\n<<<<<<< HEAD\n'''\n"),
    "a longer row": ("a.txt", "<<<<<<<<<\n=======\n>>>>>>>>>\n"),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_a_conflict_that_is_shown_as_an_example_raises_no_alarm(kind: str) -> None:
    path, text = SHOWN[kind]

    assert "conflicts:marker" not in sources_of(findings_in(path, text))


def test_a_fence_that_was_there_before_counts_as_well() -> None:
    before = "Git writes\n\n```\nls\n```\n"

    assert findings_in("README.md", before.replace("ls\n", CONFLICT), before=before) == []
