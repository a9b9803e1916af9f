"""The endpoints of the GitHub double about pull requests, reviews and comments."""

from __future__ import annotations

import time
from typing import Any

from tests.doubles.github_api import FILES_MAX, Answer, Api, Refused, Request, page, route
from tests.doubles.github_app import APP_ID, APP_SLUG
from tests.doubles.github_contents import commit_json
from tests.doubles.github_review_rules import refusals_of_review
from tests.doubles.github_shapes import comment_json, file_json, pull_json, review_json, visible
from tests.doubles.github_world import Comment, Json, Repository, iso, web


def _writer(request: Request, repository: Repository, permission: str) -> Any:
    caller = request.caller
    if caller.account is None:
        raise Refused(401, "Requires authentication")
    if not caller.may(permission, "write", repository.name):
        raise Refused(403, "Resource not accessible by integration")
    return caller.account


@route("GET", "/repos/{owner}/{repo}/pulls")
def pulls(api: Api, request: Request, owner: str, repo: str) -> Answer:
    found = api.find(owner, repo)
    state = request.query.get("state", "open")
    shown = [pull for pull in reversed(found.pulls.values()) if state in ("all", pull.state)]
    return page(request, shown, lambda pull: pull_json(found, pull, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}")
def pull(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    if "application/vnd.github.diff" in request.headers.get("Accept", ""):
        return Answer(200, found.git.diff_text(shown.merge_base, shown.head_sha))
    return Answer(200, pull_json(found, shown, request.api))


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/files")
def pull_files(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    files = shown.files[shown.head_sha][:FILES_MAX]
    return page(request, files, lambda file: file_json(found, file, shown.head_sha, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/commits")
def pull_commits(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    commits = found.git.commits_between(shown.merge_base, shown.head_sha)
    return page(request, commits, lambda pair: commit_json(found, pair[0], pair[1], request.api), repository=found)


@route("POST", "/repos/{owner}/{repo}/pulls/{number}/reviews")
def create_review(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    author = _writer(request, found, "pull_requests")
    commit_id = request.body.get("commit_id") or shown.head_sha
    known = commit_id in shown.commits
    files = api.world.files_at(found, shown, commit_id) if known else ()
    pending = any(review.state == "PENDING" and review.user == author for review in shown.reviews)
    errors = refusals_of_review(request.body, files, commit_is_known=known, has_pending=pending)
    if errors:
        raise Refused(422, "Unprocessable Entity", errors)
    review = api.world.add_review(found, shown, author, request.body)
    return Answer(200, review_json(found, shown, review, request.api))


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/reviews")
def reviews(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    seen = list(visible(shown.reviews, request.caller.account))
    return page(request, seen, lambda review: review_json(found, shown, review, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}")
def one_review(api: Api, request: Request, owner: str, repo: str, number: str, review_id: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    for review in shown.reviews:
        if str(review.id) == review_id:
            return Answer(200, review_json(found, shown, review, request.api))
    raise Refused(404, "Not Found")


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}/comments")
def review_comments(api: Api, request: Request, owner: str, repo: str, number: str, review_id: str) -> Answer:
    """GitHub answers with its older comment shape here: positions, but no lines and sides."""
    found, shown = api.find_pull(owner, repo, number)
    matching = [review for review in shown.reviews if str(review.id) == review_id]
    if not matching:
        raise Refused(404, "Not Found")
    newer = {"line", "side", "start_line", "start_side", "original_line", "original_start_line", "subject_type"}

    def older(comment: Comment) -> Json:
        shape = comment_json(found, shown, comment, request.api)
        return {key: value for key, value in shape.items() if key not in newer}

    return page(request, matching[0].comments, older, repository=found)


@route("GET", "/repos/{owner}/{repo}/pulls/{number}/comments")
def pull_comments(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    seen = [comment for review in visible(shown.reviews, request.caller.account) for comment in review.comments]
    return page(request, seen, lambda comment: comment_json(found, shown, comment, request.api), repository=found)


@route("GET", "/repos/{owner}/{repo}/issues/{number}/comments")
def issue_comments(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    return page(request, shown.issue_comments, dict, repository=found)


@route("POST", "/repos/{owner}/{repo}/issues/{number}/comments")
def create_issue_comment(api: Api, request: Request, owner: str, repo: str, number: str) -> Answer:
    found, shown = api.find_pull(owner, repo, number)
    author = _writer(request, found, "issues" if request.caller.installation else "pull_requests")
    body = request.body.get("body") or ""
    if not body.strip() or len(body) > 65_536:
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is invalid"}
        raise Refused(422, "Validation Failed", [error])
    now = iso(time.time())
    comment_id = api.world.next_id()
    comment = {
        "id": comment_id,
        "node_id": f"IC_{comment_id}",
        "url": f"{request.api}/repos/{found.full_name}/issues/comments/{comment_id}",
        "html_url": f"{web(request.api)}/{found.full_name}/pull/{shown.number}#issuecomment-{comment_id}",
        "issue_url": f"{request.api}/repos/{found.full_name}/issues/{shown.number}",
        "user": author.json(request.api),
        "body": body,
        "created_at": now,
        "updated_at": now,
        "author_association": "NONE",
        "performed_via_github_app": {"id": APP_ID, "slug": APP_SLUG} if request.caller.installation else None,
    }
    shown.issue_comments.append(comment)
    return Answer(201, comment)
