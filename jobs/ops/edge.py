"""The edge between the engine's errors and Dagster's."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from codegen_platform.errors import ArtifactsUnavailable, CodegenError, StoreUnavailable

WITHIN_THE_RUN = (StoreUnavailable, ArtifactsUnavailable)
"""What is worth a second try in the same run; a forge or a model that is away gives its task back instead, and frees the worker."""

RETRIES = dg.RetryPolicy(max_retries=2, delay=0.5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Let short troubles of store and storage be retried in place, and end the run on every other error of the engine.

    Raises:
        dagster.Failure: with the error's sentence and code; the job's failure hook decides what becomes of the task.
    """
    try:
        yield
    except WITHIN_THE_RUN:
        raise
    except CodegenError as error:
        raise dg.Failure(str(error), metadata={"code": error.code}, allow_retries=False) from error
