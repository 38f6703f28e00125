"""What a provider is sent holds no personal data, and what comes back does."""

import inspect
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from backend.adapters.masked import MaskedChat, MaskedEmbedder
from backend.adapters.offline.chat import OfflineChat
from backend.adapters.offline.embed import HashingEmbedder
from backend.core.ingest.summarize import cache_key
from backend.core.model.answer import Completion, Delta, Message, Prompt, ReplyMaterial
from backend.core.model.budget import Purpose, Usage
from backend.core.ports.kept_vectors import vector_key
from backend.core.ports.llm import masking_of
from tests.core.ingest.test_summarize import ASKED, ticket

ROOT = Path(__file__).parents[2]
PHONE, MAIL, NAME = "010-1234-5678", "minsu@hanbit.co.kr", "김민수"


class EchoChat:
    """A provider that says what the user said."""

    provider = "openai"
    model = "echo"

    def __init__(self, piece: int = 1) -> None:
        self.prompts: list[Prompt] = []
        self.closed = False
        self._piece = piece

    async def complete(self, prompt: Prompt) -> Completion:
        self.prompts.append(prompt)
        return Completion(text=prompt.messages[-1].text, usage=Usage(calls=1), model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        self.prompts.append(prompt)
        text = prompt.messages[-1].text
        try:
            for start in range(0, len(text), self._piece):
                yield Delta(text=text[start : start + self._piece])
            yield Delta(usage=Usage(calls=1))
        finally:
            self.closed = True


class SeeingEmbedder(HashingEmbedder):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(8)
        self.seen: list[str] = []

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        self.seen += texts
        return await super().embed(texts, purpose)


def prompt(text: str, *, system: str = "Rules.", schema: bool = False) -> Prompt:
    material = ReplyMaterial(title="", parts=(), language="ko", tone="friendly", sources=(), customer=NAME)
    messages = (Message(role="system", text=system), Message(role="user", text=text))
    return Prompt(purpose=Purpose.REPLY, version="v", messages=messages, material=material, schema={"title": "t"} if schema else None)


async def test_the_provider_sees_placeholders_and_the_caller_values() -> None:
    echo = EchoChat()
    said = f"{NAME}님 {PHONE}로, {MAIL}"
    completion = await MaskedChat(echo).complete(prompt(said, system=f"Rules of {MAIL}"))
    assert completion.text == said
    sent = echo.prompts[0].messages
    assert sent[1].text == "[PERSON_1]님 [PHONE_1]로, [EMAIL_1]"
    assert sent[0].text.startswith("Rules of [EMAIL_1]\n\nThe texts hold placeholders")


async def test_a_prompt_without_personal_data_is_sent_as_it_is() -> None:
    echo, asked = EchoChat(), prompt("ERR-4012")
    assert (await MaskedChat(echo).complete(asked)).text == "ERR-4012"
    assert echo.prompts == [asked]


async def test_a_prompt_without_rules_gets_one() -> None:
    echo = EchoChat()
    asked = msgspec.structs.replace(prompt(""), messages=(Message(role="user", text=PHONE),))
    assert (await MaskedChat(echo).complete(asked)).text == PHONE
    assert [message.role for message in echo.prompts[0].messages] == ["system", "user"]


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 8, 100])
async def test_a_stream_is_restored_and_its_usage_comes_last(piece: int) -> None:
    echo = EchoChat(piece)
    said = f"전화 {PHONE}로, 메일 {MAIL}"
    deltas = [delta async for delta in MaskedChat(echo).stream(prompt(said))]
    assert "".join(delta.text for delta in deltas) == said
    assert deltas[-1] == Delta(usage=Usage(calls=1))
    assert not [message for message in echo.prompts[0].messages if PHONE in message.text or MAIL in message.text]


async def test_a_reader_that_goes_away_frees_the_connection() -> None:
    echo = EchoChat()
    stream = MaskedChat(echo).stream(prompt(f"전화 {PHONE}"))
    assert inspect.isasyncgen(stream)
    await anext(stream)
    await stream.aclose()
    assert echo.closed


async def test_a_question_and_a_document_are_blurred_alike() -> None:
    seeing = SeeingEmbedder()
    masked = MaskedEmbedder(seeing)
    await masked.embed([f"환불 {PHONE}"], Purpose.EMBED_DOCUMENT)
    await masked.embed(["환불 02-123-4567"], Purpose.EMBED_QUERY)
    assert seeing.seen == ["환불 [PHONE]"] * 2


def test_what_is_cached_says_how_it_was_masked() -> None:
    document, echo, embedder = ticket(ASKED), EchoChat(), HashingEmbedder()
    assert cache_key(document, echo, internal=False) != cache_key(document, MaskedChat(echo), internal=False)
    assert vector_key(embedder, "a") != vector_key(MaskedEmbedder(embedder), "a")
    assert masking_of(MaskedChat(echo)) == "mask-2"
    assert masking_of(OfflineChat()) == ""


def test_nobody_reaches_the_bare_models_but_by_a_tenants_setting() -> None:
    users = [path.name for path in (ROOT / "backend").rglob("*.py") if ".unmasked" in path.read_text(encoding="utf-8")]
    assert users == ["services.py"]
