"""Where documents are kept: an S3 bucket or a folder."""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from codegen_platform.artifacts.s3_storage import connect
from codegen_platform.artifacts.spool import SPOOL, SpooledStorage
from codegen_platform.artifacts.storage import FolderStorage, open_storage
from resources.process import once_per_process


class ArtifactS3(S3Resource):
    """Dagster's S3 resource with time-outs of seconds: its own client would keep a run waiting for minutes."""

    def get_client(self) -> Any:
        """Return a boto3 client."""
        return connect(endpoint_url=self.endpoint_url, region=self.region_name)


class ArtifactStorage(dg.ConfigurableResource[SpooledStorage]):
    """Artifact storage: `s3://bucket/prefix`, or `file:///folder`.

    Attributes:
        url: where; never holds credentials.
        s3: the connection to S3 or a server that speaks it.
        home: the platform's folder; documents wait there while the bucket is away.
    """

    url: str
    home: str
    s3: dg.ResourceDependency[ArtifactS3]

    @property
    def storage(self) -> SpooledStorage:
        """Return the open storage, one for each process."""
        return once_per_process(f"storage {self.url}", self._open)

    def _open(self) -> SpooledStorage:
        client = self.s3.get_client() if self.url.startswith("s3://") else None
        return SpooledStorage(open_storage(self.url, s3_client=client), FolderStorage(Path(self.home) / SPOOL))
