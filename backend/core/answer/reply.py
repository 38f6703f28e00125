"""Draft a reply to a ticket's customer, in whose making nothing INTERNAL takes part."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Final

from msgspec import structs

from backend.core.answer.citations import Citer, make_citations
from backend.core.answer.context import CONTEXT_TOKENS, FOR_CUSTOMERS, Source, choose_sources
from backend.core.answer.events import error_event
from backend.core.answer.guard import LeakGuard, internal_texts
from backend.core.answer.holding import CONVERSATION, LEAKED, OTHER_LANGUAGE, UNGROUNDED, holding_reply, told
from backend.core.answer.telling import Telling
from backend.core.clock import now
from backend.core.errors import AppError
from backend.core.ids import new_id
from backend.core.model.answer import AnswerEvent, AnswerEventKind, Citation, ReplyMaterial, SourceText
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.copilot import ReplyDraft, ReplyInput
from backend.core.model.document import TURN_KINDS, Document, Part
from backend.core.model.search import Hit, SearchResult
from backend.core.model.ticket import Role
from backend.core.ports.llm import ChatModel
from backend.core.prompts.answer import NO_ANSWER
from backend.core.prompts.reply import reply_prompt
from backend.core.text.language import detect_language
from backend.core.text.masking import redact, values_of
from backend.core.text.size import clip_tokens, estimate_tokens

_TICKET_TOKENS: Final = 3_000


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
    drafting = _Drafting(document, hits, ask, chat=chat, agent=agent, budget=budget)
    if not drafting.sources:
        return drafting.finish(Usage())
    completion = await chat.complete(reply_prompt(drafting.material))
    drafting.feed(completion.text)
    return drafting.finish(completion.usage)


async def stream_reply_text(
    document: Document, result: SearchResult, ask: ReplyInput, *, chat: ChatModel, agent: str = "", budget: int = CONTEXT_TOKENS
) -> AsyncIterator[AnswerEvent]:
    """HITS, then TOKENs, then DONE with the whole ReplyDraft, or ERROR; nothing is raised for a model's failure.

    A token is shown once it can't complete an internal text any more. DONE holds what counts: where the text was
    thrown away on its way (see `warnings`), its draft replaces what was shown.
    """
    yield AnswerEvent(kind=AnswerEventKind.HITS, data=result)
    drafting = _Drafting(document, result.hits, ask, chat=chat, agent=agent, budget=budget)
    usage = Usage()
    if drafting.sources:
        telling = Telling(chat.stream(reply_prompt(drafting.material)), drafting.feed)
        try:
            async with aclosing(telling.tokens()) as tokens:
                async for token in tokens:
                    yield token
        except AppError as error:
            yield error_event(error)
            return
        usage = telling.usage
    already = len(drafting.text)
    draft = drafting.finish(usage)
    if rest := (draft.text[already:] if draft.grounded else "" if already else draft.text):
        yield AnswerEvent(kind=AnswerEventKind.TOKEN, data=rest)
    yield AnswerEvent(kind=AnswerEventKind.DONE, data=draft)


class _Drafting:
    """A draft in the making: what the model gets, the checked text so far, and the end."""

    def __init__(self, document: Document, hits: Sequence[Hit], ask: ReplyInput, *, chat: ChatModel, agent: str, budget: int) -> None:
        others = [hit for hit in hits if hit.document_id != document.document_id]
        self.sources = choose_sources(others, for_customer=True, budget=budget)
        parts = _recent([part for part in document.parts if part.visibility in FOR_CUSTOMERS and part.kind in TURN_KINDS and part.text])
        self.material = ReplyMaterial(
            title=document.title,
            parts=tuple(parts),
            language=ask.language or _language(document, parts),
            tone=ask.tone.value,
            length=ask.length.value,
            sources=_neutral(self.sources, [document.title, ask.hint, document.requester or "", *(part.text for part in parts)]),
            customer=document.requester or "",
            agent=agent,
            hint=ask.hint,
        )
        self.text = ""
        self._document, self._ask, self._chat = document, ask, chat
        self._citer = Citer([source.text.number for source in self.sources])
        self._guard = LeakGuard(internal_texts(document, hits), _open_texts(self.material))
        self._held = ""
        self._started = False

    def feed(self, piece: str) -> str:
        """Take a piece of the model's text; what of it may be shown. Nothing is shown while it may still turn out to be NO_ANSWER."""
        if not self._started:
            self._held += piece
            if NO_ANSWER.startswith(self._held.strip()[: len(NO_ANSWER)]):
                return ""
            self._started, piece = True, self._held.lstrip()
        ready = self._guard.feed(self._citer.feed(piece))
        self.text += ready
        return ready

    def finish(self, usage: Usage) -> ReplyDraft:
        """The draft, once the model has said everything; where it is of no use, one that only acknowledges the ticket."""
        self.text += self._guard.feed(self._citer.finish()) + self._guard.finish()
        if self._guard.leaked:
            return self._draft(usage, warnings=(LEAKED,))
        if not self._citer.cited or NO_ANSWER in self.text:
            return self._draft(usage, warnings=(UNGROUNDED,))
        text = self.text.rstrip()
        citations = make_citations(text, self._citer.cited, self.sources)
        warnings: list[dict[str, str]] = []
        if any(citation.visibility is Visibility.CONVERSATION for citation in citations):
            warnings.append(CONVERSATION)
        if _in_another_language(text, self.material.language):
            warnings.append(OTHER_LANGUAGE)
        return self._draft(usage, text=text, citations=citations, warnings=warnings)

    def _draft(self, usage: Usage, *, text: str = "", citations: Sequence[Citation] = (), warnings: Sequence[dict[str, str]]) -> ReplyDraft:
        language = self.material.language
        return ReplyDraft(
            draft_id=new_id("draft"),
            document_id=self._document.document_id,
            ticket_id=self._document.original_id,
            text=text or holding_reply(self.material),
            language=language,
            tone=self._ask.tone,
            length=self._ask.length,
            citations=tuple(citations),
            grounded=bool(citations),
            warnings=tuple(told(language, warning) for warning in warnings),
            model=self._chat.model,
            provider=self._chat.provider,
            usage=usage,
            created_at=now(),
        )


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


def _in_another_language(text: str, language: str) -> bool:
    """Whether most of the cited lines are Korean where English was asked for, or the other way round."""
    wanted = language.split("-", 1)[0]
    other = {"ko": "en", "en": "ko"}.get(wanted)
    found = [detect_language(line) for line in text.splitlines() if "[" in line]
    return other is not None and 2 * found.count(other) > len(found)


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
