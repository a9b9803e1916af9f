"""Only what the change does is reported, where a forge accepts a comment, once, in a stable order."""

from __future__ import annotations

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.artifacts import FileStatus, Severity
from codegen_platform.changes.languages import ANALYSED
from tests.unit.analysis.snapshots import changed, findings_in, review, sources_of

BAD = "def f(x=[]):\n    return x\n"
FILLER = "".join(f"value_{n} = {n}\n" for n in range(30))


def test_a_defect_on_an_added_line_is_found_where_it_stands() -> None:
    (finding,) = findings_in("src/a.py", FILLER + BAD, before=FILLER)

    assert (finding.path, finding.line, finding.end_line) == ("src/a.py", 31, 31)
    assert finding.quote == "def f(x=[]):"
    assert finding.source == "ruff:B006"


def test_a_defect_on_an_untouched_line_is_not_the_changes_doing() -> None:
    assert findings_in("src/a.py", BAD + FILLER + "last = 1\n", before=BAD + FILLER) == []


def test_a_defect_on_a_context_line_is_not_the_changes_doing_either() -> None:
    assert findings_in("src/a.py", BAD + "last = 1\n", before=BAD) == []


def test_a_line_that_is_only_indented_carries_no_new_finding() -> None:
    before = "def f(db, n):\n    db.execute(f\"SELECT a FROM b WHERE n = '{n}'\")\n"
    after = "def f(db, n):\n    if n:\n        db.execute(f\"SELECT a FROM b WHERE n = '{n}'\")\n"

    assert findings_in("src/a.py", after, before=before) == []


def test_a_line_that_is_only_moved_carries_no_new_finding() -> None:
    assert findings_in("src/a.py", FILLER + BAD, before=BAD + FILLER) == []


def test_a_line_that_gets_a_defect_while_it_moves_is_found() -> None:
    before = "def f(x=None):\n    return x\n" + FILLER

    assert sources_of(findings_in("src/a.py", FILLER + BAD, before=before)) == {"ruff:B006"}


def test_a_long_block_is_not_blamed_on_an_edit_in_its_middle() -> None:
    body = "".join(f"    db.note({n})\n" for n in range(20))
    before = f"class A:\n  @Override\n  public boolean equals(Object other) {{\n{body}  }}\n}}\n"
    after = before.replace("note(10)", "note(11)")

    assert findings_in("A.java", after, before=before) == []


def test_a_finding_on_many_lines_is_cut_to_its_first_ten() -> None:
    rows = "".join(f"    {n}," + "\n" for n in range(30))
    text = f"grid = [[\n{rows}]] * 3\n"

    (finding,) = findings_in("src/a.py", text)

    assert (finding.line, finding.end_line) == (1, 10)
    assert finding.quote == "\n".join(text.split("\n")[:10])


def test_a_finding_that_begins_above_the_hunk_stands_on_the_lines_that_the_hunk_shows() -> None:
    before = "grid = [[\n" + "".join(f"    {n}," + "\n" for n in range(7)) + "]]\n"

    (finding,) = findings_in("src/a.py", before.replace("]]\n", "]] * 3\n"), before=before)

    assert (finding.line, finding.end_line) == (6, 9)


def test_two_tools_that_see_the_same_problem_tell_it_once() -> None:
    text = "import subprocess\n\n\ndef f(name):\n    subprocess.run(['tar', name], shell=True)\n"

    findings = findings_in("src/a.py", text)

    assert len(findings) == 1
    assert findings[0].severity is Severity.HIGH


def test_the_same_words_about_neighbouring_lines_are_told_once_for_both() -> None:
    (finding,) = findings_in(
        "src/a.py",
        "def f(context):\n    context.check_hostname = False\n    context.verify_mode = ssl.CERT_NONE\n\n\nimport ssl\n",
    )

    assert (finding.line, finding.end_line) == (2, 3)


def test_of_many_neighbouring_lines_none_is_lost() -> None:
    findings = findings_in("src/a.py", "def f(x):\n" + "    not x\n" * 25)

    assert [(finding.line, finding.end_line) for finding in findings] == [(2, 11), (12, 21), (22, 26)]


