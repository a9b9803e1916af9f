"""Text that crashes, slows or confuses tools costs itself at most."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.analysers.bandit import Bandit
from codegen_platform.analysis.analysers.ruff import Ruff
from codegen_platform.analysis.analysers.structure import StructuralRules
from codegen_platform.analysis.analysing import analyse_with
from codegen_platform.analysis.claims import Claims
from codegen_platform.analysis.sources import SourceFile
from tests.unit.analysis.snapshots import changed, findings_in, review, snapshot_of, sources_of

DEFECT = changed(
    "src/defect.py",
    "import subprocess\n\n\ndef f(n, x=[]):\n    subprocess.run('tar ' + n, shell=True)\n    return x\n",
)
DEFECTS = {"ruff:B006", "bandit:B602"}

DEEP = {
    "brackets": "x = " + "(" * 5_000 + "1" + ")" * 5_000 + "\n",
    "lists": "x = " + "[" * 9_000 + "]" * 9_000 + "\n",
    "signs": "x = " + "-" * 15_000 + "1\n",
    "attributes": "x = a" + ".b" * 9_000 + "\n",
    "calls": "x = a" + "()" * 9_000 + "\n",
    "chain over lines": "x = (a\n" + ".b()\n" * 20_000 + ")\n",
    "additions": "x = a" + "+a" * 9_000 + "\n",
    "conditions": "x = " + "1 if 1 else " * 1_500 + "1\n",
    "else if": "if x:\n    pass\n" + "elif x:\n    pass\n" * 5_000,
    "lambdas": "x = " + "lambda: " * 2_000 + "1\n",
    "indentation": "".join(" " * n + "if x:\n" for n in range(300)) + " " * 300 + "pass\n",
    "null": "x = 1\x00\n",
    "surrogate": "x = '\ud800'\n",
    "form feed and friends": "x = 1\x0c\x0b\x1c\x85\u2028\u2029\n",
    "mark": "\ufeffx = 1\n",
}


@pytest.mark.parametrize("kind", DEEP)
def test_a_file_that_breaks_a_tool_does_not_hide_the_others(kind: str) -> None:
    with_needs = changed("src/hostile.py", f"import subprocess, hashlib, pickle\n{DEEP[kind]}")

    result = review(with_needs, DEFECT, changed("src/bare.py", DEEP[kind]))

    assert {finding.source for finding in result.findings if finding.path == "src/defect.py"} == DEFECTS


def test_a_crash_of_ruff_is_told_with_the_number_of_files_it_cost() -> None:
    result = review(changed("src/deep.py", DEEP["signs"]), DEFECT)

    report = next(tool for tool in result.tools if tool.name == "ruff")
    assert report.error == "1 of 2 files not read to the end: an analyser failed"


def test_a_long_chain_of_calls_uses_up_its_own_time_and_not_that_of_others() -> None:
    chain = "async function f() {\n  return (a\n" + "    .forEach(async (x) => x)\n" * 30_000 + "  );\n}\n"
    result = review(changed("src/a.js", chain), changed("src/b.js", "if (x === NaN) {}\n"))

    assert "rules:js-compared-with-nan" in sources_of(list(result.findings))
    report = next(tool for tool in result.tools if tool.name == "rules")
    assert report.error is not None
    assert report.error.startswith("1 of 2 files not read to the end: ")


def test_a_megabyte_on_one_line_is_searched_for_secrets_and_given_to_no_parser() -> None:
    text = "var a='" + "x=[]; " * 100_000 + "AKIA" + "QYLPMN5HFIQR7XYA'\n"

    result = review(changed("src/a.js", text))

    assert sources_of(list(result.findings)) == {"secrets:aws-access-token"}
    assert [each.reason for each in result.skipped] == ["minified"]
    assert max(len(finding.quote) for finding in result.findings) <= 400


def test_of_many_files_with_a_defect_each_the_most_severe_are_kept_and_the_report_says_so() -> None:
    result = review(*(changed(f"src/m{n}.py", "def f(x=[]):\n    return x\n") for n in range(600)))

    report = next(tool for tool in result.tools if tool.name == "ruff")
    assert (report.files, report.error) == (600, "kept the 500 most severe of 600 claims")
    assert len(result.findings) == 500


@pytest.mark.parametrize("unit", ["t/", "tests/data", "test_", "a.spec.", "data/t/", "\ud800/"])
def test_long_names_are_distinguished_in_linear_time(unit: str) -> None:
    paths = [unit * (4_000 // len(unit)) + f"{number}.py" for number in range(200)]
    started = time.process_time()

    result = review(*(changed(path, "x = 1\n", language="python") for path in paths))

    assert time.process_time() - started < 20
    assert [tool.error for tool in result.tools] == [None] * 7


class Exploding:
    """Raises what it is given; also as a panic of a Rust library, which is no Exception."""

    name, version, languages = "exploding", "1", None

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, files: list[SourceFile]) -> Claims:
        raise self.error


class PanicException(BaseException):
    """What pyo3 raises, by its name."""


@pytest.mark.parametrize(
    "error",
    [ValueError("text of the pull request"), PanicException("text of the pull request"), RecursionError()],
    ids=repr,
)
def test_a_tool_that_fails_says_so_without_repeating_the_text_and_the_others_stand(error: BaseException) -> None:
    result = analyse_with((Exploding(error), Ruff(), Bandit()), snapshot_of(DEFECT), options=AnalysisOptions())

    assert result.tools[0].error == f"failed with {type(error).__name__}"
    assert sources_of(list(result.findings)) == DEFECTS


def test_an_interrupt_is_not_taken_for_a_failure() -> None:
    with pytest.raises(KeyboardInterrupt):
        analyse_with((Exploding(KeyboardInterrupt()),), snapshot_of(DEFECT), options=AnalysisOptions())


def test_ruff_that_takes_too_long_is_stopped_and_the_others_stand() -> None:
    result = analyse_with((Ruff(time_limit_seconds=0), Bandit()), snapshot_of(DEFECT), options=AnalysisOptions())

    assert result.tools[0].error == "1 of 1 files not read to the end: an analyser ran out of time"
    assert sources_of(list(result.findings)) == {"bandit:B602"}


def test_rules_that_take_too_long_are_stopped_and_say_so() -> None:
    defect = changed("a.js", "if (x === NaN) {}\n")

    result = analyse_with((StructuralRules(cpu_seconds=-1),), snapshot_of(defect), options=AnalysisOptions())

    assert result.tools[0].error == "1 of 1 files not read to the end: an analyser ran out of time"


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "def f(x=[]):",
                "    return 1",
                "if (a === []) {",
                "}",
                "<<<<<<< a",
                "=======",
                ">>>>>>> b",
                "\t",
                "'",
                '"""',
                "AKIAQYLPMN5HFIQR7XYA",
            ]
        ),
        st.text(max_size=30).map(lambda text: text.replace("\n", " ")),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    before=LINES,
    after=LINES,
    name=st.sampled_from(["a.py", "b.js", "c.tsx", "d.go", "E.java", "f.rs", "g.c", "h.md", "i", "j.yaml"]),
)
def test_whatever_the_text_findings_stand_on_touched_lines_with_their_words(
    before: list[str], after: list[str], name: str
) -> None:
    file = changed(name, "\n".join(after) + "\n", before="\n".join(before) + "\n")

    result = review(file)

    assert [tool.error for tool in result.tools] == [None] * 7
    kept = after
    for finding in result.findings:
        assert 1 <= finding.line <= finding.end_line <= len(kept)


def test_the_text_of_a_finding_survives_being_stored() -> None:
    result = review(changed("src/\ud800.py", "def f(\ud800=[]):\n    return undefined_\ud800\n", language="python"))

    assert type(result).from_bytes(result.to_bytes()).number == 7


def test_one_file_with_many_syntax_errors_is_told_once() -> None:
    assert len(findings_in("src/a.py", "here we explain, in words\n" * 50)) == 1
