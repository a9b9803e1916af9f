"""The edge between the engine's errors and Dagster's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from codegen_platform.errors import ArtifactsUnavailable, CodegenError, StoreUnavailable

WITHIN_THE_RUN = (StoreUnavailable, ArtifactsUnavailable)
"""What is worth a second try in the same run; a forge or a model that is away gives its task back instead, and frees the worker."""

RETRIES = dg.RetryPolicy(max_retries=2, delay=0.5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)


_observe: Callable[[str, float, str], None] = lambda op, seconds, ended: None  # noqa: E731


def measure_ops_with(observe: Callable[[str, float, str], None]) -> None:
    """Call `observe` with an op's name, its seconds, and how it ended (`ok` or an error's code) from now on in this process."""
    global _observe
    _observe = observe


@contextmanager
def engine_errors(context: dg.OpExecutionContext) -> Iterator[None]:
    """Let short troubles of store and storage be retried in place, and end the run on every other error of the engine.

    Raises:
        dagster.Failure: with the error's sentence and code; the job's failure hook decides what becomes of the task.
    """
    began, ended = time.monotonic(), "ok"
    try:
        yield
    except CodegenError as error:
        ended = error.code
        if isinstance(error, WITHIN_THE_RUN):
            raise
        raise dg.Failure(str(error), metadata={"code": error.code}, allow_retries=False) from error
    finally:
        _observe(context.op.name, time.monotonic() - began, ended)
