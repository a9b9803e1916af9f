"""No part of a secret over four characters leaves a review, wherever it stands and however a text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen_platform.agents.claims import read_claims
from codegen_platform.agents.draft import DraftReview
from codegen_platform.agents.reviewer import verify
from codegen_platform.agents.validating import validate
from codegen_platform.analysis import without_secrets
from codegen_platform.artifacts import Category, PullRequestSnapshot, StaticFindings
from codegen_platform.changes.configuration import ReviewInstructions
from tests.unit.analysis.made_up import UPPER, made_up
from tests.unit.analysis.snapshots import changed, review, snapshot_of

PART = 5
MAKERS = {
    "aws": lambda seed: "AKIA" + made_up(16, UPPER, seed=seed),
    "github": lambda seed: "ghp_" + made_up(36, seed=seed),
    "github, longer than its rule knows": lambda seed: f"ghs_{made_up(36, seed=seed)}.{made_up(60, seed=seed + 1)}",
    "gitlab, longer than its rule knows": lambda seed: "glpat-" + made_up(45, seed=seed),
    "stripe": lambda seed: "sk_live_" + made_up(24, seed=seed),
    "teams": lambda seed: (
        f"https://acme.webhook.office.com/webhookb2/{uuid(seed)}@{uuid(seed + 1)}/IncomingWebhook/"
        f"{made_up(32, '0123456789abcdef', seed=seed)}/{uuid(seed + 2)}"
    ),
}


def uuid(seed: int) -> str:
    text = made_up(32, "0123456789abcdef", seed=seed)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def parts_left(secret: str, text: str, size: int = PART) -> list[str]:
    """Return the parts of the secret that stand in the text; what every secret of its kind begins with is none."""
    secret = secret.replace("IncomingWebhook", "")  # a word that the rule's own title has too
    head = next(
        (len(each) for each in ("AKIA", "https://acme.webhook.office.com/webhookb2/") if secret.startswith(each)), 8
    )
    return [secret[at : at + size] for at in range(head, len(secret) - size + 1) if secret[at : at + size] in text]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(MAKERS)),
    seed=st.integers(0, 10_000),
    column=st.one_of(st.integers(0, 30), st.integers(320, 410)),
    twice=st.booleans(),
    name=st.sampled_from(["src/a.py", "src/a.js", "conf/a.yaml", "docs/a.md"]),
)
def test_no_part_of_a_secret_stands_in_a_static_finding(
    kind: str, seed: int, column: int, twice: bool, name: str
) -> None:
    secret = MAKERS[kind](seed)
    again = f"def f(x=[], y='{secret}'): return eval('{secret}' + x)\n" if twice else ""
    text = f"# {'a ' * (column // 2)}\nx = '{' ' * column}{secret}'; y = undefined_name\u202e\n{again}"

    result = review(changed(name, text))

    assert any(finding.category is Category.SECRET for finding in result.findings)
    assert parts_left(secret, result.to_bytes().decode()) == []


def test_a_secret_that_crosses_the_cut_of_a_quote_is_masked_whole() -> None:
    secret = "ghp_" + made_up(36)

    (finding,) = [
        each
        for each in review(changed("a.txt", " " * 396 + secret + "\n")).findings
        if each.category is Category.SECRET
    ]

    assert finding.quote == " " * 396 + "••••••"


def test_a_secret_in_a_tools_own_words_is_masked_before_they_are_cut() -> None:
    token = "ghp_" + made_up(36)
    result = review(changed("a.py", f"t = '{token}'\nprint({'a' * 120}{token})\n"))

    assert any(finding.source == "ruff:F821" for finding in result.findings)
    assert parts_left(token, result.to_bytes().decode()) == []


def test_a_secret_in_a_line_of_context_is_masked_in_findings_around_it() -> None:
    token = "ghp_" + made_up(36)
    before = f"def f(\n    key='{token}',\n    x=1,\n):\n    return x\n"

    result = review(changed("a.py", before.replace("x=1", "x=[]"), before=before))

    assert [finding.source for finding in result.findings] == ["ruff:B006"]
    assert parts_left(token, result.to_bytes().decode()) == []


def test_a_secret_of_one_file_is_masked_in_findings_of_another() -> None:
    password = made_up(20)
    one = changed("src/a.py", f"url = 'postgres://app:{password}@db.acme.io/app'\n")
    other = changed("tests/test_a.py", f"assert f(x, '{password}') == 1, undefined_name\n")

    result = review(one, other)

    assert {finding.path for finding in result.findings} == {"src/a.py", "tests/test_a.py"}
    assert parts_left(password, result.to_bytes().decode()) == []


def test_a_file_with_more_secrets_than_can_be_masked_shows_nothing() -> None:
    keys = [f"ghp_{made_up(36, seed=seed)}" for seed in range(8_000)]
    text = "\n".join(f"k{number} = ['{key}', undefined_name]" for number, key in enumerate(keys)) + "\n"

    data = review(changed("src/a.py", text), changed("src/b.py", "def f(x=[]): ...\n")).to_bytes().decode()

    assert not any(key[8:20] in data for key in keys)
    assert "def f(x=[]): ..." in data


KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(made_up(64, seed=n) for n in range(12)) + "\nQmFz\nkw9Zp4==\n"
TEXT = f"import os\n\nKEY = '''{KEY}-----END RSA PRIVATE KEY-----'''\nurl = 'https://app:{made_up(20)}@db.acme.io/'\nrun(url)\n"


def shown() -> tuple[PullRequestSnapshot, PullRequestSnapshot]:
    """Return a change with secrets, as it is and as a model is shown it."""
    change = snapshot_of(changed("src/a.py", TEXT)).model_copy(update={"description": f"see {made_up(20)}"})
    return change, without_secrets(change)


def test_a_model_is_shown_no_secret_and_the_same_lines() -> None:
    change, masked = shown()
    data = masked.to_bytes().decode()

    assert parts_left(made_up(20), data) == []
    assert not any(line in data for line in KEY.split("\n") if len(line) > 4 and not line.startswith("-----"))
    for before, after in zip(change.files, masked.files, strict=True):
        assert (before.head_text or "").count("\n") == (after.head_text or "").count("\n")
        assert (before.patch or "").count("\n") == (after.patch or "").count("\n")


def test_a_secret_that_the_change_removes_is_not_shown_to_a_model() -> None:
    token = "ghp_" + made_up(36)

    masked = without_secrets(snapshot_of(changed("a.py", "t = read()\n", before=f"t = '{token}'\n")))

    assert "-t = '••••••'" in (masked.files[0].patch or "")


def test_a_secret_in_title_or_description_is_not_shown_to_a_model() -> None:
    token = "ghp_" + made_up(36)
    words = {
        "title": f"Use {token}",
        "description": f"It fails:\n\n    curl -u x:{token} https://a\n{KEY}-----END RSA PRIVATE KEY-----",
    }
    change = snapshot_of(changed("a.py", "x = 1\n")).model_copy(update=words)

    data = without_secrets(change).to_bytes().decode()

    assert parts_left(token, data) == []
    assert not any(line in data for line in KEY.split("\n") if len(line) > 4 and not line.startswith("-----"))


def test_a_change_without_secrets_is_shown_as_it_is() -> None:
    change = snapshot_of(changed("src/a.py", "x = 1\n"))

    assert without_secrets(change) is change


def claimed(**changes: object) -> DraftReview:
    values = {
        "path": "src/a.py",
        "line": 21,
        "quote": "url = 'https://app:••••••@db.acme.io/'",
        "title": "The password is in the address",
        "body": "Read it from the environment.",
        "category": "security",
        "severity": "high",
        "suggestion": "",
        **changes,
    }
    claims, _ = read_claims([values], is_partial=False)
    return DraftReview(
        task_id="t", repository="owner/name", number=7, head_sha="b" * 40, model="m", claims=tuple(claims)
    )


def static_of(change: PullRequestSnapshot) -> StaticFindings:
    return StaticFindings(
        repository=change.repository, number=change.number, head_sha=change.head_sha, findings=(), tools=()
    )


def test_a_claim_about_a_masked_line_stands_with_the_line_as_the_model_saw_it() -> None:
    change, masked = shown()

    result = verify(claimed(), change, static_of(change), instructions=ReviewInstructions(), shown=masked)

    (finding,) = result.findings
    assert finding.quote == "url = 'https://app:••••••@db.acme.io/'"
    assert parts_left(made_up(20), result.to_bytes().decode()) == []
    assert validate(result, change, head_sha=change.head_sha, shown=masked).failed_names == ()
    assert "quotes" in validate(result, change, head_sha=change.head_sha).failed_names


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({"suggestion": "url = 'https://app:••••••@db.acme.io/x'"}, [None]),
        ({"quote": f"url = 'https://app:{made_up(20)}@db.acme.io/'"}, []),
    ],
)
def test_dots_are_not_suggested_and_a_quote_of_the_secret_itself_proves_nothing(
    changes: dict[str, str], findings: list[None]
) -> None:
    change, masked = shown()

    result = verify(claimed(**changes), change, static_of(change), instructions=ReviewInstructions(), shown=masked)

    assert [finding.suggestion for finding in result.findings] == findings
