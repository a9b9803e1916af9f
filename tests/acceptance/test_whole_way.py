"""From a signed delivery to a posted review, through every process, seen from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import boto3

from tests.acceptance.conftest import BUCKET, CHECKOUT, RunningPlatform, eventually

BASE = "def pick(items, wanted):\n    for item in items:\n        if item == wanted:\n            return item\n    return None\n"
HEAD = (
    "def pick(items, wanted, seen=[]):\n    for item in items:\n        if item == wanted:\n"
    "            seen.append(item)\n            return item\n    return None\n"
)
ASSETS = ("pull_request_snapshot", "static_findings", "code_review", "published_review")
PARTITIONS = """
query($key: AssetKeyInput!, $partition: String!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode {
    dependencyKeys { path }
    assetMaterializations(partitions: [$partition], limit: 5) { runId metadataEntries { label } }
  } }
}
"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status jobName } } }"


def seed(platform: RunningPlatform, repository: str, number: int, head: str = HEAD) -> None:
    platform.github.seed_pull_request(
        "octo", repository, number, base_files={"pick.py": BASE}, head_files={"pick.py": head}
    )


def test_the_example_is_reviewed_and_its_known_defects_are_found(platform: RunningPlatform) -> None:
    expected = json.loads((CHECKOUT / "examples" / "review" / "expected.json").read_text())["defects"]
    found = {(finding["path"], finding["line"]) for finding in platform.first_review["findings"]}
    assert {(defect["path"], defect["line"]) for defect in expected} <= found
    assert platform.first_review["outcome"] == "reviewed"


def test_a_signed_delivery_becomes_one_review_on_the_head_commit(platform: RunningPlatform) -> None:
    seed(platform, "shop", 7)
    assert platform.deliver("octo", "shop", 7) == 202
    (review,) = eventually(lambda: platform.github.reviews("octo", "shop", 7))
    head = platform.github.pull("octo", "shop", 7).head_sha
    assert (review.commit_id, review.state) == (head, "COMMENTED")
    assert [(comment.path, comment.line) for comment in review.comments] == [("pick.py", 1)]


def test_its_assets_and_run_are_seen_in_dagster_with_lineage_and_partition(platform: RunningPlatform) -> None:
    seed(platform, "seen", 3)
    platform.deliver("octo", "seen", 3)
    eventually(lambda: platform.github.reviews("octo", "seen", 3))

    def node(asset: str) -> dict[str, object]:
        answer = platform.graphql(PARTITIONS, key={"path": [asset]}, partition="octo.seen.3")
        return dict(answer["assetNodeOrError"])

    published = eventually(lambda: node("published_review")["assetMaterializations"])
    nodes = {asset: node(asset) for asset in ASSETS}
    assert {len(found["assetMaterializations"]) for found in nodes.values()} == {1}
    upstream = {name: sorted(key["path"][-1] for key in found["dependencyKeys"]) for name, found in nodes.items()}
    assert upstream == {
        "pull_request_snapshot": [],
        "static_findings": ["pull_request_snapshot"],
        "code_review": ["pull_request_snapshot", "static_findings"],
        "published_review": ["code_review", "pull_request_snapshot"],
    }
    run_id = published[0]["runId"]
    run = eventually(lambda: [r for r in [platform.graphql(RUN, id=run_id)["runOrError"]] if r["status"] == "SUCCESS"])
    assert run[0]["jobName"] == "review_pull_request"


def test_the_documents_are_in_s3_as_latest_and_under_the_head_commit(platform: RunningPlatform) -> None:
    seed(platform, "stored", 4)
    platform.deliver("octo", "stored", 4)
    eventually(lambda: platform.github.reviews("octo", "stored", 4))
    head = platform.github.pull("octo", "stored", 4).head_sha
    s3 = boto3.client(
        "s3",
        endpoint_url=platform.s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for name in ("latest", head):
        stored = s3.get_object(Bucket=BUCKET, Key=f"platform/assets/code_review/octo.stored.4/{name}.json")
        assert json.load(stored["Body"])["schema"] == "code_review/v1"


def test_the_same_delivery_five_times_is_one_review_and_one_model_call(platform: RunningPlatform) -> None:
    seed(platform, "again", 5)
    before = len(platform.model.requests)
    for copy in range(5):
        assert platform.deliver("octo", "again", 5, guid=f"again-{copy}") == 202
    eventually(lambda: platform.github.reviews("octo", "again", 5))
    seed(platform, "after", 6)  # whatever the copies started has had its turn once a later one is through
    platform.deliver("octo", "after", 6)
    eventually(lambda: platform.github.reviews("octo", "after", 6))
    assert len(platform.github.reviews("octo", "again", 5)) == 1
    assert len(platform.model.requests) - before == 2


def test_a_push_while_the_review_runs_supersedes_it_and_nothing_stale_is_posted(platform: RunningPlatform) -> None:
    seed(platform, "moving", 8)
    platform.model.latency_seconds = 3.0
    try:
        before = len(platform.model.requests)
        platform.deliver("octo", "moving", 8)
        eventually(lambda: len(platform.model.requests) > before)
        head = platform.github.push("octo", "moving", 8, {"pick.py": HEAD.replace("seen=[]", "found=[]")})
        platform.deliver("octo", "moving", 8, "synchronize")
        eventually(lambda: platform.github.reviews("octo", "moving", 8))
    finally:
        platform.model.latency_seconds = 0.0
    assert [review.commit_id for review in platform.github.reviews("octo", "moving", 8)] == [head]


def test_killed_workers_lose_no_review(platform: RunningPlatform) -> None:
    seed(platform, "killed", 9)
    platform.model.latency_seconds = 3.0
    try:
        before = len(platform.model.requests)
        platform.deliver("octo", "killed", 9)
        eventually(lambda: len(platform.model.requests) > before)
        for pid in worker_pids(platform):
            os.kill(pid, signal.SIGKILL)
        (review,) = eventually(lambda: platform.github.reviews("octo", "killed", 9))
    finally:
        platform.model.latency_seconds = 0.0
    assert review.commit_id == platform.github.pull("octo", "killed", 9).head_sha


def worker_pids(platform: RunningPlatform) -> list[int]:
    """Return the process ids of this platform's run workers, parent and children."""
    parent = json.loads((platform.home / "run" / "platform.json").read_text())["pids"]["workers"]
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [parent, *map(int, children.stdout.split())]
