"""What comes from a helpdesk passes here first: whoever was erased stays erased, though the helpdesk still has them (SPEC D5).

See docs/decisions/0050-one-persons-data.md.
"""

import asyncio
import base64
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from backend.core.ingest.attachments import ReadFile
from backend.core.model.article import Article
from backend.core.model.erasure import PLACEHOLDER, Erasure
from backend.core.model.sync import Fetched, ItemFailure
from backend.core.model.tenant import SealedSecret, Secret
from backend.core.model.ticket import Attachment, Conversation, Person, Ticket
from backend.core.ports.extract import TextPiece
from backend.core.ports.required import tenant_of
from backend.core.ports.services import Services
from backend.core.text.erased import Marks, Scrubber, marks_by

KEY_FIELD: Final = "erasures/key"
"""What the key of the hashes is sealed as."""
_KEY_BYTES: Final = 32
NOBODY: Final = Marks()


class Arrivals:
    """The marks of a tenant's erased people, looked up again whenever there may be more of them."""

    def __init__(self, services: Services, company_id: str) -> None:
        self._services = services
        self._company_id = company_id
        self._version = ""
        self.marks = NOBODY
        """As they were when they were looked up last."""

    async def look(self) -> Marks:
        """Look up who was erased."""
        async with self._services.database.open(self._company_id) as uow:
            version = await uow.erasures.version()
            if version == self._version:
                return self.marks
            erasures = await uow.erasures.list()
        self.marks = await marks_for(self._services, self._company_id, erasures)
        self._version = version
        return self.marks

    async def item(self, fetched: Fetched) -> tuple[Fetched, frozenset[str]]:
        """An item without the erased, and the names that were taken out; beside the event loop, for a payload may be large."""
        if not self.marks:
            return fetched, frozenset()
        return await asyncio.to_thread(without_erased, self.marks, fetched)


async def marks_now(services: Services, company_id: str) -> Marks:
    """The marks of a tenant's erased people."""
    return await Arrivals(services, company_id).look()


async def marks_for(services: Services, company_id: str, erasures: Sequence[Erasure]) -> Marks:
    """The marks of these erasures. Raises SECRET_UNREADABLE where the key of the hashes can't be opened."""
    if not erasures:
        return NOBODY
    return marks_by(
        await open_key(services, company_id, erasures[0].key),
        {each for erasure in erasures for each in erasure.hashes},
        {each for erasure in erasures if erasure.attachments for each in erasure.hashes},
    )


async def open_key(services: Services, company_id: str, sealed: SealedSecret) -> bytes:
    """What a tenant's hashes are keyed with."""
    tenant = await tenant_of(services.database, company_id)
    # In a thread: a key service may hold the master key.
    secret = await asyncio.to_thread(services.cipher.open, tenant, KEY_FIELD, sealed)
    return base64.b64decode(secret.reveal())


async def new_key(services: Services, company_id: str) -> SealedSecret:
    """A fresh key for a tenant's hashes."""
    tenant = await tenant_of(services.database, company_id)
    secret = Secret(base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())
    return await asyncio.to_thread(services.cipher.seal, tenant, KEY_FIELD, secret)


def without_erased(marks: Marks, fetched: Fetched) -> tuple[Fetched, frozenset[str]]:
    """The item and its payload without erased people, and the names that were taken out."""
    scrubber = Scrubber(marks)
    payload = _json(fetched.raw)
    scrubber.look(payload)
    scrubber.learn(person.name for person in people_of(fetched.item) if is_erased(marks, person))
    item = scrub_item(fetched.item, scrubber, marks)
    changed = scrubber.value(payload) if payload is not None else None
    raw = fetched.raw if changed is None or changed == payload else msgspec.json.encode(changed)
    return Fetched(item=item, raw=raw), scrubber.names


def scrub_raw(scrubber: Scrubber, raw: bytes) -> bytes | None:
    """A payload without the person, as text where it is no JSON; None where it does not hold them."""
    payload = _json(raw)
    if payload is None:
        text = raw.decode(errors="replace")
        changed_text = scrubber.text(text)
        return None if changed_text == text else changed_text.encode()
    scrubber.look(payload)
    changed = scrubber.value(payload)
    return None if changed == payload else msgspec.json.encode(changed)


