"""What of a change fits: the riskiest code first, cut at hunk borders, everything left out with a reason."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.artifacts import ChangedFile
from codegen_platform.changes.budget import FILE_OVERHEAD_TOKENS, estimate_tokens, fit
from codegen_platform.changes.diffs import count_changes, parse_hunks
from codegen_platform.changes.languages import is_generated, language_of


def added(path: str, lines: int, *, text: str = "value = compute(value)", start: int = 1) -> ChangedFile:
    patch = f"@@ -0,0 +{start},{lines} @@\n" + "\n".join(f"+{text} {n}" for n in range(lines))
    return ChangedFile(
        path=path,
        status="added",
        language=language_of(path),
        is_generated=is_generated(path),
        additions=lines,
        patch=patch,
    )


def with_hunks(path: str, count: int, lines: int = 5) -> ChangedFile:
    parts = []
    for n in range(count):
        at = 100 * n + 1
        body = "\n".join(f"+added {n} {k}" for k in range(lines))
        parts.append(f"@@ -{at},1 +{at + n * lines},{lines + 1} @@\n context\n{body}")
    return ChangedFile(path=path, status="modified", language=language_of(path), patch="\n".join(parts))


def reasons(fitted) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in fitted.skipped}


def test_everything_fits_a_large_budget():
    files = [added("a.py", 5), added("b.md", 5), with_hunks("c.go", 3)]
    fitted = fit(files, 10_000)
    assert {chosen.file.path for chosen in fitted.chosen} == {"a.py", "b.md", "c.go"}
    assert all(chosen.cut is None for chosen in fitted.chosen)
    assert fitted.skipped == ()
    by_path = {chosen.file.path: chosen for chosen in fitted.chosen}
    assert parse_hunks(by_path["c.go"].patch) == parse_hunks(files[2].patch)


def test_code_comes_before_tests_data_and_prose_and_risk_before_size():
    files = [
        added("README.md", 90),
        added("data/table.json", 90),
        added("tests/test_app.py", 90),
        added("app/big.py", 50),
        added("app/small.py", 3),
        added("app/login.py", 3),
    ]
    chosen = fit(files, 100_000).chosen
    assert [item.file.path for item in chosen] == [
        "app/login.py",
        "app/big.py",
        "app/small.py",
        "tests/test_app.py",
        "data/table.json",
        "README.md",
    ]


def test_a_workflow_file_is_not_mere_data():
    files = [added("src/a.py", 5), added(".github/workflows/ci.yml", 5), added("config.yml", 5)]
    assert fit(files, 10_000).chosen[0].file.path == ".github/workflows/ci.yml"


def test_prose_is_left_out_before_code():
    fitted = fit([added("docs/a.md", 40), added("src/a.py", 40)], 700)
    assert fitted.chosen[0].file.path == "src/a.py"
    assert fitted.chosen[0].cut is None


def test_a_large_file_is_cut_and_does_not_shut_out_the_others():
    files = [with_hunks("src/huge.py", 200), *(added(f"src/small{n}.py", 3) for n in range(5))]
    fitted = fit(files, 3_000)
    by_path = {item.file.path: item for item in fitted.chosen}
    assert len(by_path) == 6
    assert by_path["src/huge.py"].cut == "over_token_budget"
    assert 0 < by_path["src/huge.py"].lines < by_path["src/huge.py"].lines_total


def test_what_others_leave_over_is_used():
    alone = fit([with_hunks("src/huge.py", 200)], 3_000)
    assert alone.tokens > 2_500


def test_a_file_is_cut_between_hunks():
    file = with_hunks("src/a.py", 50)
    (chosen,) = fit([file], 1_000).chosen
    assert set(parse_hunks(chosen.patch)) <= set(parse_hunks(file.patch))


def test_a_hunk_larger_than_everything_is_begun_with_counts_of_its_own():
    (chosen,) = fit([added("src/new.py", 2_000)], 1_000).chosen
    (hunk,) = parse_hunks(chosen.patch)
    assert 10 < hunk.new_lines == len(hunk.lines) < 2_000
    assert hunk.new_start == 1
    assert chosen.cut == "over_token_budget"


def test_nothing_is_left_out_without_a_reason():
    files = [
        added("package-lock.json", 5),
        ChangedFile(path="logo.png", status="added", is_binary=True, unread_reason="binary"),
        ChangedFile(path="moved.py", status="renamed", previous_path="old.py", unread_reason="no_text_change"),
        ChangedFile(path="dump.sql", status="added", unread_reason="too_large"),
        ChangedFile(path="odd.py", status="modified", patch="nonsense"),
        added("a.py", 400),
        added("z.py", 400),
    ]
    fitted = fit(files, 60)
    assert reasons(fitted) == {
        "package-lock.json": "generated",
        "logo.png": "media",
        "moved.py": "no_text_change",
        "dump.sql": "too_large",
        "odd.py": "unreadable_diff",
        "a.py": "over_token_budget",
        "z.py": "over_token_budget",
    }


def test_a_file_that_could_not_be_read_is_still_reviewed_by_its_hunks():
    file = added("a.py", 3).model_copy(update={"unread_reason": "too_large"})
    assert len(fit([file], 1_000).chosen) == 1


def test_tokens_are_rather_over_than_underestimated():
    # Counted by hand with a public tokenizer's rules of thumb: 4 ASCII characters of prose or 1 character of Chinese are a token.
    assert estimate_tokens("a" * 400) >= 100
    assert estimate_tokens("字" * 100) >= 100
    assert estimate_tokens("") == 0
    assert estimate_tokens("\ud800") > 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(1, 30), st.sampled_from(["py", "md", "json", "lock"])), max_size=12
    ),
    st.integers(0, 4_000),
)
def test_the_budget_is_kept_and_every_file_is_chosen_or_skipped(shapes, budget):
    files = [with_hunks(f"f{index}.{kind}", hunks, lines) for index, (hunks, lines, kind) in enumerate(shapes)]
    fitted = fit(files, budget)
    assert fitted.tokens <= max(budget, 0)
    chosen = [item.file.path for item in fitted.chosen]
    assert sorted([*chosen, *(item.path for item in fitted.skipped)]) == sorted(file.path for file in files)
    for item in fitted.chosen:
        assert sum(count_changes(item.patch)) == item.lines
        assert (item.cut is None) == (item.lines == item.lines_total)
        assert estimate_tokens(item.patch) + FILE_OVERHEAD_TOKENS <= item.tokens
