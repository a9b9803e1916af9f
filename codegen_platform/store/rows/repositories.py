"""Repositories, and the pull requests of local ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from codegen_platform.store.rows.json import Json

EXAMPLE_REPOSITORY = "_local/example"
"""The repository that ships with the platform. Names of other local ones end in eight digits of their path, so no other has this one.

It is reviewed without a model, and KPIs leave it out.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryRow:
    """One repository that the platform has met; `location` is the folder of a local one.

    Attributes:
        open_pulls_etag: of GitHub's list of open pull requests when everything in it was known here; None if it is to be read again.
        looked_at: when that list was asked for last, by the database's clock.
    """

    id: int
    forge: str
    full_name: str
    location: str | None
    installation_id: int | None
    settings: Mapping[str, Json]
    created_at: datetime
    open_pulls_etag: str | None
    looked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPullRequestRow:
    """A numbered proposal to merge one revision of a local repository into another."""

    repository_id: int
    number: int
    base_ref: str
    head_ref: str
    base_sha: str
    head_sha: str
    title: str
    description: str
    author: str
    created_at: datetime
    updated_at: datetime
