"""Python that this Python cannot parse: bandit's findings are had all the same, or the file is named as unread."""

from __future__ import annotations

import pytest

from codegen_platform.analysis import AnalysisOptions, analyse
from codegen_platform.analysis.analysers.bandit import MAX_CHARACTERS, Bandit
from codegen_platform.analysis.analysers.bandit_port import NOT_PORTED
from codegen_platform.analysis.analysing import analyse_with
from codegen_platform.analysis.sources import read_sources
from codegen_platform.artifacts import SkipReason
from tests.unit.analysis.snapshots import changed, findings_in, snapshot_of, sources_of
from tests.unit.analysis.test_rules_have_samples import sample_files, samples

HOLES = """
import os, pickle, subprocess, yaml


def run(text):
    eval(text)
    exec(text)
    subprocess.run("tar " + text, shell=True)
    yaml.load(text)
    os.system(text)
    pickle.loads(text)
"""
FOUND = {f"bandit:{test}" for test in ("B307", "B102", "B602", "B605", "B506", "B301")}

NEWER = {
    "a type": "type X = str\n",
    "a generic function": "def f[T](x: T) -> T:\n    return x\n",
    "a generic class with a default": "class A[T = int]: ...\n",
    "quotes within an f-string": "x = 1\ny = f'{'a' if x else f'{'b'}'}'\n",
    "a backslash within an f-string": "x = f'{'\\n'.join([])}'\n",
    "except without parentheses": "try:\n    x = 1\nexcept OSError, ValueError:\n    x = 2\n",
    "a template string": "x = 1\ny = t'{x}'\n",
    "a number of 5,000 digits": f"x = {'9' * 5_000}\n",
    "nesting that this Python refuses": f"x = {'(' * 250}1{')' * 250}\n",
    "a chain that this Python refuses": f"x = 1{' + 1' * 3_000}\n",
}


@pytest.mark.parametrize("kind", NEWER)
def test_syntax_newer_than_this_python_hides_no_security_hole(kind: str) -> None:
    assert sources_of(findings_in("src/a.py", NEWER[kind] + HOLES)) >= FOUND


def test_findings_in_newer_python_equal_those_of_bandit_in_older() -> None:
    older = findings_in("src/a.py", "x = 1\n" + HOLES)
    newer = findings_in("src/a.py", "type X = str\n" + HOLES)

    told = [[(each.source, each.line, each.severity, each.title) for each in found] for found in (older, newer)]
    assert told[0] == told[1]


def test_every_ported_rule_finds_its_samples_in_newer_python() -> None:
    rules = set(samples("bandit")) - NOT_PORTED
    files = [
        changed(path, f"{text}\ntype Newer = str\n")
        for rule in rules
        for path, text in sample_files("bandit", rule, "bad")
    ]

    result = analyse_with((Bandit(),), snapshot_of(*files), options=AnalysisOptions())

    missed = {file.path for file in files} - {
        finding.path for finding in result.findings if finding.source == f"bandit:{finding.path.partition('-')[0]}"
    }
    assert missed == set()


def test_a_nul_breaks_a_file_and_is_reported() -> None:
    assert sources_of(findings_in("src/a.py", "x = 1\0\n" + HOLES)) >= {"syntax:python"}


def test_a_test_that_has_no_port_leaves_newer_python_unread() -> None:
    text = "import torch\ntype X = str\nx = eval(y)\nz = torch.load(a)\n"
    sources, _ = read_sources(snapshot_of(changed("src/a.py", text)), ignore=())

    found = Bandit().run(sources)

    assert [claim.rule for claim in found.claims] == ["bandit:B307"]
    assert found.unread == {"src/a.py": SkipReason.UNSUPPORTED_SYNTAX}


def test_newer_python_without_any_hole_is_read() -> None:
    sources, _ = read_sources(snapshot_of(changed("src/a.py", "type X = str\nimport os\n")), ignore=())

    found = Bandit().run(sources)

    assert (found.claims, found.unread) == ((), {})


def test_a_file_too_long_for_bandit_is_read_by_its_port() -> None:
    filler = "x = f(1, 2, 3)\n" * (MAX_CHARACTERS // 10)

    assert sources_of(findings_in("src/a.py", filler + HOLES)) >= FOUND


@pytest.mark.parametrize("comment", ["# nosec", "# noqa: S307", "# noqa"])
def test_a_comment_does_not_silence_the_port(comment: str) -> None:
    assert sources_of(findings_in("src/a.py", f"type X = str\nx = eval(input())  {comment}\n")) == {"bandit:B307"}


@pytest.mark.parametrize(
    "text",
    [
        "# coding: utf-7\nx = 1 #+AAo-import os;os.system(input())\n",
        "# -*- coding: unicode_escape -*-\n#\\nimport os;os.system(input())\n",
        "#!/usr/bin/python\n# vim: set fileencoding=raw_unicode_escape :\n#\\u000aexit()\n",
        "\t# encoding=UTF-16\nx = 1\n",
        "\f\r# coding: cp037\rx = 1\r",
        "# coding: utf-7\x0c\nx = 1\n",
    ],
)
def test_python_in_an_encoding_that_hides_code_is_not_counted_as_read(text: str) -> None:
    found = analyse(snapshot_of(changed("a.py", text)), options=AnalysisOptions())

    assert [(skip.path, skip.reason) for skip in found.skipped] == [("a.py", SkipReason.UNSUPPORTED_SYNTAX)]


@pytest.mark.parametrize(
    "first",
    [
        "# coding: utf-8",
        "# -*- coding: UTF-8-unix -*-",
        "# coding=latin-1",
        "# coding: iso-8859-15",
        "# -*- coding: cp1252 -*-",
        "x = 1\n# coding: utf-7",
        "\n\n# coding: utf-7",
        "# how to encode",
    ],
)
def test_python_in_an_encoding_that_shows_its_code_is_read(first: str) -> None:
    found = analyse(
        snapshot_of(changed("a.py", f"{first}\nimport os\nos.system(input())\n")), options=AnalysisOptions()
    )

    assert (found.skipped, sources_of(list(found.findings))) == ((), {"bandit:B605"})
