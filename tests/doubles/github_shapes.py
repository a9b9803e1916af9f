"""The JSON of the GitHub double, as GitHub's API shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.doubles.github_git import DiffFile
from tests.doubles.github_world import Account, Comment, Json, PullRequest, Repository, Review, iso, web


def repository_json(repository: Repository, api: str) -> Json:
    """Return a repository as `GET /repos/{owner}/{repo}` shows it."""
    name = repository.full_name
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": name,
        "private": repository.private,
        "owner": repository.owner.json(api),
        "html_url": f"{web(api)}/{name}",
        "description": None,
        "fork": False,
        "url": f"{api}/repos/{name}",
        "clone_url": f"{web(api)}/{name}.git",
        "default_branch": repository.default_branch,
        "archived": False,
        "disabled": False,
        "visibility": "private" if repository.private else "public",
        "permissions": {"admin": False, "push": True, "pull": True},
    }


def pull_json(repository: Repository, pull: PullRequest, api: str) -> Json:
    """Return a pull request as `GET /repos/{owner}/{repo}/pulls/{number}` shows it."""
    files = pull.files[pull.head_sha]
    address = f"{api}/repos/{repository.full_name}/pulls/{pull.number}"
    page = f"{web(api)}/{repository.full_name}/pull/{pull.number}"
    base_repository = repository_json(repository, api)
    head_repository = None
    if pull.head_repository:
        owner, name = pull.head_repository.split("/")
        fork = pull.head_repository != repository.full_name
        head_repository = {**base_repository, "name": name, "full_name": pull.head_repository, "fork": fork}
        head_repository["owner"] = {**base_repository["owner"], "login": owner}
    head_owner = pull.head_repository.split("/")[0] if pull.head_repository else "unknown"
    return {
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": pull.author.json(api),
        "body": pull.body,
        "draft": pull.draft,
        "merged": pull.merged,
        "merged_at": iso(time.time()) if pull.merged else None,
        "mergeable": True,
        "author_association": "CONTRIBUTOR",
        "created_at": iso(pull.opened_at),
        "updated_at": iso(pull.updated_at or time.time()),
        "closed_at": None,
        "labels": [],
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "url": address,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": f"{api}/repos/{repository.full_name}/issues/{pull.number}",
        "comments_url": f"{api}/repos/{repository.full_name}/issues/{pull.number}/comments",
        "review_comments_url": f"{address}/comments",
        "commits_url": f"{address}/commits",
        "head": {
            "label": f"{head_owner}:{pull.head_ref}",
            "ref": pull.head_ref,
            "sha": pull.head_sha,
            "user": pull.author.json(api),
            "repo": head_repository,
        },
        "base": {
            "label": f"{repository.owner.login}:{pull.base_ref}",
            "ref": pull.base_ref,
            "sha": pull.base_sha,
            "user": repository.owner.json(api),
            "repo": base_repository,
        },
        "commits": len(pull.commits),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files) if pull.counted_files is None else pull.counted_files,
        "comments": len(pull.issue_comments),
        "review_comments": sum(len(review.comments) for review in pull.reviews),
    }


def file_json(repository: Repository, file: DiffFile, head_sha: str, api: str) -> Json:
    """Return a changed file as `GET pulls/{number}/files` shows it; keys that GitHub omits are absent."""
    shown: Json = {
        "sha": file.sha,
        "filename": file.filename,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{web(api)}/{repository.full_name}/blob/{head_sha}/{file.filename}",
        "raw_url": f"{web(api)}/{repository.full_name}/raw/{head_sha}/{file.filename}",
        "contents_url": f"{api}/repos/{repository.full_name}/contents/{file.filename}?ref={head_sha}",
    }
    if file.patch is not None:
        shown["patch"] = file.patch
    if file.previous_filename is not None:
        shown["previous_filename"] = file.previous_filename
    return shown


def review_json(repository: Repository, pull: PullRequest, review: Review, api: str) -> Json:
    """Return a review as the reviews endpoints show it."""
    page = f"{web(api)}/{repository.full_name}/pull/{pull.number}#pullrequestreview-{review.id}"
    address = f"{api}/repos/{repository.full_name}/pulls/{pull.number}"
    shown: Json = {
        "id": review.id,
        "node_id": f"PRR_{review.id}",
        "user": review.user.json(api),
        "body": review.body,
        "state": review.state,
        "html_url": page,
        "pull_request_url": address,
        "author_association": "NONE",
        "_links": {"html": {"href": page}, "pull_request": {"href": address}},
        "commit_id": review.commit_id,
    }
    if review.state != "PENDING":
        shown["submitted_at"] = iso(review.submitted_at)
    return shown


def comment_json(repository: Repository, pull: PullRequest, comment: Comment, api: str) -> Json:
    """Return an inline comment as the review comment endpoints show it."""
    page = f"{web(api)}/{repository.full_name}/pull/{pull.number}#discussion_r{comment.id}"
    return {
        "id": comment.id,
        "node_id": f"PRRC_{comment.id}",
        "pull_request_review_id": comment.review_id,
        "url": f"{api}/repos/{repository.full_name}/pulls/comments/{comment.id}",
        "html_url": page,
        "pull_request_url": f"{api}/repos/{repository.full_name}/pulls/{pull.number}",
        "user": comment.user.json(api),
        "body": comment.body,
        "path": comment.path,
        "line": comment.line,
        "original_line": comment.line,
        "side": comment.side,
        "start_line": comment.start_line,
        "original_start_line": comment.start_line,
        "start_side": comment.start_side,
        "position": comment.position,
        "original_position": comment.position,
        "commit_id": comment.commit_id,
        "original_commit_id": comment.commit_id,
        "diff_hunk": comment.diff_hunk,
        "author_association": "NONE",
        "subject_type": "line",
        "created_at": iso(comment.created_at),
        "updated_at": iso(comment.created_at),
    }


def visible(reviews: list[Review], user: Account | None) -> Iterator[Review]:
    """Return the reviews a list shows now: replicas lag behind, and a pending review is its author's only."""
    now = time.time()
    return (r for r in reviews if r.visible_at <= now and (r.state != "PENDING" or r.user == user))
