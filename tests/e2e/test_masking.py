"""Personal data of a helpdesk never reaches a provider, unless the tenant's admin says so; agents see it all the same."""

import json
import re
from pathlib import Path
from typing import Any

from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, running_trip
from tests.support.made_up import Json, example
from tests.support.openai_server import KEY, OpenAIServer

# Plainer than what the product looks for, so that the two don't share their mistakes.
PLAIN = re.compile(
    r"01[016-9][- ]?\d{3,4}[- ]?\d{4}|0\d{1,2}-\d{3,4}-\d{4}|[\w.+-]+@[\w-]+\.[\w.]+"
    # What the sandbox's own customers tell.
    r"|110-\d{3}-\d{6}|\d{6}-[1-4][\d*]{6}|4000 00\d\d \d{4} \d{4}|\bM\d{8}\b|\b(?:DE|GB)\d\d(?: \w{4}){4} \d\d"
)
SECRETS = (
    *("900101-1234568", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "+82 10-5555-6666", "０１０－７７７７－８８８８"),
    *("신한은행 110-123-456789", "M12345678", "900101-1******", "주민등록번호 9001011234560", "4111.1111.1111.1111"),
)
QUESTION = "로그인이 안 된다는 010-9876-5432 고객에게 무엇을 안내해야 하나요?"


def _settings(server: OpenAIServer) -> dict[str, Any]:
    return {
        "summarize_model": "openai:test-model",
        "generate_model": "openai:test-model",
        "embed_model": "openai:test-embed",
        "openai_api_key": KEY,
        "openai_base_url": server.base_url,
        "llm_attempts": 1,
        "attachment_max_bytes": 1,
        "answer_min_cosine": -1.0,
    }


def _received(server: OpenAIServer, since: int = 0) -> str:
    return "\n".join(json.dumps(each.body, ensure_ascii=False) for each in server.requests[since:])


def _talking(body: Json) -> str:
    """A model that gossips: its summaries and answers tell all it was told in the way of placeholders and numbers."""
    said = "\n".join(message["content"] for message in body["messages"] if message["role"] == "user")
    told = ", ".join(dict.fromkeys([*re.findall(r"\[[A-Z]+_\d+\]", said), *_leaked(said)]))
    form = body.get("response_format")
    if form is None:
        return f"고객에게 알려 주세요: {told} [1]."
    return json.dumps({**example(form["json_schema"]["schema"]), "problem": f"문의: {told}"}, ensure_ascii=False)


def _plant(sandbox: SandboxServer) -> None:
    """Tickets of people who tell too much."""
    for number, secret in enumerate(SECRETS):
        text = f"로그인이 안 됩니다. 오류 ERR-40{number}2. {secret}로 확인해 주세요. 010-1234-567{number}, jiwon{number}@hanbit.example"
        change.create(sandbox.site, {"subject": f"로그인 오류 {number} 02-345-678{number}", "description": f"<p>{text}</p>"})


def _leaked(text: str) -> list[str]:
    return [*PLAIN.findall(text), *(secret for secret in SECRETS if secret in text)]


async def _kept(tenant: Tenant) -> str:
    """Everything that was summarized."""
    listed = (await tenant.get("/documents", limit=200))["items"]
    details = [await tenant.get(f"/documents/{each['document_id']}") for each in listed]
    return "\n".join(json.dumps([each.get("summary"), each.get("internal_summary")], ensure_ascii=False) for each in details)


async def _ask(tenant: Tenant) -> tuple[str, str]:
    """The answer, and the same as it was streamed."""
    whole = (await tenant.ask(QUESTION))["answer"]["text"]
    stream = (await tenant.client.post("/api/v1/query/stream", json={"question": QUESTION})).text
    tokens = re.findall(r"event: token\n(?:id: \S+\n)?data: (.*)", stream)
    return whole, "".join(json.loads(token)["text"] if token.startswith("{") else json.loads(token) for token in tokens)


async def test_a_provider_sees_no_personal_data_and_the_agent_does(tmp_path: Path) -> None:
    with OpenAIServer(answer=_talking) as server:
        async with running_sandbox(SandboxOptions(tickets=40)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            masked, bare = await trip.onboard("acme"), await trip.onboard("bravo")
            _plant(sandbox)
            assert (await bare.client.patch("/api/v1/settings", json={"masking": False})).is_success
            await masked.connect(sandbox)
            run = await masked.sync()
            assert run["state"] == "completed", run
            assert run["counts"]["llm_calls"] > 0
            assert _leaked(_received(server)) == []
            assert all(f"[{kind}_1]" in _received(server) for kind in ("EMAIL", "PHONE", "RRN", "CARD", "IBAN", "ACCOUNT", "PASSPORT"))
            assert "ERR-4012" in _received(server)
            assert _leaked(await _kept(masked)) == []

            whole, streamed = await _ask(masked)
            assert "010-9876-5432" in whole
            assert streamed == whole
            assert _leaked(_received(server)) == []
            ticket = next(row for row in (await masked.get("/documents", doc_type="ticket"))["items"] if row["state"] == "indexed")
            draft = await masked.post("/generate_reply", {"ticket_id": ticket["original_id"], "hint": "02-777-8888로 전화 주세요"})
            assert draft["grounded"], draft
            own = str((await masked.get(f"/documents/{ticket['document_id']}")).values())
            assert not [secret for secret in (*SECRETS, "@hanbit.example", "010-1234-567") if secret in draft["text"] and secret not in own]
            assert "02-777-8888" in draft["text"]
            assert _leaked(_received(server)) == []

            await bare.connect(sandbox)
            before = len(server.requests)
            run = await bare.sync()
            assert run["state"] == "completed", run
            assert _leaked(_received(server, before))
            # What is kept and shared names nobody, whatever the setting.
            assert _leaked(await _kept(bare)) == []
            assert "010-9876-5432" in (await _ask(bare))[0]

            await bare.client.patch("/api/v1/settings", json={"masking": True})
            before = len(server.requests)
            assert "010-9876-5432" in (await _ask(bare))[0]
            assert _leaked(_received(server, before)) == []
