"""Turn a ticket into Problem, Cause, Solution and Result; what is private never gets into the public summary.

    plan(document, chat)        the tasks: one over what the customer saw, one over everything where there are notes
    run(task, chat)             a task's Summary, in parts and merged where the ticket is long
    encode / decode             a Summary as the cache keeps it, under the task's key

A Summary is kept and shared, so it names nobody, whichever model wrote it and whatever the tenant's setting for masking is.
A failed summary is a failure: an answer that does not fit the schema raises SUMMARY_INVALID and is never kept.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from backend.core.ids import text_hash
from backend.core.ingest.summary_answer import read_summary, summary_of
from backend.core.model.answer import Completion, Prompt
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.document import TURN_KINDS, DocType, Document, Part, Summary, visible_parts
from backend.core.model.ticket import Presence, Role
from backend.core.ports.llm import ChatModel, Summarizer, masking_of
from backend.core.prompts.summary import MERGE_VERSION, merge_prompt, summary_prompt
from backend.core.text.masking import MASKING_VERSION
from backend.core.text.redactor import Redactor
from backend.core.text.size import clip_tokens, estimate_tokens

PART_TOKENS: Final = 6_000
"""A longer ticket is summarized in parts of at most so many tokens, by estimate."""
_ATTACHMENT_TOKENS: Final = 400
_ATTACHMENTS: Final = 5
_MERGE_AT_ONCE: Final = 12
_SHORT_LETTERS: Final = 15

TOO_SHORT: Final = "too_short"
AUTOMATED: Final = "automated"
MERGED: Final = "merged"

_LETTERS = re.compile(r"[^\W\d_]")
_AUTOMATED_TITLE = re.compile(
    r"^\W*(?:(?:re|fw|fwd)\s*:\s*)?(?:automatic reply|auto[- ]?reply|out of (?:the )?office|undeliver(?:ed|able)"
    r"|delivery status notification|mail delivery (?:failed|subsystem)|failure notice"
    r"|자동\s?(?:응답|회신)|부재\s?중(?: 자동)?|반송|메일 배달 실패)",
    re.IGNORECASE,
)


class SummaryTask(Struct, frozen=True, kw_only=True):
    """One summary to make: `key` is the same for the same input, model and prompt, and names the paid-for result."""

    key: str
    title: str
    parts: tuple[Part, ...]
    prompt: Prompt
    """Over all parts in one go; asked where they are not too long for that."""
    internal: bool
    """Over all parts, for agents only; otherwise nothing INTERNAL is in `parts`."""


class Paid(Protocol):
    """Where results that were paid for are kept, by their keys, each as soon as it is there: none is paid for twice."""

    async def ask(self, key: str, prompt: Prompt, read: Callable[[Completion], Summary]) -> tuple[Summary, Usage]:
        """The one kept under this key, else what `read` makes of the model's answer."""
        ...

    async def put(self, key: str, summary: Summary) -> None:
        """Keep one that was made of those."""
        ...


class Summarized(Struct, frozen=True, kw_only=True):
    """A ticket's summaries, and what they cost. `fresh` are the paid-for ones by key, for the cache."""

    summary: Summary | None = None
    internal_summary: Summary | None = None
    usage: Usage = Usage()
    fresh: dict[str, Summary] = {}


def skip_reason(document: Document) -> str | None:
    """Why a ticket is not worth a summary: `too_short`, `automated`, `merged`; None where it is (or where it is no ticket)."""
    if document.doc_type is not DocType.TICKET:
        return None
    if document.presence is Presence.MERGED:
        return MERGED
    human = [part for part in document.parts if part.kind in TURN_KINDS and part.role in (Role.CUSTOMER, Role.AGENT) and part.text]
    if not human or (len(human) == 1 and _AUTOMATED_TITLE.match(document.title)):
        return AUTOMATED
    letters = 0
    for part in human:
        letters += len(_LETTERS.findall(part.text, 0, 400))
        if letters >= _SHORT_LETTERS:
            return None
    return TOO_SHORT


def plan(document: Document, chat: ChatModel) -> list[SummaryTask]:
    """The summaries a Document needs: none, the public one, or also the internal one where there are private notes."""
    return [_task(document.title, parts, chat, internal=internal) for internal, parts in _wanted(document).items()]


def _wanted(document: Document) -> dict[bool, tuple[Part, ...]]:
    """What to read for the public summary (False) and for the internal one (True)."""
    if document.doc_type is not DocType.TICKET or skip_reason(document) is not None:
        return {}
    wanted = {}
    if public := _worth_reading(document.parts, internal=False):
        wanted[False] = public
    if any(part.visibility is Visibility.INTERNAL and part.kind in TURN_KINDS and part.text for part in document.parts):
        wanted[True] = _worth_reading(document.parts, internal=True)
    return wanted


def summarize_on_the_spot(document: Document, write: Summarizer, made_by: str) -> Summarized:
    """All summaries of a Document by a model that is a function: there is nothing to pay, to keep or to wait for.

    However long the ticket is, it is read in one go. Raises SUMMARY_INVALID.
    """
    wanted = _wanted(document)
    made = {internal: Redactor(parts).summary(read_summary(write(document.title, parts), made_by)) for internal, parts in wanted.items()}
    return Summarized(summary=made.get(False), internal_summary=made.get(True), usage=Usage(calls=len(made)))


def cache_key(document: Document, chat: ChatModel, *, internal: bool) -> str:
    """The key a Document's public or internal summary is kept under."""
    return _task(document.title, _worth_reading(document.parts, internal=internal), chat, internal=internal).key


