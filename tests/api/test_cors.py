"""Which web pages' scripts may call the API: those of the operator's list, and none where there is no list."""

from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from backend.runtime import build
from backend.settings import Settings
from tests.api.conftest import As

OURS, OTHERS = "https://app.acme.com", "https://evil.example"


async def test_pages_of_the_list_may_call_and_read_what_they_are_told(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, cors_origins=f"http://localhost:3000, {OURS}", rate_address="2/minute")
    runtime = await build(settings)
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(runtime.app), base_url="http://desklore.test") as client:
            wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, x-platform"}
            asked = await client.options("/api/v1/query", headers={"Origin": OURS, **wanted})
            assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, OURS)
            refused = await client.options("/api/v1/query", headers={"Origin": OTHERS, **wanted})
            assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)
            answers = [await client.get("/api/v1/me", headers={"Origin": OURS}) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [401, 401, 429], "asking whether one may ask is not counted"
            for answer in answers:
                assert answer.headers["access-control-allow-origin"] == OURS
                assert "Retry-After" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-origin" not in (await client.get("/health/live", headers={"Origin": OTHERS})).headers
    finally:
        await runtime.close()


async def test_without_a_list_no_page_may(client_as: As) -> None:
    answer = await client_as(None).get("/health/live", headers={"Origin": OURS})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "wrong", ["*", "app.acme.com", "https://app.acme.com/", "https://a.example;https://b.example/x", "https://u@a.example"]
)
def test_only_origins_are_taken(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, cors_origins=wrong)
