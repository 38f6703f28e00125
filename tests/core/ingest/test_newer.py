"""Of two copies the newer one stays: by when the helpdesk was asked, and by its own times where both were asked side by side."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.ingest.pipeline.newer import is_newer
from backend.core.model.document import DocState, Standing

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHANGED = datetime(2026, 11, 1, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def _stored(state: DocState = DocState.INDEXED) -> Standing:
    return Standing(state=state, content_hash="h", updated_at=CHANGED, stored_at=NOON)


@pytest.mark.parametrize(
    ("told", "changed", "newer"),
    [
        # Asked for after the stored copy was written.
        (10, 0, True),
        (10, -60, True),
        (0, 0, True),
        # So shortly after that the clocks of two workers may be to blame: the helpdesk's own time counts.
        (1, -60, False),
        (1, 60, True),
        # Asked for before, or side by side.
        (-10, -60, False),
        (-10, 0, False),
        (-10, 60, True),
    ],
)
def test_what_was_asked_for_side_by_side_is_told_apart_by_the_helpdesks_time(told: float, changed: float, *, newer: bool) -> None:
    assert is_newer(_stored(), _at(told), CHANGED + timedelta(seconds=changed)) is newer


@pytest.mark.parametrize(("told", "newer"), [(10, True), (0, True), (-1, False)])
def test_a_deletion_without_a_time_goes_by_when_it_was_told(told: float, *, newer: bool) -> None:
    assert is_newer(_stored(), _at(told), None) is newer


@pytest.mark.parametrize(("told", "newer"), [(10, True), (0, True), (-1, False)])
def test_what_is_deleted_comes_back_only_by_what_was_asked_for_afterwards(told: float, *, newer: bool) -> None:
    assert is_newer(_stored(DocState.DELETED), _at(told), CHANGED + timedelta(days=1)) is newer


def test_what_was_never_stored_is_new() -> None:
    assert is_newer(None, _at(-1_000), None)
