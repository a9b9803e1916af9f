"""Puts a review's prompt together from files and data; the same change gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from codegen_platform.agents.backend import ModelRequest, Turn
from codegen_platform.agents.batches import Batch
from codegen_platform.agents.claims import ReviewAnswer
from codegen_platform.agents.context import label
from codegen_platform.agents.templates import prompt, version_of
from codegen_platform.agents.untrusted import block, key_for, one_line, quoted, show_hidden
from codegen_platform.artifacts import ChangedFile, Finding, PullRequestSnapshot, StaticFindings
from codegen_platform.changes.budget import estimate_tokens

PURPOSE = "review"
MAX_TITLE, MAX_DESCRIPTION = 300, 4_000
MAX_LISTED_FILES, MAX_LISTED_FINDINGS = 200, 60
MAX_LIST_CHARACTERS = 12_000  # of each list: a path alone may have 4,096 characters, and there are hundreds of them
LEAST_ROOM = 1_000


def system_blocks(guidelines: str) -> tuple[str, ...]:
    """Return the stable part of the prompt: our instructions, the same for every repository, and the repository's guidelines."""
    instructions = prompt("review_system").render()
    if not guidelines.strip():
        return (instructions,)
    text = show_hidden(guidelines.strip())
    fenced = block(key_for([text]), "GUIDELINES", text)
    return (instructions, prompt("review_guidelines").render(block=fenced))


def prompt_sha256() -> str:
    """Return which version of the review prompt this is."""
    return version_of("review_system", "review_guidelines", "review_change", "repair", "shorter", output=ReviewAnswer)


def room_for_files(
    snapshot: PullRequestSnapshot, static: StaticFindings, *, guidelines: str, prompt_tokens: int
) -> int:
    """Return how many tokens of a prompt are left for the files when everything else is in it."""
    everything = Batch(room=0)
    fixed = sum(map(estimate_tokens, system_blocks(guidelines)))
    longest = sorted(static.findings, key=lambda finding: len(_finding_row(finding)), reverse=True)
    rest = estimate_tokens(_message(snapshot, longest, everything, 1, 1))
    return max(LEAST_ROOM, prompt_tokens - fixed - rest)


def request_for(
    snapshot: PullRequestSnapshot,
    static: StaticFindings,
    batch: Batch,
    *,
    guidelines: str,
    part: int,
    parts: int,
    max_output_tokens: int,
) -> ModelRequest:
    """Return the question about one batch."""
    findings = [finding for finding in static.findings if finding.path in batch.paths]
    return ModelRequest(
        purpose=PURPOSE,
        system=system_blocks(guidelines),
        turns=(Turn(role="user", text=_message(snapshot, findings, batch, part, parts)),),
        output=ReviewAnswer,
        prompt_sha256=prompt_sha256(),
        max_output_tokens=max_output_tokens,
    )


def _message(snapshot: PullRequestSnapshot, findings: Sequence[Finding], batch: Batch, part: int, parts: int) -> str:
    statement = _statement(snapshot)
    file_list = _file_list(snapshot.files, batch.paths)
    made = _listed(map(_finding_row, findings), most=MAX_LISTED_FINDINGS) or "(none)"
    shown = [(label(piece.part), piece.text) for piece in batch.shown]
    key = key_for((statement, file_list, made, *chain.from_iterable(shown)))
    return prompt("review_change").render(
        key=key,
        number=str(snapshot.number),
        repository=quoted(snapshot.repository),
        part=str(part),
        parts=str(parts),
        statement=block(key, "STATEMENT", statement),
        file_list=block(key, "LIST", file_list),
        static_findings=block(key, "KNOWN", made),
        files="\n\n".join(block(key, name, text) for name, text in shown),
    )


def _statement(snapshot: PullRequestSnapshot) -> str:
    description = show_hidden(snapshot.description).strip()
    if len(description) > MAX_DESCRIPTION:
        description = f"{description[:MAX_DESCRIPTION]}\n[cut here, {len(description)} characters in all]"
    return f"{one_line(snapshot.title, MAX_TITLE)}\n\n{description}".strip()


def _file_list(files: Sequence[ChangedFile], here: frozenset[str]) -> str:
    """Return one line per file, those of this message first."""
    ordered = sorted(files, key=lambda file: (file.path not in here, file.path))
    return _listed((_file_row(file, here) for file in ordered), most=MAX_LISTED_FILES)


def _listed(rows: Iterable[str], *, most: int) -> str:
    """Return the first rows, as many as fit `most` and `MAX_LIST_CHARACTERS`, and how many more there are."""
    kept: list[str] = []
    room, left_out = MAX_LIST_CHARACTERS, 0
    for row in rows:
        if left_out or len(kept) == most or len(row) > room:
            left_out += 1
            continue
        kept.append(row)
        room -= len(row)
    return "\n".join([*kept, *([f"and {left_out} more"] if left_out else [])])


def _file_row(file: ChangedFile, here: frozenset[str]) -> str:
    was = f" from {quoted(file.previous_path)}" if file.previous_path and file.previous_path != file.path else ""
    kind = ", binary" if file.is_binary else ", generated" if file.is_generated else ""
    mark = " - here" if file.path in here else ""
    return f"{quoted(file.path)} ({file.status.value}{was}, +{file.additions} -{file.deletions}{kind}){mark}"


def _finding_row(finding: Finding) -> str:
    lines = f"{finding.line}" if finding.line == finding.end_line else f"{finding.line}-{finding.end_line}"
    return f"{quoted(finding.path)} {lines} {finding.severity.value}: {one_line(finding.title, 160)}"
