"""Ask the model over chosen sources; an answer without a valid citation is no answer, and it is said so."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from backend.core.answer.citations import Citer, make_citations
from backend.core.answer.context import CONTEXT_TOKENS, choose_sources
from backend.core.answer.events import error_body, error_event
from backend.core.answer.reply import generate_reply_text
from backend.core.answer.telling import Telling
from backend.core.clock import now
from backend.core.errors import AppError
from backend.core.ids import new_id
from backend.core.model.answer import Answer, AnswerEvent, AnswerEventKind, Citation, Prompt
from backend.core.model.budget import Usage
from backend.core.model.search import SearchResult
from backend.core.ports.llm import ChatModel
from backend.core.prompts.answer import NO_ANSWER, answer_prompt
from backend.core.text.language import detect_language

__all__ = ["error_body", "generate_answer", "generate_reply_text", "not_in_sources", "stream_answer"]

_NOT_IN_SOURCES: Final = {"ko": "제공된 자료에는 이 질문에 대한 답이 없습니다.", "en": "The sources don't answer this."}


def not_in_sources(language: str) -> str:
    """The plain sentence for a question the sources don't answer, in its language."""
    return _NOT_IN_SOURCES.get(language, _NOT_IN_SOURCES["en"])


async def generate_answer(
    question: str,
    result: SearchResult,
    *,
    chat: ChatModel,
    language: str | None = None,
    for_customer: bool = False,
    budget: int = CONTEXT_TOKENS,
) -> Answer:
    """A grounded answer, or one that says the sources don't answer; without Hits to answer from, no model is called.

    `language` (ISO 639-1) is the answer's, None: the question's own. `for_customer` keeps INTERNAL text away from the model.
    Raises AppError with an LLM_* code when the model fails or refuses.
    """
    draft = _Draft(question, result, chat=chat, language=language, for_customer=for_customer, budget=budget)
    if not draft.sources:
        return draft.unanswered()
    completion = await chat.complete(draft.prompt())
    draft.feed(completion.text)
    return draft.finish(completion.usage)


async def stream_answer(
    question: str,
    result: SearchResult,
    *,
    chat: ChatModel,
    language: str | None = None,
    for_customer: bool = False,
    budget: int = CONTEXT_TOKENS,
) -> AsyncGenerator[AnswerEvent, None]:
    """HITS, then TOKENs, then DONE with the whole Answer, or ERROR with `code` and `message`; nothing is raised for a model's failure.

    DONE holds what counts: where a model streamed a text without a valid citation, its Answer says that the sources don't answer.
    """
    yield AnswerEvent(kind=AnswerEventKind.HITS, data=result)
    draft = _Draft(question, result, chat=chat, language=language, for_customer=for_customer, budget=budget)
    if not draft.sources:
        answer = draft.unanswered()
        yield AnswerEvent(kind=AnswerEventKind.TOKEN, data=answer.text)
        yield AnswerEvent(kind=AnswerEventKind.DONE, data=answer)
        return
    telling = Telling(chat.stream(draft.prompt()), draft.feed)
    try:
        async with aclosing(telling.tokens()) as tokens:
            async for token in tokens:
                yield token
    except AppError as error:
        yield error_event(error)
        return
    already = len(draft.text)
    answer = draft.finish(telling.usage)
    if rest := (draft.text[already:] if answer.grounded else "" if telling.shown else answer.text):
        yield AnswerEvent(kind=AnswerEventKind.TOKEN, data=rest)
    yield AnswerEvent(kind=AnswerEventKind.DONE, data=answer)


class _Draft:
    """An answer in the making: its sources, the text so far with checked markers, and the end."""

    def __init__(
        self, question: str, result: SearchResult, *, chat: ChatModel, language: str | None, for_customer: bool, budget: int
    ) -> None:
        self.question = question
        self.language = language or detect_language(question)
        self.sources = choose_sources(result.hits, for_customer=for_customer, budget=budget) if result.answerable else []
        self.text = ""
        self._chat = chat
        self._for_customer = for_customer
        self._citer = Citer([source.text.number for source in self.sources])
        self._held = ""
        self._started = False

    def prompt(self) -> Prompt:
        """What the model is asked."""
        return answer_prompt(self.question, self.language, [source.text for source in self.sources], for_customer=self._for_customer)

    def feed(self, piece: str) -> str:
        """Take a piece of the model's text; what of it may be shown. Nothing is shown while it may still turn out to be NO_ANSWER."""
        if not self._started:
            self._held += piece
            if NO_ANSWER.startswith(self._held.strip()[: len(NO_ANSWER)]):
                return ""
            self._started, piece = True, self._held.lstrip()
        ready = self._citer.feed(piece)
        self.text += ready
        return ready

    def finish(self, usage: Usage) -> Answer:
        """The Answer, once the model has said everything."""
        self.text += self._citer.finish()
        if not self._citer.cited or NO_ANSWER in self.text:
            return self.unanswered(usage)
        text = self.text.rstrip()
        return self._answer(text, make_citations(text, self._citer.cited, self.sources), usage)

    def unanswered(self, usage: Usage | None = None) -> Answer:
        """The Answer that says that the sources don't answer."""
        return self._answer(not_in_sources(self.language), (), usage or Usage())

    def _answer(self, text: str, citations: Sequence[Citation], usage: Usage) -> Answer:
        return Answer(
            answer_id=new_id("ans"),
            question=self.question,
            text=text,
            language=self.language,
            grounded=bool(citations),
            citations=tuple(citations),
            model=self._chat.model,
            provider=self._chat.provider,
            usage=usage,
            created_at=now(),
        )
