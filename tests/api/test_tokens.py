"""Access tokens, and who is asking."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import OPERATOR_KEY, House


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_who_am_i(client_as: As) -> None:
    me = (await client_as(Role.AGENT).get("/api/v1/me")).json()
    assert (me["role"], me["company_id"], me["subject"]) == ("agent", "acme", None)
    assert me["scopes"] == sorted(me["scopes"])
    assert (await client_as(Role.OPERATOR).get("/api/v1/me")).json()["company_id"] is None
    assert (await client_as(None).get("/api/v1/me", headers={"X-API-Key": OPERATOR_KEY})).json()["role"] == "operator"


@pytest.mark.parametrize("credential", ["nonsense", "dk_short", "dk_" + "a" * 10 + "_" + "b" * 43, "열쇠".encode(), "", "a.b.c"])
async def test_unknown_credentials(client_as: As, credential: str | bytes) -> None:
    value = credential if isinstance(credential, bytes) else credential.encode()
    for headers in ({b"Authorization": b"Bearer " + value}, {b"X-API-Key": value}):
        refused = await client_as(None).get("/api/v1/me", headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == ("token_invalid" if credential == "a.b.c" else "unauthenticated")
    assert (await client_as(None).get("/api/v1/me", headers={"Authorization": "Basic YTpi"})).status_code == 401


async def test_a_token_is_its_key_or_less(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    made = (await agent.post("/api/v1/auth/token", json={"subject": "김상담", "role": "viewer"})).json()
    assert (made["token_type"], made["role"], made["scopes"]) == ("bearer", "viewer", ["documents:read", "query"])
    me = (await client_as(None).get("/api/v1/me", headers=_bearer(made["access_token"]))).json()
    assert (me["company_id"], me["subject"], me["role"]) == ("acme", "김상담", "viewer")
    assert (await agent.post("/api/v1/auth/token", json={"subject": "x", "role": "admin"})).status_code == 403
    assert (await agent.post("/api/v1/auth/token", json={"subject": "x", "scopes": ["keys"]})).status_code == 403
    again = await client_as(None).post("/api/v1/auth/token", json={"subject": "x"}, headers=_bearer(made["access_token"]))
    assert again.status_code == 403


async def test_a_token_expires(client_as: As) -> None:
    made = (await client_as(Role.AGENT).post("/api/v1/auth/token", json={"subject": "x"})).json()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61), tick=False):
        refused = await client_as(None).get("/api/v1/me", headers=_bearer(made["access_token"]))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_invalid")


async def test_forged_tokens_are_refused(house: House, client_as: As) -> None:
    made = (await client_as(Role.VIEWER).post("/api/v1/auth/token", json={"subject": "x"})).json()["access_token"]
    claims = jwt.decode(made, options={"verify_signature": False})
    secret = house.auth.jwt_secret.reveal()
    forged = [
        jwt.encode(claims | {"company": "bravo"}, secret, algorithm="HS256"),
        jwt.encode(claims, "another-secret-of-enough-characters!", algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims | {"aud": "elsewhere"}, secret, algorithm="HS256"),
        jwt.encode({name: value for name, value in claims.items() if name != "exp"}, secret, algorithm="HS256"),
        jwt.encode(claims | {"role": "emperor"}, secret, algorithm="HS256"),
        made[:-2],
    ]
    for token in forged:
        refused = await client_as(None).get("/api/v1/me", headers=_bearer(token))
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_invalid")
    # Even signed by us, a token has no more than its role and its key have.
    grown = jwt.encode(claims | {"role": "admin", "scopes": ["keys", "query"]}, secret, algorithm="HS256")
    assert (await client_as(None).get("/api/v1/me", headers=_bearer(grown))).json()["scopes"] == ["query"]