def scrub_failures(marks: Marks, failures: Iterable[ItemFailure]) -> list[ItemFailure]:
    """Items that could not be taken, each with a payload without erased people."""
    if not marks:
        return list(failures)
    return [_failure(each, Scrubber(marks)) for each in failures]


def scrub_files(marks: Marks, names: Iterable[str], files: Sequence[ReadFile]) -> list[ReadFile]:
    """Read files, with texts without erased people."""
    if not marks:
        return list(files)
    scrubber = Scrubber(marks, names)
    return [replace(each, pieces=scrub_pieces(scrubber, each.pieces)) for each in files]


def scrub_pieces(scrubber: Scrubber, pieces: Iterable[TextPiece]) -> tuple[TextPiece, ...]:
    """The text of a file without them."""
    return tuple(replace(each, text=scrubber.text(each.text), heading=scrubber.text(each.heading)) for each in pieces)


def people_of(item: Ticket | Article) -> Iterator[Person]:
    """Everybody an item names by a record."""
    if isinstance(item, Ticket):
        for person in (item.requester, item.assignee, *(turn.author for turn in item.conversations)):
            if person is not None:
                yield person


def is_erased(marks: Marks, person: Person | None) -> bool:
    """Whether this is an erased person."""
    return person is not None and (marks.person(person.original_id) or (bool(person.email) and marks.email(person.email)))


def files_of(item: Ticket | Article, marks: Marks) -> list[Attachment]:
    """The files of turns that an erased person wrote whose files go too."""
    if not isinstance(item, Ticket):
        return []
    theirs = [turn for turn in item.conversations if _takes_files(marks, turn.author)]
    parents = {turn.original_id for turn in theirs}
    requested = _takes_files(marks, item.requester)
    own = [each for each in item.attachments if each.parent_id in parents or (each.parent_id is None and requested)]
    return [*own, *(each for turn in theirs for each in turn.attachments)]


def scrub_item(item: Ticket | Article, scrubber: Scrubber, marks: Marks) -> Ticket | Article:
    """The item without them: what means something to a program stays as it is."""
    text = scrubber.text
    if isinstance(item, Article):
        translations = tuple(replace(each, title=text(each.title), html=text(each.html)) for each in item.translations)
        return replace(item, translations=translations, attachments=_named(scrubber, item.attachments))
    gone = {each.original_id for each in files_of(item, marks)} if marks.without_files else frozenset[str]()
    return replace(
        item,
        subject=text(item.subject),
        requester=_person(scrubber, marks, item.requester),
        assignee=_person(scrubber, marks, item.assignee),
        tags=tuple(text(each) for each in item.tags),
        custom_fields={name: text(value) for name, value in item.custom_fields.items()},
        conversations=tuple(_turn(scrubber, marks, turn, gone) for turn in item.conversations),
        attachments=_named(scrubber, [each for each in item.attachments if each.original_id not in gone]),
    )


def _turn(scrubber: Scrubber, marks: Marks, turn: Conversation, gone: Iterable[str]) -> Conversation:
    return replace(
        turn,
        author=_person(scrubber, marks, turn.author),
        html=scrubber.text(turn.html),
        text=scrubber.text(turn.text),
        attachments=_named(scrubber, [each for each in turn.attachments if each.original_id not in gone]),
    )


def _person(scrubber: Scrubber, marks: Marks, person: Person | None) -> Person | None:
    if person is None:
        return None
    if is_erased(marks, person):
        return replace(person, name=PLACEHOLDER, email="")
    return replace(person, name=scrubber.text(person.name))


def _named(scrubber: Scrubber, files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    return tuple(replace(each, name=scrubber.text(each.name)) for each in files)


def _takes_files(marks: Marks, person: Person | None) -> bool:
    return person is not None and marks.takes_files(person.email, person.original_id)


def _failure(failure: ItemFailure, scrubber: Scrubber) -> ItemFailure:
    raw = None if failure.raw is None else scrub_raw(scrubber, failure.raw) or failure.raw
    return replace(failure, raw=raw, message=scrubber.text(failure.message))


def _json(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
