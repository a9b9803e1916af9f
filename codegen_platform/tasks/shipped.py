"""The templates that ship: those whose agents exist."""

from __future__ import annotations

from importlib import resources

import structlog
import yaml

from codegen_platform.store import Store, VersionConflict
from codegen_platform.tasks.workflows import Template

log = structlog.get_logger(__name__)


def save_shipped_templates(store: Store) -> None:
    """Save each shipped template as the first version of its workflow, unless there is a workflow of that name: it may be edited.

    Raises:
        StoreUnavailable: some may be saved; safe to repeat.
    """
    for file in sorted((resources.files(__package__) / "templates").iterdir(), key=lambda file: file.name):
        name = file.name.removesuffix(".yaml")
        if store.queries.workflow(name) is None:
            _save(store, name, yaml.safe_load(file.read_text(encoding="utf-8")))


def _save(store: Store, name: str, content: dict[str, object]) -> None:
    description = str(content.pop("description"))
    template = Template.model_validate(content)
    template.in_order()
    try:
        steps = template.model_dump(mode="json", exclude_defaults=True)
        store.workflows.save(name, description, steps, expected_version=0)
    except VersionConflict:
        return  # another gateway was faster
    log.info("workflow.shipped", name=name)
