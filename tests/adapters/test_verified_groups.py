"""Which groups' tickets the owner of a credential sees, as Freshdesk and Zendesk tell it; what they don't tell is the least."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.tenant import Secret
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from tests.support.served import served

CREDENTIALS = {"freshdesk": {"api_key": "k"}, "zendesk": {"email": "kim@example.com", "api_token": "t"}}


async def _groups(platform: str, me: dict[str, Any], groups: Any = None) -> tuple[str, ...] | None:
    async def answer(request: Request) -> JSONResponse:
        path = request.url.path
        if path.endswith(("/agents/me", "/users/me.json")):
            return JSONResponse(me)
        if path.endswith("/users/7/groups.json") and groups is not None:
            return JSONResponse(groups)
        return JSONResponse({"error": "Forbidden"}, 403)

    async with served(Starlette(routes=[Route("/{path:path}", answer)])) as base_url:
        registry = SourceRegistry(frozenset({"127.0.0.1"}), 6, Patience(seconds=10, attempts=1), InProcessBudgets(6))
        secrets = {name: Secret(value) for name, value in CREDENTIALS[platform].items()}
        settings = SourceSettings(
            company_id="acme", connection_id="c", platform=platform, domain="acme", base_url=base_url, credentials=secrets
        )
        source = registry.open(settings, Lane.LIVE)
        try:
            return (await source.verify()).groups
        finally:
            await source.close()


@pytest.mark.parametrize(
    ("told", "groups"),
    [
        ({"ticket_scope": 1, "group_ids": [4, 5]}, None),
        ({"ticket_scope": 2, "group_ids": [4, 5]}, ("4", "5")),
        ({"ticket_scope": 2}, ()),
        ({"ticket_scope": 3, "group_ids": [4]}, ()),
        ({"group_ids": [4]}, ()),
    ],
)
async def test_freshdesk(told: dict[str, Any], groups: tuple[str, ...] | None) -> None:
    me = {"id": 7, "contact": {"name": "김상담", "email": "kim@example.com"}} | told
    assert await _groups("freshdesk", me) == groups


@pytest.mark.parametrize(
    ("told", "listed", "groups"),
    [
        ({"role": "admin"}, None, None),
        ({"role": "agent", "restricted_agent": False, "ticket_restriction": None}, None, None),
        ({"role": "agent", "restricted_agent": True, "ticket_restriction": "groups"}, {"groups": [{"id": 4}, {"id": 5}]}, ("4", "5")),
        ({"role": "agent", "restricted_agent": True, "ticket_restriction": "groups"}, None, ()),
        ({"role": "agent", "restricted_agent": True, "ticket_restriction": "groups"}, {"groups": "?"}, ()),
        ({"role": "agent", "restricted_agent": True, "ticket_restriction": "assigned"}, {"groups": [{"id": 4}]}, ()),
        ({"role": "agent", "restricted_agent": True, "ticket_restriction": None}, {"groups": [{"id": 4}]}, ()),
        ({"role": "agent"}, None, ()),
    ],
)
async def test_zendesk(told: dict[str, Any], listed: Any, groups: tuple[str, ...] | None) -> None:
    me = {"user": {"id": 7, "name": "김상담", "email": "kim@example.com"} | told}
    assert await _groups("zendesk", me, listed) == groups
