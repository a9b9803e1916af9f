"""The work is what the page on performance describes: 10 tiny, 15 medium, 7 large changes, always the same."""

from collections import Counter

import pytest

from bench import work


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    return work.all_changes(work.unpack(tmp_path_factory.mktemp("releases")))


def test_the_work_is_ten_tiny_fifteen_medium_and_seven_large_changes(changes):
    chosen = work.choose(changes)
    assert Counter(change.size for change in chosen) == {"tiny": 10, "medium": 15, "large": 7}
    assert len(set(chosen)) == 32


def test_large_means_fifty_files_and_more(changes):
    assert all(change.files >= 50 for change in work.choose(changes) if change.size == "large")


def test_the_work_is_the_same_every_time(changes):
    assert work.choose(changes) == work.choose(list(reversed(changes)))


def test_a_few_changes_are_still_of_mixed_size(changes):
    assert {change.size for change in work.choose(changes, 6)} == {"tiny", "medium", "large"}


def test_changes_are_between_neighbouring_releases_in_the_order_of_their_versions(changes):
    flask = [(change.base, change.head) for change in changes if change.package == "flask"]
    assert ("flask-2.3.2", "flask-3.0.0") in flask
    assert [base for base, _ in flask[1:]] == [head for _, head in flask[:-1]]


def test_versions_are_compared_by_number_and_not_by_letter():
    assert work.version_of("requests-2.27.10") > work.version_of("requests-2.27.9")
