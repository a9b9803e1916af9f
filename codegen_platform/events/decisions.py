"""What one event comes to: decided from its body and the routing table alone, without asking anyone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from codegen_platform.events import payloads
from codegen_platform.events.body import Unparseable
from codegen_platform.events.checks import read_check
from codegen_platform.events.commands import find_command
from codegen_platform.events.new_work import Change, new_task
from codegen_platform.events.outcomes import (
    CommandRefusal,
    CreateTask,
    Decision,
    EndOpenTasks,
    Ignore,
    Incoming,
    RefuseCommand,
    RememberInstallation,
    Unknown,
)
from codegen_platform.events.routes import (
    COMMANDERS,
    COMMANDS,
    FAILED_CONCLUSIONS,
    UNKNOWN_COMMANDER_PRIORITY,
    Command,
    Meaning,
    Route,
    find_route,
    fits,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingRules:
    """Whose events count, and which work can be done here.

    Attributes:
        kinds_with_agent: kinds of task that an agent exists for; an event that needs another is ignored, `no_agent:<kind>`.
        ignored_user_ids: numeric ids of accounts whose changes, issues and comments make no task.
        review_bots: whether accounts of type `Bot` count like people.
        own_app_id: the id of the GitHub App that this platform posts as; what it wrote itself makes no task.
    """

    kinds_with_agent: frozenset[str]
    ignored_user_ids: frozenset[int] = frozenset()
    review_bots: bool = False
    own_app_id: int | None = None


def decide(event: Incoming, rules: RoutingRules) -> Decision:
    """Return what is to be done about an event.

    Raises:
        Unparseable: the body does not fit the event that the header names, or a value in it is not what it must be.
    """
    route = find_route(event.event_type, event.action)
    if route is None:
        return Unknown()
    if not fits(event.event_type, frozenset(event.payload)):
        raise Unparseable("body_does_not_fit_event")
    return _MEANINGS[route.meaning](event, route, rules)


def _review_head(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read = payloads.read(payloads.PullRequestEvent, event.payload)
    pull = read.pull_request
    ignored = _reason_to_ignore(pull.user, pull.performed_via_github_app, rules)
    if ignored:
        return Ignore(reason=ignored)
    if pull.draft:
        return Ignore(reason="draft")
    change = Change.of_pull_request(read, action=event.action)
    return _work(event, route.kind, route.priority, change, read.installation, rules)


def _review_new_base(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read = payloads.read(payloads.PullRequestEvent, event.payload)
    if read.changes is None or read.changes.base is None:
        return Ignore(reason=route.reason)
    return _review_head(event, route, rules)


def _end_change(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read = payloads.read(payloads.PullRequestEvent, event.payload)
    return EndOpenTasks(
        repository=read.repository.full_name,
        number=read.pull_request.number,
        how="superseded",
        reason=route.reason,
        at=read.pull_request.updated_at,
    )


def _generate(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read = payloads.read(payloads.IssueEvent, event.payload)
    ignored = _reason_to_ignore(read.issue.user, read.issue.performed_via_github_app, rules)
    if ignored:
        return Ignore(reason=ignored)
    change = Change.of_issue(read, action=event.action)
    return _work(event, route.kind, route.priority, change, read.installation, rules)


def _fix_checks(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read, check = read_check(event.event_type, event.payload)
    if check.app and check.app.id == rules.own_app_id:
        return Ignore(reason="own_app")
    if check.conclusion not in FAILED_CONCLUSIONS:
        return Ignore(reason="not_a_failure")
    checked = [
        pull
        for pull in check.pull_requests or ()
        if pull.head.sha == check.head_sha and pull.base.repo.id == read.repository.id
    ]
    if not checked:
        return Ignore(reason="no_pull_request")
    change = Change.of_check(read, checked[0].number, check.head_sha, event_type=event.event_type)
    return _work(event, route.kind, route.priority, change, read.installation, rules)


def _obey_command(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read = payloads.read(payloads.IssueCommentEvent, event.payload)
    comment = read.comment
    name = find_command(comment.body or "")
    if name is None:
        return Ignore(reason="no_command")
    ignored = _reason_to_ignore(comment.user, comment.performed_via_github_app, rules)
    if ignored:
        return Ignore(reason=ignored)
    command = COMMANDS[name]
    login = payloads.read_login(comment.user) if comment.user else None
    is_known = comment.author_association in COMMANDERS
    # An unknown author may still be a member, so the run asks the forge. `/cancel` has no run that could ask.
    refused = "not_permitted" if login is None or (command.kind is None and not is_known) else _misplaced(command, read)
    if refused or login is None:
        return RefuseCommand(
            reason=refused or "not_permitted",
            command=name,
            repository=read.repository.full_name,
            number=read.issue.number,
            comment_id=comment.id,
            login=login,
            installation_id=read.installation.id if read.installation else None,
        )
    if command.kind is None:
        return EndOpenTasks(
            repository=read.repository.full_name, number=read.issue.number, how="cancelled", reason=f"command:{login}"
        )
    change = Change.of_command(read, command=name, login=login)
    priority = command.priority if is_known else UNKNOWN_COMMANDER_PRIORITY
    return _work(event, command.kind, priority, change, read.installation, rules)


def _misplaced(command: Command, read: payloads.IssueCommentEvent) -> CommandRefusal | None:
    on_pull_request = read.issue.pull_request is not None
    if on_pull_request and not command.on_pull_request:
        return "not_an_issue"
    if not on_pull_request and not command.on_issue:
        return "not_a_pull_request"
    return "closed" if command.kind and read.issue.state != "open" else None


def _remember_installation(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    read = payloads.read(payloads.InstallationEvent, event.payload)
    names = tuple(repository.full_name for repository in (*read.repositories, *read.repositories_added))
    return RememberInstallation(installation_id=read.installation.id, repositories=names, reason=route.reason)


def _ignore_push(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    push = payloads.read(payloads.PushEvent, event.payload)
    return Ignore(reason="branch_deleted" if push.deleted else route.reason)


def _ignore(event: Incoming, route: Route, rules: RoutingRules) -> Decision:
    return Ignore(reason=route.reason)


def _reason_to_ignore(account: payloads.Account | None, app: payloads.App | None, rules: RoutingRules) -> str | None:
    """Return why what this account wrote, by means of this App if any, makes no task; None if it may.

    Judged by id and type: the suffix `[bot]` of a login is a matter of display.
    """
    if app is not None and app.id == rules.own_app_id:
        return "own_app"
    if account is None:
        return None
    if account.id in rules.ignored_user_ids:
        return "ignored_user"
    return "bot" if account.type == "Bot" and not rules.review_bots else None


def _work(
    event: Incoming,
    kind: str | None,
    priority: int,
    change: Change,
    installation: payloads.Installation | None,
    rules: RoutingRules,
) -> Decision:
    assert kind is not None
    if kind not in rules.kinds_with_agent:
        return Ignore(reason=f"no_agent:{kind}")
    task = new_task(change, kind=kind, priority=priority, event_id=event.event_id)
    return CreateTask(task=task, installation_id=installation.id if installation else None)


_MEANINGS: Mapping[Meaning, Callable[[Incoming, Route, RoutingRules], Decision]] = MappingProxyType(
    {
        Meaning.REVIEW_HEAD: _review_head,
        Meaning.REVIEW_NEW_BASE: _review_new_base,
        Meaning.END_CHANGE: _end_change,
        Meaning.GENERATE: _generate,
        Meaning.FIX_CHECKS: _fix_checks,
        Meaning.OBEY_COMMAND: _obey_command,
        Meaning.REMEMBER_INSTALLATION: _remember_installation,
        Meaning.IGNORE_PUSH: _ignore_push,
        Meaning.IGNORE: _ignore,
    }
)
