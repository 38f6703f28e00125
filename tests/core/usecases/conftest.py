"""A house of real parts with two tenants, and callers of every role."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backend.core.model.auth import TenantCaller
from backend.core.model.tenant import ROLE_SCOPES, Role
from tests.api.house import House, Template, make_template, open_copy

CallerOf = Callable[..., TenantCaller]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return asyncio.run(make_template(tmp_path_factory.mktemp("template")))


@pytest.fixture
async def house(tmp_path: Path, template: Template) -> AsyncIterator[House]:
    async with open_copy(tmp_path, template) as made:
        yield made


@pytest.fixture
def caller() -> CallerOf:
    """`caller(Role.AGENT)`: an agent of acme."""

    def make(role: Role, company_id: str = "acme") -> TenantCaller:
        return TenantCaller(role=role, scopes=ROLE_SCOPES[role], company_id=company_id, key_id=f"key_{role.value}", request_id="req_1")

    return make
