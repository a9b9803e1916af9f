"""Where documents are kept: an S3 bucket or a folder."""

import dagster as dg

from codegen_platform.artifacts.storage import Storage, open_storage
from resources.process import once_per_process


class ArtifactStorage(dg.ConfigurableResource[Storage]):
    """Artifact storage: `s3://bucket/prefix` through the `s3` client, or `file:///folder`.

    Attributes:
        url: where; never holds credentials.
        endpoint_url: of an S3-compatible server such as MinIO; None for AWS.
        region: AWS region; None for the SDK's default.
    """

    url: str
    endpoint_url: str | None = None
    region: str | None = None

    @property
    def storage(self) -> Storage:
        """Return the open storage; the S3 client is the process's own."""
        return once_per_process(f"storage {self.url}", self._open)

    def _open(self) -> Storage:
        if not self.url.startswith("s3://"):
            return open_storage(self.url)
        from dagster_aws.s3 import S3Resource

        s3 = S3Resource(endpoint_url=self.endpoint_url, region_name=self.region, max_attempts=3)
        return open_storage(self.url, s3_client=s3.get_client())
