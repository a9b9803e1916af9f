"""How an op hands over a document."""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from codegen_platform.artifacts import Document

# On the allow-list: user-given data versions are beta in 1.13; without them every run would make everything downstream stale.
warnings.filterwarnings("ignore", message="Parameter `data_version` of initializer", category=dg.BetaWarning)


def document_output(document: Document, metadata: Mapping[str, dg.MetadataValue | str | int | float]) -> dg.Output[Any]:
    """Return the document as an op's output: its content hash is its data version, so only new content makes downstream stale."""
    return dg.Output(document, metadata=dict(metadata), data_version=dg.DataVersion(document.sha256))
