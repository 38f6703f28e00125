"""Draft a reply to a ticket's customer, in whose making nothing INTERNAL takes part."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import structs

from backend.core.answer.citations import Citer, make_citations, plain_text
from backend.core.answer.context import CONTEXT_TOKENS, FOR_CUSTOMERS, choose_sources
from backend.core.clock import now
from backend.core.ids import new_id
from backend.core.model.answer import Answer, Citation, ReplyMaterial
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.document import TURN_KINDS, Document, Part
from backend.core.model.search import Hit
from backend.core.model.ticket import Role
from backend.core.ports.llm import ChatModel
from backend.core.prompts.answer import NO_ANSWER
from backend.core.prompts.reply import reply_prompt
from backend.core.text.language import detect_language
from backend.core.text.size import clip_tokens, estimate_tokens
from backend.core.text.sparse import SparseEncoder

_TICKET_TOKENS: Final = 3_000
_RUN: Final = 8
"""So many words in a row that only internal texts hold are a leak."""
_SHORTEST: Final = 4
_WORD = re.compile(r"\w+")

_HOLDING: Final = {
    "ko": "안녕하세요{name}.\n\n문의해 주신 내용을 확인하고 있습니다. 확인되는 대로 다시 안내해 드리겠습니다.\n\n감사합니다.{sign}",
    "en": "Hello{name},\n\nThank you for contacting us. We are looking into your request and will get back to you as soon as we know more."
    "\n\nBest regards,{sign}",
}


async def generate_reply(
    document: Document,
    hits: Sequence[Hit],
    *,
    chat: ChatModel,
    encoder: SparseEncoder,
    tone: str = "polite",
    agent: str = "",
    hint: str = "",
    budget: int = CONTEXT_TOKENS,
) -> Answer:
    """A draft reply in the ticket's language, with citations for the agent (`citations.plain_text` takes them out).

    The model sees no private note and no agents-only source, and a draft that repeats one all the same is thrown away.
    Where the sources don't help, the Answer is not grounded and its text only says that the request is being looked into.
    `tone` and `hint` are the agent's words. Raises AppError with an LLM_* code when the model fails or refuses.
    """
    others = [hit for hit in hits if hit.document_id != document.document_id]
    sources = choose_sources(others, for_customer=True, budget=budget)
    parts = _recent([part for part in document.parts if part.visibility in FOR_CUSTOMERS and part.kind in TURN_KINDS and part.text])
    language = _language(document, parts)
    material = ReplyMaterial(
        title=document.title,
        parts=tuple(parts),
        language=language,
        tone=tone,
        sources=tuple(source.text for source in sources),
        customer=document.requester or "",
        agent=agent,
        hint=hint,
    )
    usage = Usage()
    text = ""
    citations: tuple[Citation, ...] = ()
    if sources:
        completion = await chat.complete(reply_prompt(material))
        usage = completion.usage
        citer = Citer([source.text.number for source in sources])
        text = (citer.feed(completion.text) + citer.finish()).strip()
        open_texts = [document.title, hint, *(part.text for part in parts), *(source.text.text for source in sources)]
        if citer.cited and NO_ANSWER not in text and not leaks(text, _internal_texts(document, hits), open_texts):
            citations = make_citations(text, citer.cited, sources, encoder)
    return _answer(material, text, citations, chat=chat, usage=usage)


def leaks(draft: str, internal: Iterable[str], public: Iterable[str]) -> bool:
    """Whether `draft` repeats eight words in a row of an internal text (or a whole shorter one) that no public text holds."""
    spoken = _words(plain_text(draft))
    told = set(_runs(spoken))
    open_texts = [_words(text) for text in public]
    allowed = {run for words in open_texts for run in _runs(words)}
    for text in internal:
        words = _words(text)
        if any(run in told and run not in allowed for run in _runs(words)):
            return True
        short = _SHORTEST <= len(words) < _RUN
        if short and _within(words, spoken) and not any(_within(words, other) for other in open_texts):
            return True
    return False


def _within(words: Sequence[str], text: Sequence[str]) -> bool:
    return f" {' '.join(words)} " in f" {' '.join(text)} "


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1))


def _internal_texts(document: Document, hits: Sequence[Hit]) -> list[str]:
    """What must not be repeated: line by line, so that a short note is found too."""
    texts = [part.text for part in document.parts if part.visibility is Visibility.INTERNAL]
    texts += [chunk.text for hit in hits for chunk in (hit.chunk, *hit.other_chunks) if chunk.visibility is Visibility.INTERNAL]
    return [line for text in texts for line in [text, *text.splitlines()]]


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


def _answer(material: ReplyMaterial, text: str, citations: Sequence[Citation], *, chat: ChatModel, usage: Usage) -> Answer:
    return Answer(
        answer_id=new_id("ans"),
        question=material.title,
        text=text if citations else holding_reply(material),
        language=material.language,
        grounded=bool(citations),
        citations=tuple(citations),
        model=chat.model,
        provider=chat.provider,
        usage=usage,
        created_at=now(),
    )


def holding_reply(material: ReplyMaterial) -> str:
    """A reply that promises nothing but an answer, for when the sources don't help."""
    korean = material.language == "ko"
    name = (f", {material.customer}님" if korean else f" {material.customer}") if material.customer else ""
    sign = (f"\n{material.agent} 드림" if korean else f"\n{material.agent}") if material.agent else ""
    return _HOLDING["ko" if korean else "en"].format(name=name, sign=sign)