async def run(task: SummaryTask, chat: ChatModel, paid: Paid | None = None) -> tuple[Summary, Usage]:
    """Make one summary; a long ticket part by part, then merged. With `paid` it is `paid` who is asked.

    Raises AppError(SUMMARY_INVALID) when the model's answer does not fit the schema, or the model's own LLM_* error.
    """
    pieces = split_parts(task.parts)
    neutral = Redactor(task.parts)
    if len(pieces) <= 1:
        return await _ask(task.prompt, chat, neutral, paid)
    summary, usage = await _in_pieces(task, pieces, chat, neutral, paid)
    if paid is not None:
        await paid.put(task.key, summary)
    return summary, usage


async def _in_pieces(
    task: SummaryTask, pieces: Sequence[tuple[Part, ...]], chat: ChatModel, neutral: Redactor, paid: Paid | None
) -> tuple[Summary, Usage]:
    usage = Usage()
    summaries: list[Summary] = []
    for piece in pieces:
        summary, used = await _ask(summary_prompt(task.title, piece), chat, neutral, paid)
        summaries.append(summary)
        usage += used
    while len(summaries) > 1:
        merged = []
        remaining = iter(summaries)
        while group := list(islice(remaining, _MERGE_AT_ONCE)):
            if len(group) == 1:
                merged += group
                continue
            summary, used = await _ask(merge_prompt(task.title, group, task.parts), chat, neutral, paid)
            merged.append(summary)
            usage += used
        summaries = merged
    return summaries[0], usage


async def _ask(prompt: Prompt, chat: ChatModel, neutral: Redactor, paid: Paid | None) -> tuple[Summary, Usage]:
    read = partial(summary_of, neutral=neutral)
    if paid is not None:
        return await paid.ask(_key(prompt, chat), prompt, read)
    completion = await chat.complete(prompt)
    return read(completion), completion.usage


async def summarize(
    document: Document, *, chat: ChatModel, cached: Mapping[str, Summary] | None = None, paid: Paid | None = None
) -> Summarized:
    """All summaries of a Document, those in `cached` (by task key) for free. Raises what `run` raises."""
    known = cached or {}
    made: dict[bool, Summary] = {}
    fresh: dict[str, Summary] = {}
    usage = Usage()
    for task in plan(document, chat):
        summary = known.get(task.key)
        if summary is None:
            summary, used = await run(task, chat, paid)
            usage += used
            fresh[task.key] = summary
        made[task.internal] = summary
    return Summarized(summary=made.get(False), internal_summary=made.get(True), usage=usage, fresh=fresh)


def encode(summary: Summary) -> bytes:
    """A Summary as the cache keeps it."""
    return msgspec.json.encode(summary)


def decode(data: bytes) -> Summary | None:
    """A kept Summary; None for bytes of another shape, so that an old cache entry costs a call, not a failure."""
    try:
        return msgspec.json.decode(data, type=Summary)
    except msgspec.MsgspecError:
        return None


def split_parts(parts: Sequence[Part], limit: int = PART_TOKENS) -> list[tuple[Part, ...]]:
    """Parts in groups of at most `limit` tokens, cut between turns; only a single turn that is longer is cut inside."""
    # No character costs more than a token; nearly every ticket ends here, without counting.
    if sum(len(part.text) for part in parts) <= limit:
        return [tuple(parts)] if parts else []
    groups: list[tuple[Part, ...]] = []
    current: list[Part] = []
    room = limit
    for part in parts:
        for piece in _cut(part, limit):
            size = estimate_tokens(piece.text)
            if current and size > room:
                groups.append(tuple(current))
                current, room = [], limit
            current.append(piece)
            room -= size
    return [*groups, tuple(current)] if current else groups


def _cut(part: Part, limit: int) -> list[Part]:
    pieces = []
    text = part.text
    while estimate_tokens(text) > limit:
        head = clip_tokens(text, limit) or text[:limit]
        pieces.append(msgspec.structs.replace(part, text=head))
        text = text[len(head) :]
    return [*pieces, msgspec.structs.replace(part, text=text)] if pieces else [part]


def _worth_reading(parts: Sequence[Part], *, internal: bool) -> tuple[Part, ...]:
    """Turns whole, and the beginnings of attachments: a log file must not crowd the conversation out."""
    chosen = []
    attachments = 0
    for part in visible_parts(parts, internal=internal):
        if part.kind in TURN_KINDS and part.text:
            chosen.append(part)
        elif part.kind == "attachment" and part.text and attachments < _ATTACHMENTS and (part.page or 1) == 1:
            attachments += 1
            chosen.append(msgspec.structs.replace(part, text=clip_tokens(part.text, _ATTACHMENT_TOKENS)))
    return tuple(chosen) if any(part.kind in TURN_KINDS for part in chosen) else ()


def _task(title: str, parts: tuple[Part, ...], chat: ChatModel, *, internal: bool) -> SummaryTask:
    prompt = summary_prompt(title, parts)
    return SummaryTask(key=_key(prompt, chat), title=title, parts=parts, prompt=prompt, internal=internal)


def _key(prompt: Prompt, chat: ChatModel) -> str:
    # The rendered messages are all a model sees, so they say exactly when a result may be used again.
    made_by = (chat.provider, chat.model, prompt.version, MERGE_VERSION, MASKING_VERSION, masking_of(chat))
    return text_hash(*made_by, *(message.text for message in prompt.messages))
