"""Documents in a bucket of anything that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codegen_platform.artifacts.storage import checked_key
from codegen_platform.errors import ArtifactsUnavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient

_MISSING = {"NoSuchKey", "404", "NotFound"}


def connect(*, endpoint_url: str | None, region: str | None) -> BaseClient:
    """Return a client that gives up within seconds; credentials come from where boto3 looks for them."""
    import boto3
    from botocore.config import Config

    limits = Config(connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 2, "mode": "standard"})
    return boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=limits)


class S3Storage:
    """Documents as objects of one bucket, below one prefix."""

    def __init__(self, client: BaseClient, *, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{checked_key(prefix)}/" if prefix else ""

    def write(self, key: str, data: bytes, content_type: str = "application/json") -> None:
        """Put the object; S3 replaces it as a whole."""
        with self._errors():
            self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data, ContentType=content_type)

    def read(self, key: str) -> bytes | None:
        """Return the object's bytes, None without one."""
        from botocore.exceptions import ClientError

        with self._errors():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
                return bytes(answer["Body"].read())
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def exists(self, key: str) -> bool:
        """Return whether the object is there."""
        from botocore.exceptions import ClientError

        with self._errors():
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._name(key))
            except ClientError as error:
                if _code(error) in _MISSING:
                    return False
                raise
            return True

    def delete(self, key: str) -> None:
        """Remove the object; S3 does not mind if there is none."""
        with self._errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def url_for(self, key: str) -> str:
        """Return the `s3://` address."""
        return f"s3://{self._bucket}/{self._name(key)}"

    def _name(self, key: str) -> str:
        return self._prefix + checked_key(key)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            yield
        except (ClientError, BotoCoreError, HTTPClientError) as error:
            said = _code(error) if isinstance(error, ClientError) else type(error).__name__
            raise ArtifactsUnavailable(
                f"the artifact bucket {self._bucket} did not answer as it should: {said}"
            ) from error


def _code(error: Exception) -> str:
    response: dict[str, dict[str, str]] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", "unknown"))
