"""Static analysis of a change."""

from collections.abc import Iterator

import dagster as dg

from codegen_platform.analysis import AnalysisLimits, AnalysisOptions, analyse
from codegen_platform.artifacts import PullRequestSnapshot, StaticFindings
from codegen_platform.changes.configuration import parse_instructions
from jobs.ops.edge import RETRIES, engine_errors, ordinary_ends
from jobs.ops.markdown import findings_table, tools_table
from jobs.ops.output import document_output
from resources import TaskLease
from resources.process import settings


@dg.op(out=dg.Out(StaticFindings, is_required=False), retry_policy=RETRIES)
def analyse_statically(
    context: dg.OpExecutionContext, snapshot: PullRequestSnapshot, lease: TaskLease
) -> Iterator[dg.Output[StaticFindings]]:
    """Run every analyser over the changed files, and keep what concerns the changed lines."""
    with ordinary_ends(context, lease), engine_errors(context):
        lease.check()
        instructions = parse_instructions(snapshot.instructions)
        given = settings()
        features = given.features.model_copy(update=dict(instructions.features))
        found = analyse(
            snapshot,
            options=AnalysisOptions(
                advanced=features.advanced_code_analysis,
                multi_language=features.multi_language_support,
                ignore=instructions.ignore,
            ),
            limits=AnalysisLimits(**given.analysis.model_dump()),
        )
        for tool in found.tools:
            if tool.error:
                context.log.warning("%s failed: %s", tool.name, tool.error)
        yield document_output(
            found,
            {
                "findings": len(found.findings),
                "by_tool": dg.MetadataValue.md(tools_table(found.tools)),
                "report": dg.MetadataValue.md(findings_table(found.findings)),
            },
        )
