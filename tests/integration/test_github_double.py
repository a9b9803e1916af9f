"""The double is held against what GitHub was seen to answer, against git, and against PyGithub."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import github as pygithub
import httpx
import pytest

from tests.doubles.github import GitHubDouble, Symlink
from tests.doubles.github_git import DiffFile

OBSERVED = json.loads((Path(__file__).parents[1] / "data" / "github-422" / "observed_422_bodies.json").read_text())
REVIEWS = {entry["cause"]: entry for entry in OBSERVED if entry.get("endpoint", "").endswith("/reviews")}
LINES = [f"line {number}" for number in range(1, 61)]
BASE = "\n".join(LINES) + "\n"
HEAD = BASE.replace("line 10\n", "line 10\nnew 11\n").replace("line 50\n", "")


@pytest.fixture
def double() -> Iterator[GitHubDouble]:
    with GitHubDouble() as running:
        running.seed_pull_request(
            "octo",
            "shop",
            7,
            base_files={"a.py": BASE, "old.py": BASE, "logo.png": b"\x89PNG\0", "gone.py": "x\n"},
            head_files={"a.py": HEAD, "new.py": BASE + "end", "logo.png": b"\x89PNG\0\1", "link": Symlink("a.py")},
            title="Change the cart",
        )
        yield running


@pytest.fixture
def client(double: GitHubDouble) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=double.url, headers={"Authorization": "Bearer any"}) as made:
        yield made


def head_sha(double: GitHubDouble) -> str:
    return double.pull("octo", "shop", 7).head_sha


def post(client: httpx.Client, *comments: dict[str, Any], **fields: Any) -> httpx.Response:
    review = {"event": "COMMENT", "body": "hello", "comments": list(comments), **fields}
    return client.post("/repos/octo/shop/pulls/7/reviews", json=review)


def on(line: int, **fields: Any) -> dict[str, Any]:
    return {"path": "a.py", "line": line, "side": "RIGHT", "body": "here", **fields}


@pytest.mark.parametrize(
    ("cause", "comment"),
    [
        ("line outside every hunk", on(30)),
        ("multi-line range not inside one hunk", on(50, start_line=11, start_side="RIGHT")),
        ("start_line == line", on(11, start_line=11, start_side="RIGHT")),
        ("path not in the PR", on(1, path="elsewhere.py")),
    ],
)
def test_a_comment_is_refused_in_the_words_that_github_was_seen_to_use(
    client: httpx.Client, double: GitHubDouble, cause: str, comment: dict[str, Any]
) -> None:
    answer = post(client, on(11), comment)
    assert answer.status_code == REVIEWS[cause]["status"]
    assert answer.json()["message"] == REVIEWS[cause]["body"]["message"]
    assert answer.json()["errors"] == REVIEWS[cause]["body"]["errors"]
    assert double.reviews("octo", "shop", 7) == [], "whole review or nothing"


@pytest.mark.parametrize("line", [8, 9, 10, 11, 12, 13, 14, 48, 49, 50, 51, 52, 53])
def test_added_and_context_lines_of_the_head_take_a_comment(client: httpx.Client, line: int) -> None:
    assert post(client, on(line)).status_code == 200


@pytest.mark.parametrize("line", [1, 7, 15, 47, 54, 60, 61, 0, -1])
def test_lines_outside_of_the_hunks_do_not(client: httpx.Client, line: int) -> None:
    assert post(client, on(line)).status_code == 422


def test_a_removed_line_takes_a_comment_on_the_left_side_only(client: httpx.Client) -> None:
    assert post(client, on(50, side="LEFT")).status_code == 200
    assert post(client, on(30, side="LEFT")).status_code == 422


def test_a_binary_file_takes_no_comment(client: httpx.Client) -> None:
    assert post(client, on(1, path="logo.png")).status_code == 422


def test_bodies_over_65536_characters_are_refused(client: httpx.Client) -> None:
    assert post(client, body="x" * 65_536).status_code == 200
    assert "65536" in post(client, body="x" * 65_537).json()["errors"][0]
    assert post(client, on(11, body="x" * 65_537)).status_code == 422


def test_a_review_without_event_is_pending_and_only_its_author_sees_it(client: httpx.Client) -> None:
    assert post(client, event=None).json()["state"] == "PENDING"
    assert len(client.get("/repos/octo/shop/pulls/7/reviews").json()) == 1
    other = client.get("/repos/octo/shop/pulls/7/reviews", headers={"Authorization": ""})
    assert other.json() == []
    assert "one pending review" in post(client, event=None).json()["errors"][0]


def test_a_commit_that_is_not_of_the_pull_request_is_refused_and_an_older_head_is_not(
    client: httpx.Client, double: GitHubDouble
) -> None:
    older = head_sha(double)
    double.push("octo", "shop", 7, {"a.py": BASE})
    assert post(client, on(11), commit_id=older).status_code == 200
    answer = post(client, commit_id="f" * 40)
    assert (answer.status_code, answer.json()["errors"]) == (422, ["The commitOID is not part of the pull request"])


def test_writing_needs_a_token_and_an_installation_needs_the_permission(
    client: httpx.Client, double: GitHubDouble
) -> None:
    anonymous = httpx.post(f"{double.url}/repos/octo/shop/pulls/7/reviews", json={"event": "COMMENT", "body": "x"})
    assert anonymous.status_code == 401
    token = double.identities.mint({"permissions": {"pull_requests": "read"}})["token"]
    refused = post(httpx.Client(base_url=double.url, headers={"Authorization": f"Bearer {token}"}))
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    elsewhere = double.identities.mint({"permissions": {"pull_requests": "write"}, "repositories": ["other"]})["token"]
    assert post(httpx.Client(base_url=double.url, headers={"Authorization": f"Bearer {elsewhere}"})).status_code == 403


def test_files_are_shaped_as_githubs(client: httpx.Client) -> None:
    files = {file["filename"]: file for file in client.get("/repos/octo/shop/pulls/7/files").json()}
    assert {name: file["status"] for name, file in files.items()} == {
        "a.py": "modified",
        "gone.py": "removed",
        "link": "added",
        "logo.png": "modified",
        "new.py": "renamed",
    }
    assert files["new.py"]["previous_filename"] == "old.py"
    assert files["new.py"]["patch"].endswith("\n+end\n\\ No newline at end of file")
    assert "patch" not in files["logo.png"]
    assert (files["a.py"]["additions"], files["a.py"]["deletions"], files["a.py"]["changes"]) == (1, 1, 2)
    assert files["a.py"]["patch"].startswith("@@ -8,6 +8,7 @@ line 7\n line 8\n")


def test_a_repository_on_disk_keeps_its_commit_ids_and_its_hunks(double: GitHubDouble, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        done = subprocess.run(
            ["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    git("init", "--quiet")
    for number, text in enumerate([BASE, HEAD]):
        (tmp_path / "a.py").write_text(text)
        git("add", "a.py")
        git("commit", "--quiet", "-m", str(number))
    pull = double.seed_from_git("octo", "disk", 1, source=tmp_path, base="HEAD~1", head="HEAD")
    assert pull.head_sha == git("rev-parse", "HEAD").strip()
    (file,) = pull.files[pull.head_sha]
    assert file.patch == git("diff", "HEAD~1", "HEAD").partition("\n@@")[2].join(["@@", ""]).rstrip("\n")


def test_lists_are_paged_with_the_link_header_that_pygithub_follows(double: GitHubDouble) -> None:
    many = {f"f{number:04}.txt": f"{number}\n" for number in range(3_050)}
    double.seed_pull_request("octo", "big", 1, base_files={"x": "y"}, head_files={"x": "y", **many})
    client = pygithub.Github(auth=pygithub.Auth.Token("any"), base_url=double.url, per_page=100)
    pull = client.get_repo("octo/big").get_pull(1)
    assert pull.changed_files == 3_050
    assert sum(1 for _ in pull.get_files()) == 3_000
    assert double.counts()["GET /repos/{owner}/{repo}/pulls/{number}/files"] == 30


def test_pygithub_posts_and_reads_a_review(double: GitHubDouble) -> None:
    client = pygithub.Github(auth=pygithub.Auth.Token("any"), base_url=double.url)
    pull = client.get_repo("octo/shop").get_pull(7)
    commit = client.get_repo("octo/shop").get_commit(pull.head.sha)
    review = pull.create_review(commit, "body", "COMMENT", [{"path": "a.py", "line": 11, "side": "RIGHT", "body": "x"}])
    (comment,) = pull.get_single_review_comments(review.id)
    assert (comment.path, comment.diff_hunk.splitlines()[-1]) == ("a.py", "+new 11")
    assert [r.id for r in pull.get_reviews()] == [review.id]


def test_graphql_gives_texts_under_aliases_and_says_what_it_cut(client: httpx.Client, double: GitHubDouble) -> None:
    big = "x" * 600_000
    sha = double.push("octo", "shop", 7, {"a.py": HEAD, "big.txt": big, "b.bin": b"\0"})
    wanted = "{ ... on Blob { text byteSize isBinary isTruncated oid } }"
    fields = " ".join(
        f'f{index}: object(expression: "{sha}:{path}") {wanted}'
        for index, path in enumerate(["a.py", "big.txt", "b.bin", "none"])
    )
    answer = client.post("/graphql", json={"query": f'{{ repository(owner: "octo", name: "shop") {{ {fields} }} }}'})
    found = answer.json()["data"]["repository"]
    assert found["f0"]["text"] == HEAD
    assert (len(found["f1"]["text"]), found["f1"]["isTruncated"], found["f1"]["byteSize"]) == (512_000, True, 600_000)
    assert (found["f2"]["text"], found["f2"]["isBinary"]) == (None, True)
    assert found["f3"] is None
    assert httpx.post(f"{double.url}/graphql", json={"query": "{ viewer { login } }"}).status_code == 401


def test_contents_and_blobs_are_read_by_commit(client: httpx.Client, double: GitHubDouble) -> None:
    sha = head_sha(double)
    raw = client.get(f"/repos/octo/shop/contents/a.py?ref={sha}", headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.text == HEAD
    shown = client.get(f"/repos/octo/shop/contents/link?ref={sha}").json()
    assert (shown["type"], shown["target"]) == ("symlink", "a.py")
    names = [item["name"] for item in client.get(f"/repos/octo/shop/contents?ref={sha}").json()]
    assert names == ["a.py", "link", "logo.png", "new.py"]
    assert client.get("/repos/octo/shop/contents/gone.py", params={"ref": sha}).status_code == 404
    assert client.get("/repos/octo/shop/git/blobs/" + "0" * 40).status_code == 404


def test_a_new_review_is_not_listed_before_the_replicas_caught_up(client: httpx.Client, double: GitHubDouble) -> None:
    double.world.read_lag_seconds = 0.3
    post(client)
    assert client.get("/repos/octo/shop/pulls/7/reviews").json() == []
    time.sleep(0.35)
    assert len(client.get("/repos/octo/shop/pulls/7/reviews").json()) == 1


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_lost_answer_tells_nothing_about_the_effect(
    client: httpx.Client, double: GitHubDouble, after_effect: bool
) -> None:
    double.fault("POST /repos/*/reviews", status=502, after_effect=after_effect)
    assert post(client).status_code == 502
    assert len(double.reviews("octo", "shop", 7)) == int(after_effect)


@pytest.mark.parametrize("kind", ["reset", "drop", "truncate"])
def test_a_broken_connection_is_broken(client: httpx.Client, double: GitHubDouble, kind: str) -> None:
    double.fault("GET /user", kind=kind)
    with pytest.raises(httpx.TransportError):
        client.get("/user")
    assert client.get("/user").json()["login"] == "codegen-bot"


def test_a_request_whose_client_left_is_carried_out(client: httpx.Client, double: GitHubDouble) -> None:
    double.latency_seconds = 0.3
    with pytest.raises(httpx.ReadTimeout):
        client.post("/repos/octo/shop/pulls/7/reviews", json={"event": "COMMENT", "body": "x"}, timeout=0.1)
    assert double.reviews("octo", "shop", 7) == []
    time.sleep(0.4)
    assert len(double.reviews("octo", "shop", 7)) == 1


def test_half_a_request_has_no_effect(double: GitHubDouble) -> None:
    address = urlsplit(double.url)
    with socket.create_connection((address.hostname, address.port)) as half:
        half.sendall(
            b"POST /repos/octo/shop/pulls/7/reviews HTTP/1.1\r\nAuthorization: Bearer any\r\nContent-Length: 99\r\n\r\n{"
        )
        half.shutdown(socket.SHUT_WR)
        assert half.recv(100) == b""
    assert double.reviews("octo", "shop", 7) == []


def test_a_rate_limit_counts_who_does_not_wait(client: httpx.Client, double: GitHubDouble) -> None:
    double.limit(1.0)
    first = client.get("/user")
    assert (first.status_code, first.headers["Retry-After"]) == (403, "1")
    assert client.get("/user").status_code == 403
    assert double.faults.too_early == 1
    time.sleep(1.05)
    assert client.get("/user").status_code == 200


def test_an_enterprise_prefix_answers_too(double: GitHubDouble) -> None:
    client = pygithub.Github(auth=pygithub.Auth.Token("any"), base_url=f"{double.url}/api/v3")
    assert client.get_repo("octo/shop").get_pull(7).title == "Change the cart"


def test_a_bare_diff_becomes_a_pull_request_with_the_same_hunks(double: GitHubDouble) -> None:
    original = double.pull("octo", "shop", 7)
    git = double.world.repository("octo", "shop").git
    copy = double.seed_from_diff("octo", "copy", 1, git.diff_text(original.merge_base, original.head_sha).decode())
    assert changed_lines(copy.files[copy.head_sha]) == changed_lines(original.files[original.head_sha])


def changed_lines(files: Sequence[DiffFile]) -> list[str]:
    """The lines of a.py's hunks with their numbers; what git prints behind `@@` is the line above, which a bare diff does not have."""
    (patch,) = [file.patch for file in files if file.filename == "a.py"]
    assert patch is not None
    return [line.rpartition("@@")[0] if line.startswith("@@") else line for line in patch.splitlines()]
