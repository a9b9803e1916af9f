"""What the failure of an op means for its task."""

from __future__ import annotations

import dagster as dg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from codegen_platform.errors import ForgeRefused, StoreUnavailable
from codegen_platform.local import ports
from jobs.failure import UnexpectedError, meaning_of


@pytest.fixture
def outage() -> OperationalError:
    """What Dagster's storage meets while PostgreSQL is away."""
    engine = create_engine(f"postgresql+psycopg2://{ports.LOOPBACK}:{ports.choose()}/dagster")
    with pytest.raises(OperationalError) as caught:
        engine.connect()
    return caught.value


def test_dagster_that_cannot_reach_its_records_is_an_outage_of_postgresql(outage: OperationalError) -> None:
    assert isinstance(meaning_of(outage, "verify_review"), StoreUnavailable)


def test_an_outage_is_found_behind_the_error_that_dagster_makes_of_it(outage: OperationalError) -> None:
    wrapped = RuntimeError("too many retries for DB connection")
    wrapped.__cause__ = outage
    assert isinstance(meaning_of(wrapped, "verify_review"), StoreUnavailable)


def test_an_error_of_the_engine_is_itself_and_any_other_is_unexpected() -> None:
    refused = ForgeRefused("no", status=404)
    failure = dg.Failure("no")
    failure.__cause__ = refused
    assert meaning_of(failure, "snapshot") is refused
    assert isinstance(meaning_of(KeyError("x"), "snapshot"), UnexpectedError)
