"""Find what is held about one person: in payloads, in Documents, in what is kept beside them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from backend.core.ids import text_hash
from backend.core.ingest.pipeline.archive import RAW
from backend.core.ingest.pipeline.person import is_erased, people_of, scrub_raw
from backend.core.model.article import Article
from backend.core.model.document import TURN_KINDS, DocState, DocType, Document, Part, Summary
from backend.core.model.erasure import PLACEHOLDER, Held, Named
from backend.core.model.ticket import Ticket
from backend.core.text.erased import Marks, Scrubber, email_key, marks_by, marks_of, phone_key

_NOT_DIGITS: Final = bytes(each for each in range(256) if not chr(each).isdecimal() or each > 127)
_SUMMARY_TEXTS: Final = ("problem", "cause", "solution", "result", "product_area")


class Known(Struct, frozen=True, kw_only=True):
    """What a person is known by, in clear: what they were named by, and what their own records told."""

    people: tuple[Named, ...]
    names: frozenset[str] = frozenset()
    """Full names, to be looked for where nobody can say whose they are: in what is only kept for a while."""

    def marks(self, key: bytes, *, attachments: bool = False) -> Marks:
        """Their hashes."""
        hashes = {each for person in self.people for each in marks_of(key, person)}
        return marks_by(key, hashes, hashes if attachments else ())

    def may_be_in(self, data: bytes) -> bool:
        """Whether these bytes may hold them: a quick look that lets next to nothing through by mistake, and never misses one."""
        plain = data.lower()
        for person in self.people:
            if person.email and email_key(person.email).partition("@")[0].encode() in plain:
                return True
            if person.person_id and person.person_id.encode() in data:
                return True
            if person.phone and phone_key(person.phone).encode() in data.translate(None, _NOT_DIGITS):
                return True
        return False

    def with_item(self, item: Ticket | Article, marks: Marks, names: Iterable[str]) -> "Known":
        """With what an item's records tell of them: who has the address has the id, and the other way round."""
        told = {Named(email=email_key(each.email), person_id=each.original_id) for each in people_of(item) if is_erased(marks, each)}
        fresh = [each for each in sorted(told, key=lambda one: (one.email, one.person_id)) if each not in self.people]
        return replace(self, people=(*self.people, *fresh), names=self.names | frozenset(names))


class Hit(Struct, frozen=True, kw_only=True):
    """A payload of the archive that holds the person."""

    doc_type: DocType
    original_id: str
    version: str
    raw: bytes
    names: frozenset[str]
    """What the person's records in it tell."""


class _Head(Struct, frozen=True):
    doc_type: DocType
    original_id: str
    version: str = ""


def hits_in(packed: bytes, known: Known, marks: Marks) -> list[Hit]:
    """The payloads of an archive's file that hold the person. Raises zstandard.ZstdError."""
    hits = []
    for line in zstandard.decompress(packed).split(b"\n"):
        if not known.may_be_in(line):
            continue
        head, _, rest = line.partition(RAW)
        scrubber = Scrubber(marks)
        if scrub_raw(scrubber, rest[:-1]) is None:
            continue
        try:
            told = msgspec.json.decode(head + b"}", type=_Head)
        except msgspec.DecodeError:
            continue
        hits.append(Hit(doc_type=told.doc_type, original_id=told.original_id, version=told.version, raw=rest[:-1], names=scrubber.names))
    return hits


def rewritten(packed: bytes, known: Known, marks: Marks, names: Mapping[tuple[DocType, str], Iterable[str]]) -> bytes:
    """An archive's file without the person; `names` has what is known of each item beside its payload."""
    lines = []
    for line in zstandard.decompress(packed).split(b"\n"):
        if known.may_be_in(line):
            head, found, rest = line.partition(RAW)
            try:
                told = msgspec.json.decode(head + b"}", type=_Head)
                scrubber = Scrubber(marks, names.get((told.doc_type, told.original_id), ()))
            except msgspec.DecodeError:
                scrubber = Scrubber(marks)
            without = scrub_raw(scrubber, rest[:-1])
            lines.append(line if without is None else head + found + without.replace(b"\n", b" ") + b"}")
        else:
            lines.append(line)
    return zstandard.compress(b"\n".join(lines))


class Place(Struct, frozen=True, kw_only=True):
    """One text of a Document that holds the person."""

    kind: str
    """`requester`, `turn` (they wrote it), `mention`, `attachment` or `summary`."""
    where: str
    text: str
    part: Part | None = None


def places_in(document: Document, scrubber: Scrubber) -> Iterator[Place]:
    """Every text of a Document that holds the person, or was written by them."""
    if scrubber.holds(document.requester or ""):
        yield Place(kind="requester", where="requester", text=document.requester or "")
    if scrubber.holds(document.title):
        yield Place(kind="mention", where="title", text=document.title)
    for name, value in document.attributes.items():
        if scrubber.holds(value):
            yield Place(kind="mention", where=f"attributes.{name}", text=value)
    for tag in document.tags:
        if scrubber.holds(tag):
            yield Place(kind="mention", where="tags", text=tag)
    for number, part in enumerate(document.parts):
        where = f"parts[{number}]"
        if part.kind in TURN_KINDS and scrubber.holds(part.author):
            yield Place(kind="turn", where=where, text=part.text, part=part)
        elif scrubber.holds(part.text) or scrubber.holds(part.heading):
            yield Place(kind="attachment" if part.attachment_id else "mention", where=where, text=part.text, part=part)
    for where, summary in (("summary", document.summary), ("internal_summary", document.internal_summary)):
        if summary is not None and any(scrubber.holds(text) for text in _texts_of(summary)):
            yield Place(kind="summary", where=where, text="\n".join(_texts_of(summary)))


def without_person(document: Document, scrubber: Scrubber, mark: str, files: Iterable[str] = ()) -> tuple[Document, Held] | None:
    """A Document without the person and without these files, to be summarized and indexed anew; None where it holds neither.

    Its content hash becomes another one, so that what is being made of the old text is not taken for its own.
    """
    gone = set(files)
    places = list(places_in(document, scrubber))
    parts = tuple(_without(part, scrubber) for part in document.parts if part.attachment_id is None or part.attachment_id not in gone)
    if not places and len(parts) == len(document.parts):
        return None
    text = scrubber.text
    count = [place.kind for place in places].count
    held = Held(
        documents=1,
        tickets_requested=count("requester"),
        turns=count("turn"),
        mentions=count("mention"),
        summaries=sum(each is not None for each in (document.summary, document.internal_summary)),
    )
    fresh = replace(
        document,
        title=text(document.title),
        requester=None if document.requester is None else text(document.requester),
        parts=parts,
        tags=tuple(text(each) for each in document.tags),
        attributes={name: text(value) for name, value in document.attributes.items()},
        content_hash=text_hash("erased", mark, document.content_hash),
        state=DocState.PENDING,
        state_reason="",
        error_code=None,
        attempts=0,
        next_try_at=None,
        summary=None,
        internal_summary=None,
    )
    return fresh, held


def was_touched(document: Document) -> bool:
    """Whether somebody was erased from it, today or before."""
    texts = (document.title, document.requester or "", *document.attributes.values())
    return any(PLACEHOLDER in each for each in texts) or any(PLACEHOLDER in (part.text + part.author) for part in document.parts)


def _without(part: Part, scrubber: Scrubber) -> Part:
    return replace(part, text=scrubber.text(part.text), author=scrubber.text(part.author), heading=scrubber.text(part.heading))


def _texts_of(summary: Summary) -> list[str]:
    return [*(getattr(summary, name) for name in _SUMMARY_TEXTS), *summary.tags]