def test_the_most_severe_comes_first_and_the_order_never_changes() -> None:
    files = [
        changed("src/b.py", "try:\n    pass\nexcept:\n    print()\n" + BAD),
        changed("src/a.py", "def g():\n    return missing\n\n\n" + BAD),
    ]

    one, other = review(*files), review(*reversed(files))

    assert one.findings == other.findings
    assert [(f.severity, f.path) for f in one.findings] == [
        (Severity.HIGH, "src/a.py"),
        (Severity.MEDIUM, "src/a.py"),
        (Severity.MEDIUM, "src/b.py"),
        (Severity.LOW, "src/b.py"),
    ]


def test_a_safe_correction_is_offered_for_exactly_the_lines_of_the_finding() -> None:
    (finding,) = findings_in("src/a.py", "def f(x):\n    if x is 'a':\n        return 1\n")

    assert finding.suggestion == "    if x == 'a':"
    assert (finding.line, finding.end_line) == (2, 2)


def test_lines_that_end_in_cr_lf_are_counted_and_quoted_like_others() -> None:
    text = (FILLER + BAD).replace("\n", "\r\n")

    (finding,) = findings_in("src/a.py", text)

    assert (finding.line, finding.quote) == (31, "def f(x=[]):")


def test_a_lone_carriage_return_does_not_shift_the_lines() -> None:
    text = "# one\r still the first line\ndef f(x=[]):\n    return x\n"

    (finding,) = findings_in("src/a.py", text)

    assert finding.line == 2


def test_files_that_are_not_read_are_listed_with_the_reason() -> None:
    result = review(
        changed("yarn.lock", "a\n", is_generated=True),
        changed("logo.png", "", is_binary=True, head_text=None, unread_reason="binary"),
        changed("docs/a.py", BAD),
        changed("src/huge.py", BAD, head_text=None, unread_reason="too_large"),
        changed("src/gone.py", "", status=FileStatus.REMOVED, head_text=None),
        changed("src/min.js", "x" * 30_000 + "\n"),
        options=AnalysisOptions(ignore=("docs/**",)),
    )

    assert {each.path: each.reason for each in result.skipped} == {
        "yarn.lock": "generated",
        "logo.png": "media",
        "src/gone.py": "removed",
        "docs/a.py": "ignored",
        "src/huge.py": "too_large",
        "src/min.js": "minified",
    }
    assert result.findings == ()


def test_hunks_that_are_not_of_the_text_are_refused() -> None:
    file = changed("src/a.py", BAD)
    other = file.model_copy(update={"head_text": "something = 'else'\n" * 3})

    result = review(other)

    assert [each.reason for each in result.skipped] == ["patch_differs_from_text"]
    assert result.findings == ()


def test_without_advanced_analysis_bandit_and_the_rules_do_not_run() -> None:
    result = review(changed("src/a.js", "if (x === NaN) {}\n"), options=AnalysisOptions(advanced=False))

    assert {tool.name for tool in result.tools} == {
        "secrets",
        "hidden-characters",
        "conflict-markers",
        "syntax",
        "ruff",
    }
    assert result.findings == ()


def test_without_other_languages_only_python_is_parsed_and_secrets_are_still_found() -> None:
    js = "if (x === NaN) {}\nconst key = 'AKIA" + "QYLPMN5HFIQR7XYA';\n"

    result = review(changed("src/a.js", js), changed("src/b.py", BAD), options=AnalysisOptions(multi_language=False))

    assert sources_of(list(result.findings)) == {"secrets:aws-access-token", "ruff:B006"}


def test_every_tool_reports_what_it_read_and_found() -> None:
    result = review(changed("src/a.py", BAD), changed("src/b.go", "package b\n"))

    reports = {tool.name: tool for tool in result.tools}
    assert (reports["ruff"].files, reports["ruff"].findings, reports["ruff"].error) == (1, 1, None)
    assert reports["secrets"].files == 2
    assert reports["rules"].files == 2
    assert all(tool.version for tool in result.tools)


def test_security_rules_leave_test_code_alone() -> None:
    text = "import requests\n\nrequests.get('https://a.example', verify=False)\n"

    assert sources_of(findings_in("src/a.py", text)) == {"bandit:B113", "bandit:B501"}
    assert findings_in("tests/test_a.py", text) == []


def test_input_for_tests_is_not_read_as_code() -> None:
    assert findings_in("tests/data/cases/odd.py", "print(undefined)\n") == []


def test_the_languages_that_count_as_analysed_are_those_of_the_analysers() -> None:
    analysers = analysers_for(AnalysisOptions())
    assert {language for analyser in analysers for language in analyser.languages or ()} == ANALYSED
