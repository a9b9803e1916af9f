"""The artifact storage as the command line opens it."""

from __future__ import annotations

from codegen_platform.artifacts.s3_storage import connect
from codegen_platform.artifacts.spool import SPOOL, SpooledStorage
from codegen_platform.artifacts.storage import FolderStorage, Storage, open_storage
from codegen_platform.settings import Settings


def storage_of(settings: Settings) -> Storage:
    """Return the storage that the settings name, behind it what waits until the bucket answers again."""
    given = settings.artifacts
    if not given.url.startswith("s3://"):
        return open_storage(given.url)
    client = connect(endpoint_url=given.s3_endpoint_url, region=given.s3_region)
    return SpooledStorage(open_storage(given.url, s3_client=client), FolderStorage(settings.home / SPOOL))
