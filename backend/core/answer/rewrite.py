"""Write a draft anew, and tell the agent which facts were lost on the way or came from nowhere."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from backend.core.answer.citations import Citer, plain_text
from backend.core.answer.events import error_event
from backend.core.answer.holding import told
from backend.core.answer.telling import Telling
from backend.core.clock import now
from backend.core.errors import AppError, Code
from backend.core.model.answer import AnswerEvent, AnswerEventKind, RewriteMaterial
from backend.core.model.budget import Usage
from backend.core.model.copilot import RewriteAction, RewriteInput, Rewritten
from backend.core.ports.llm import ChatModel
from backend.core.prompts.rewrite import rewrite_prompt
from backend.core.text.language import detect_language

_MARKER: Final = re.compile(r"\[(\d{1,3})\]")
# Links, mail addresses, codes and numbers: what must not change by being said differently.
_FACT: Final = re.compile(r"https?://[^\s<>\"')\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[A-Za-z]*[-_]?\d[\d.,:/-]*\d|[A-Za-z]+-?\d+|\d")
_SHOWN: Final = 5
_LOST: Final = {"ko": "원문의 다음 내용이 빠졌습니다: {facts}", "en": "The new text no longer has: {facts}"}
_ADDED: Final = {"ko": "원문에 없던 내용이 들어갔습니다: {facts}", "en": "The new text has what the old one did not: {facts}"}


async def rewrite_text(ask: RewriteInput, *, chat: ChatModel) -> Rewritten:
    """The text written anew. Raises INVALID_REQUEST, LANGUAGE_MODEL_NEEDED (the offline model can't), or an LLM_* code."""
    editing = _Editing(ask, chat)
    completion = await chat.complete(rewrite_prompt(editing.material))
    editing.feed(completion.text)
    return editing.finish(completion.usage)


async def stream_rewritten(ask: RewriteInput, *, chat: ChatModel) -> AsyncIterator[AnswerEvent]:
    """TOKENs, then DONE with the Rewritten; what fails before the first token is raised, later it is an ERROR."""
    editing = _Editing(ask, chat)
    telling = Telling(chat.stream(rewrite_prompt(editing.material)), editing.feed)
    try:
        async with aclosing(telling.tokens()) as tokens:
            async for token in tokens:
                yield token
        already = len(editing.text)
        made = editing.finish(telling.usage)
    except AppError as error:
        if not editing.text:
            raise
        yield error_event(error)
        return
    if rest := made.text[already:]:
        yield AnswerEvent(kind=AnswerEventKind.TOKEN, data=rest)
    yield AnswerEvent(kind=AnswerEventKind.DONE, data=made)


class _Editing:
    """A text being written anew."""

    def __init__(self, ask: RewriteInput, chat: ChatModel) -> None:
        if ask.action is RewriteAction.TRANSLATE and ask.language is None:
            raise AppError(Code.INVALID_REQUEST, "Say into which language to translate: `language`, such as `en` or `ko`.")
        if ask.action is RewriteAction.TONE and ask.tone is None:
            raise AppError(Code.INVALID_REQUEST, "Say in which tone: `tone`, one of friendly, formal and concise.")
        self.material = RewriteMaterial(
            text=ask.text,
            action=ask.action.value,
            language=ask.language or detect_language(ask.text),
            tone=ask.tone.value if ask.tone else "",
        )
        self.text = ""
        self._ask, self._chat = ask, chat
        self._citer = Citer([int(number) for number in _MARKER.findall(ask.text)], renumber=False)

    def feed(self, piece: str) -> str:
        """Take a piece of the model's text; what of it may be shown."""
        ready = self._citer.feed(piece)
        if not self.text:
            ready = ready.lstrip()
        self.text += ready
        return ready

    def finish(self, usage: Usage) -> Rewritten:
        """The whole of it. Raises LLM_REFUSED where the model said nothing."""
        self.text = (self.text + self._citer.finish()).rstrip()
        if not self.text:
            raise AppError(Code.LLM_REFUSED, "The model gave an empty text; try again, or edit the draft by hand.")
        return Rewritten(
            text=self.text,
            action=self._ask.action,
            language=self.material.language,
            tone=self._ask.tone,
            warnings=_warnings(self._ask, self.text, self.material.language),
            model=self._chat.model,
            provider=self._chat.provider,
            usage=usage,
            created_at=now(),
        )


def _warnings(ask: RewriteInput, text: str, language: str) -> tuple[str, ...]:
    before, after = _facts(ask.text), _facts(text)
    # A translation may write a time or a date in its own way, but no fact may come from nowhere in any.
    lost = [fact for fact in before if fact not in after] if ask.action is not RewriteAction.SHORTEN else []
    added = [fact for fact in after if fact not in before]
    found = ((lost, _LOST), (added, _ADDED))
    return tuple(told(language, texts).format(facts=", ".join(facts[:_SHOWN])) for facts, texts in found if facts)


def _facts(text: str) -> dict[str, None]:
    """Each once, in the order they stand; the numbers of list items and citations are none."""
    lines = (re.sub(r"^\s*\(?\d{1,2}[.)]\s+", "", line) for line in plain_text(text).splitlines())
    return dict.fromkeys(fact.rstrip(".,:/-") for line in lines for fact in _FACT.findall(line))
