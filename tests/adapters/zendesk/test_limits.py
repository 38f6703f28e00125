"""How Zendesk's figures become readings, whatever the headers look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.zendesk.limits import call_of, read
from backend.core.model.quota import ACCOUNT, Reading


@pytest.mark.parametrize(
    ("target", "route", "within"),
    [
        ("/api/v2/tickets/42/comments.json?include=users", "tickets/comments", (ACCOUNT,)),
        ("/api/v2/incremental/tickets/cursor.json?cursor=x", "incremental/tickets/cursor", (ACCOUNT,)),
        ("/somewhere/api/v2/help_center/articles/7.json", "help_center/articles", ("help_center",)),
    ],
)
def test_routes(target: str, route: str, within: tuple[str, ...]) -> None:
    call = call_of(target)
    assert (call.route.replace("/7", "").removesuffix("/"), call.within, call.cost) == (route, within, 1)


def test_all_quotas_of_an_answer() -> None:
    headers = {
        "X-Rate-Limit": "400",
        "X-Rate-Limit-Remaining": "399",
        "RateLimit-Reset": "31",
        "Zendesk-RateLimit-Incremental-Exports": "total=10; remaining=9; resets=60",
        "zendesk-ratelimit-odd": "what?",
    }
    assert read(call_of("/api/v2/incremental/ticket_events.json"), headers) == (
        Reading(bucket=ACCOUNT, limit=400, remaining=399, resets_in=31),
        Reading(bucket="incremental-exports", limit=10, remaining=9, resets_in=60),
    )


@given(st.dictionaries(st.sampled_from(["X-Rate-Limit", "X-Rate-Limit-Remaining", "zendesk-ratelimit-x"]), st.text(max_size=30)))
def test_odd_headers_tell_nothing(headers: dict[str, str]) -> None:
    for reading in read(call_of("/api/v2/tickets/1.json"), headers):
        assert reading.limit >= 0
        assert reading.remaining >= 0
