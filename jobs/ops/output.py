"""How an op hands over a document."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from codegen_platform.artifacts import Document


def document_output(document: Document, metadata: Mapping[str, dg.MetadataValue | str | int | float]) -> dg.Output[Any]:
    """Return the document as an op's output: its content hash is its data version, so only new content makes downstream stale."""
    return dg.Output(document, metadata=dict(metadata), data_version=dg.DataVersion(document.sha256))
