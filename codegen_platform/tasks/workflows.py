"""Workflows: a template is a small typed graph of steps, and a run of it is one task per step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from codegen_platform.changes.keys import partition_key
from codegen_platform.errors import WrongUsage
from codegen_platform.store import Json, NewTask, NewWorkflowRun
from codegen_platform.store.rows import OnDependencyFailure
from codegen_platform.tasks.kinds import KIND_PATTERN, LANGUAGE_PATTERN, requirements

MAX_STEPS = 100
MAX_LINKS = 20


def _integral(value: object) -> object:
    """Return an integer for a float that is one: to JSON 3.0 and 3 are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Bounds belong to the inner type: put around a validator they would be missing in the OpenAPI document.
Integral = BeforeValidator(_integral)
Name = Annotated[str, StringConstraints(pattern=KIND_PATTERN)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)]
Priority = Annotated[int, Field(strict=True, ge=1, le=5), Integral]


class InvalidTemplate(WrongUsage):
    """The steps of a template do not make a graph that ends; the sentence says the place of each wrong one, not its name."""

    code = "invalid_template"


class Step(BaseModel):
    """One step: which kind of task it is, and what comes before it.

    A step named in `when` or `change_of` comes before it, whether `after` names it again or not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    kind: Name = Field(
        description="the kind of its task; an agent must have it among its capabilities when a run starts"
    )
    after: Annotated[Sequence[Name], Field(max_length=MAX_LINKS)] = Field(
        default=(), description="steps that must be complete before it starts"
    )
    when: Annotated[
        Mapping[Name, Annotated[Sequence[Name], Field(min_length=1, max_length=MAX_LINKS)]],
        Field(max_length=MAX_LINKS, json_schema_extra={"additionalProperties": False}),
    ] = Field(
        default={},
        description="for a step before it, the outcomes that it must have; with another one this step is skipped",
    )
    change_of: Name | None = Field(
        default=None, description="the step before it whose result names the pull request that this one works on"
    )
    priority: Priority | None = Field(default=None, description="1 to 5; the run's own if it is not given")
    languages: Annotated[Sequence[Language], Field(max_length=MAX_LINKS)] = Field(
        default=(), description="languages that the agent must know"
    )
    on_dependency_failure: OnDependencyFailure | None = Field(
        default=None, description="the template's own policy if it is not given"
    )

    @property
    def before(self) -> Sequence[str]:
        """Return the steps that must be complete first, each once."""
        named = [*self.after, *self.when, *([self.change_of] if self.change_of else [])]
        return [*dict.fromkeys(named)]


class Template(BaseModel):
    """A graph of steps without a circle.

    `on_dependency_failure` says what becomes of a step when one before it fails: it fails too, or it is parked for a person to decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    on_dependency_failure: OnDependencyFailure = "fail"
    steps: Annotated[Sequence[Step], Field(min_length=1, max_length=MAX_STEPS)]

    def in_order(self) -> list[Step]:
        """Return the steps, each after those that it depends on.

        Raises:
            InvalidTemplate: two steps have one name, a step comes after one that is not there, or after itself.
        """
        steps = {step.name: step for step in self.steps}
        self._refuse([step for step in self.steps if steps[step.name] is not step], "have the name of another one")
        self._refuse([step for step in self.steps if {*step.before} - steps.keys()], "come after one that is not there")
        try:
            order = TopologicalSorter({step.name: step.before for step in self.steps}).static_order()
            return [steps[name] for name in order]
        except CycleError as error:
            circle = " -> ".join(self._places([steps[name] for name in reversed(error.args[1])]))
            raise InvalidTemplate(f"these steps wait for each other in a circle, by their place: {circle}") from error

    def _refuse(self, wrong: Sequence[Step], why: str) -> None:
        if wrong:
            raise InvalidTemplate(f"these steps {why}, by their place: {', '.join(self._places(wrong))}")

    def _places(self, steps: Sequence[Step]) -> list[str]:
        places = {id(step): str(place) for place, step in enumerate(self.steps, start=1)}
        return [places[id(step)] for step in steps]

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds of all steps."""
        return frozenset(step.kind for step in self.steps)


def tasks_of(
    template: Template,
    run: NewWorkflowRun,
    *,
    title: str,
    head_sha: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> list[NewTask]:
    """Return the tasks of one run, each after those that it depends on; a step that works on another change starts without a head.

    Raises:
        InvalidTemplate: the steps do not make a graph that ends.
        WrongUsage: the run's repository and number have no partition.
    """
    steps = template.in_order()
    ids = {step.name: uuid4() for step in steps}
    partition = partition_key(run.repository, run.number)
    return [
        NewTask(
            id=ids[step.name],
            title=title,
            description=f"Step {step.name} of a workflow for {run.repository}#{run.number}",
            kind=step.kind,
            semantic_key=f"{step.kind}:{run.forge}:{run.repository}:{run.number}:workflow:{run.id}:{step.name}",
            forge=run.forge,
            repository=run.repository,
            number=run.number,
            head_sha=None if step.change_of else head_sha,
            partition_key=partition,
            priority=step.priority or run.priority,
            metadata=metadata or {},
            requirements=requirements(step.languages),
            dependencies=[ids[name] for name in step.before],
            on_dependency_failure=step.on_dependency_failure or template.on_dependency_failure,
            conditions=_conditions(step, ids),
            change_of=ids[step.change_of] if step.change_of else None,
            workflow_run_id=run.id,
            step=step.name,
        )
        for step in steps
    ]


def _conditions(step: Step, ids: Mapping[str, UUID]) -> Mapping[UUID, Sequence[str]]:
    return {ids[name]: outcomes for name, outcomes in step.when.items()}
