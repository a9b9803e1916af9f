"""Tables for the asset pages; every cell is hostile text made inert."""

from collections.abc import Iterable, Sequence

from codegen_platform.artifacts import Check, Finding, ToolReport
from codegen_platform.publishing.inert import code, sentence

SHOWN = 50


def findings_table(findings: Sequence[Finding]) -> str:
    """Return findings as a Markdown table, at most 50 rows; a sentence if there are none."""
    if not findings:
        return "No findings."
    rows = (
        [
            f.severity.value,
            code(f"{f.path}:{f.line}", in_table=True),
            sentence(f.title, max_chars=200),
            code(f.source, in_table=True),
        ]
        for f in findings[:SHOWN]
    )
    more = f"\n\n{len(findings) - SHOWN} more are in the document." if len(findings) > SHOWN else ""
    return _table(["severity", "where", "what", "source"], rows) + more


def tools_table(tools: Sequence[ToolReport]) -> str:
    """Return what each analyser did as a Markdown table."""
    rows = (
        [t.name, t.version, str(t.files), str(t.findings), f"{t.seconds:.2f}", sentence(t.error or "", max_chars=200)]
        for t in tools
    )
    return _table(["analyser", "version", "files", "findings", "seconds", "error"], rows)


def checks_table(checks: Sequence[Check]) -> str:
    """Return what was checked before publication as a Markdown table."""
    rows = ([c.name, "passed" if c.passed else "FAILED", sentence(c.detail, max_chars=300)] for c in checks)
    return _table(["check", "result", "detail"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
