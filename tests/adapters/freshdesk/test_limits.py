"""What a call to Freshdesk costs, and what its answers tell of the quota."""

import pytest

from backend.adapters.freshdesk.limits import call_of, read, used
from backend.core.model.quota import ACCOUNT, Reading


@pytest.mark.parametrize(
    ("target", "route", "cost"),
    [
        ("/api/v2/tickets?include=requester,stats&per_page=100", "tickets/list", 5),
        ("/api/v2/tickets?per_page=100&include=description,requester,stats", "tickets/list", 7),
        ("/api/v2/tickets/7?include=conversations", "tickets/view", 3),
        ("/api/v2/tickets/7?include=conversations,requester,stats,company", "tickets/view", 6),
        ("/api/v2/tickets/7/conversations?per_page=100&page=2", "tickets/view", 1),
        ("/api/v2/tickets/archived/7", "tickets/view", 1),
        ("/desk/api/v2/contacts?per_page=1", "contacts/list", 1),
        ("/api/v2/agents/me", "agents/view", 1),
    ],
)
def test_routes_and_their_cost(target: str, route: str, cost: int) -> None:
    call = call_of(target)
    assert (call.route, call.cost, call.within) == (route, cost, (ACCOUNT,))


@pytest.mark.parametrize(
    ("target", "bucket"),
    [("/api/v2/tickets/7", "tickets:80"), ("/api/v2/contacts?page=1", "contacts:80"), ("/api/v2/ticket_fields", ACCOUNT)],
)
def test_a_total_of_its_own_is_a_bucket_of_its_own(target: str, bucket: str) -> None:
    headers = {"X-Ratelimit-Total": "80.0", "X-Ratelimit-Remaining": "79"}
    assert read(call_of(target), headers) == (Reading(bucket=bucket, limit=80, remaining=79),)


@pytest.mark.parametrize("headers", [{}, {"X-Ratelimit-Total": "80"}, {"X-Ratelimit-Total": "viele", "X-Ratelimit-Remaining": "inf"}])
def test_figures_that_can_not_be_read_tell_nothing(headers: dict[str, str]) -> None:
    assert read(call_of("/api/v2/tickets/7"), headers) == ()
    assert used(headers) is None


def test_the_credits_that_were_used_are_told() -> None:
    assert used({"X-Ratelimit-Used-Currentrequest": "3.0"}) == 3
