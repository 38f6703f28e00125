"""Draft a reply to a ticket's customer, in whose making nothing INTERNAL takes part."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from backend.core.answer.citations import Citer, make_citations
from backend.core.answer.context import CONTEXT_TOKENS, FOR_CUSTOMERS, Source, choose_sources
from backend.core.answer.guard import internal_texts, leaks
from backend.core.clock import now
from backend.core.ids import new_id
from backend.core.model.answer import Citation, ReplyMaterial, SourceText
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.copilot import ReplyDraft, ReplyInput
from backend.core.model.document import TURN_KINDS, Document, Part
from backend.core.model.search import Hit
from backend.core.model.ticket import Role
from backend.core.ports.llm import ChatModel
from backend.core.prompts.answer import NO_ANSWER
from backend.core.prompts.reply import reply_prompt
from backend.core.text.language import detect_language
from backend.core.text.masking import redact, values_of
from backend.core.text.size import clip_tokens, estimate_tokens

_TICKET_TOKENS: Final = 3_000

_HOLDING: Final = {
    "ko": "안녕하세요{name}.\n\n문의해 주신 내용을 확인하고 있습니다. 확인되는 대로 다시 안내해 드리겠습니다.\n\n감사합니다.{sign}",
    "en": "Hello{name},\n\nThank you for contacting us. We are looking into your request and will get back to you as soon as we know more."
    "\n\nBest regards,{sign}",
}
_UNGROUNDED: Final = {
    "ko": "이 티켓의 해결 방법을 알려 주는 자료를 찾지 못해, 접수 안내만 작성했습니다.",
    "en": "No source says how to solve this ticket; the draft only acknowledges it.",
}
_LEAKED: Final = {
    "ko": "초안에 내부 메모와 같은 문장이 있어 초안을 버리고, 접수 안내만 작성했습니다.",
    "en": "The draft repeated an internal text and was thrown away; this one only acknowledges the ticket.",
}
_CONVERSATION: Final = {
    "ko": "다른 고객의 티켓을 근거로 했습니다. 그 고객의 정보가 들어 있지 않은지 확인해 주세요.",
    "en": "It rests on another customer's ticket: check that nothing about that customer is in it.",
}


async def generate_reply_text(
    document: Document, hits: Sequence[Hit], ask: ReplyInput, *, chat: ChatModel, agent: str = "", budget: int = CONTEXT_TOKENS
) -> ReplyDraft:
    """A draft reply in the ticket's language (or `ask.language`), with `[n]` citations for the agent.

    `citations.plain_text` takes the citations out.
    The model sees no private note and no agents-only source, and a draft that repeats one all the same is thrown away. Nor does
    it see personal data of other tickets' customers, whichever model it is.
    Where the sources don't help, the draft is not grounded and only says that the request is being looked into.
    `agent` signs it. Raises AppError with an LLM_* code when the model fails or refuses.
    """
    others = [hit for hit in hits if hit.document_id != document.document_id]
    sources = choose_sources(others, for_customer=True, budget=budget)
    parts = _recent([part for part in document.parts if part.visibility in FOR_CUSTOMERS and part.kind in TURN_KINDS and part.text])
    material = ReplyMaterial(
        title=document.title,
        parts=tuple(parts),
        language=ask.language or _language(document, parts),
        tone=ask.tone.value,
        length=ask.length.value,
        sources=_neutral(sources, [document.title, ask.hint, document.requester or "", *(part.text for part in parts)]),
        customer=document.requester or "",
        agent=agent,
        hint=ask.hint,
    )
    if not sources:
        return _draft(document, ask, material, chat=chat, warnings=(_in(material.language, _UNGROUNDED),))
    completion = await chat.complete(reply_prompt(material))
    citer = Citer([source.text.number for source in sources])
    text = (citer.feed(completion.text) + citer.finish()).strip()
    if not citer.cited or NO_ANSWER in text:
        return _draft(document, ask, material, chat=chat, usage=completion.usage, warnings=(_in(material.language, _UNGROUNDED),))
    if leaks(text, internal_texts(document, hits), _open_texts(material)):
        return _draft(document, ask, material, chat=chat, usage=completion.usage, warnings=(_in(material.language, _LEAKED),))
    citations = make_citations(text, citer.cited, sources)
    from_others = any(citation.visibility is Visibility.CONVERSATION for citation in citations)
    warnings = (_in(material.language, _CONVERSATION),) if from_others else ()
    return _draft(document, ask, material, chat=chat, usage=completion.usage, warnings=warnings, text=text, citations=citations)


def _neutral(sources: Sequence[Source], own: Sequence[str]) -> tuple[SourceText, ...]:
    """The sources with the personal data of other tickets replaced; what this ticket or an article tells is known anyway."""
    articles = [source.text.text for source in sources if source.text.visibility is not Visibility.CONVERSATION]
    keep = values_of([*own, *articles])
    return tuple(
        structs.replace(source.text, title=redact(source.text.title, keep=keep), text=redact(source.text.text, keep=keep))
        if source.text.visibility is Visibility.CONVERSATION
        else source.text
        for source in sources
    )


def holding_reply(material: ReplyMaterial) -> str:
    """A reply that promises nothing but an answer, for when the sources don't help."""
    korean = material.language == "ko"
    name = (f", {material.customer}님" if korean else f" {material.customer}") if material.customer else ""
    sign = (f"\n{material.agent} 드림" if korean else f"\n{material.agent}") if material.agent else ""
    return _in(material.language, _HOLDING).format(name=name, sign=sign)


def _draft(
    document: Document,
    ask: ReplyInput,
    material: ReplyMaterial,
    *,
    chat: ChatModel,
    usage: Usage | None = None,
    warnings: tuple[str, ...],
    text: str = "",
    citations: tuple[Citation, ...] = (),
) -> ReplyDraft:
    return ReplyDraft(
        draft_id=new_id("draft"),
        document_id=document.document_id,
        ticket_id=document.original_id,
        text=text or holding_reply(material),
        language=material.language,
        tone=ask.tone,
        citations=citations,
        grounded=bool(citations),
        warnings=warnings,
        model=chat.model,
        provider=chat.provider,
        usage=usage or Usage(),
        created_at=now(),
    )


def _open_texts(material: ReplyMaterial) -> list[str]:
    """What the draft may repeat: all that went into it."""
    parts = [part.text for part in material.parts]
    return [material.title, material.hint, *parts, *(source.text for source in material.sources)]


def _recent(parts: Sequence[Part]) -> list[Part]:
    """The first turn, which tells the problem, and the latest ones, within the budget for the ticket."""
    if not parts:
        return []
    first = structs.replace(parts[0], text=clip_tokens(parts[0].text, _TICKET_TOKENS // 2))
    room = _TICKET_TOKENS - estimate_tokens(first.text)
    kept: list[Part] = []
    for part in reversed(parts[1:]):
        room -= estimate_tokens(part.text)
        if room < 0:
            break
        kept.append(part)
    return [first, *reversed(kept)]


def _language(document: Document, parts: Sequence[Part]) -> str:
    said = " ".join(part.text[:500] for part in parts if part.role is Role.CUSTOMER)
    return detect_language(said or document.title)


def _in(language: str, texts: dict[str, str]) -> str:
    return texts.get(language, texts["en"])
