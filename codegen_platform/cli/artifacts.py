"""The artifact storage as the command line opens it."""

from __future__ import annotations

from codegen_platform.artifacts.storage import Storage, open_storage
from codegen_platform.settings import Settings


def storage_of(settings: Settings) -> Storage:
    """Return the storage that the settings name; credentials of S3 come from where boto3 looks for them."""
    if not settings.artifacts.url.startswith("s3://"):
        return open_storage(settings.artifacts.url)
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=settings.artifacts.s3_endpoint_url,
        region_name=settings.artifacts.s3_region,
        config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 3, "mode": "standard"}),
    )
    return open_storage(settings.artifacts.url, s3_client=client)
