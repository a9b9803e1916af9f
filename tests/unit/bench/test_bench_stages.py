"""Where the time of a review goes."""

from datetime import UTC, datetime, timedelta

from bench.stages import medians

START = datetime(2026, 1, 1, tzinfo=UTC)


def review(**seconds):
    return {name.replace("_", " "): START + timedelta(seconds=at) for name, at in seconds.items()}


def test_stages_are_between_neighbouring_moments_that_every_review_has():
    reviews = [
        review(delivery_stored=0, task_created=1, model_asked=3, run_ended=9),
        review(delivery_stored=0, task_created=3, run_ended=7),
    ]
    assert medians(reviews) == [("delivery stored", "task created", 2.0), ("task created", "run ended", 6.0)]


def test_no_review_has_no_stages():
    assert medians([]) == []
