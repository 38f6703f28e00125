"""The person in what is kept beside Documents: answers, thumbs, the quarantine, results of models."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from backend.core.ingest import embed
from backend.core.ingest.pipeline.paid import is_paid
from backend.core.ingest.pipeline.person_found import Known
from backend.core.model.erasure import Held
from backend.core.ports.erasures import KeptText, TextPlace
from backend.core.ports.kept_vectors import vector_key
from backend.core.ports.services import Services
from backend.core.text.erased import Marks, Scrubber

_PAGE: Final = 500
_COUNTED: Final = {
    TextPlace.ANSWERS: "answers",
    TextPlace.FEEDBACK: "feedback",
    TextPlace.FAILURES: "payloads",
    TextPlace.CACHED: "cached",
}


async def texts_with(
    services: Services, company_id: str, place: TextPlace, known: Known, marks: Marks
) -> AsyncIterator[tuple[list[KeptText], dict[str, bytes | None]]]:
    """Page by page the records of a place that hold the person, and what is to stand in their place."""
    after = ""
    while True:
        async with services.database.open(company_id) as uow:
            page = await uow.erasures.texts(place, after, _PAGE)
        if not page:
            return
        after = page[-1].key
        changes = {each.key: change[0] for each in page if (change := _without(place, each, known, marks)) is not None}
        if changes:
            yield [each for each in page if each.key in changes], changes


async def scrub_texts(services: Services, company_id: str, place: TextPlace, known: Known, marks: Marks) -> Held:
    """Take the person out of all records of a place."""
    changed = 0
    async for _, changes in texts_with(services, company_id, place, known, marks):
        async with services.database.open(company_id, write=True) as uow:
            changed += await uow.erasures.rewrite(place, changes)
    return Held(**{_COUNTED[place]: changed})


async def vector_keys(services: Services, company_id: str, document_ids: Sequence[str]) -> list[str]:
    """Under what the vectors of these Documents' texts are kept that were paid for."""
    embedder = (await services.models_of(company_id)).embed
    if not document_ids or not is_paid(embedder.provider):
        return []
    async with services.database.open(company_id) as uow:
        documents = await uow.documents.get_many(document_ids)
    chunks = [chunk for document in documents.values() for chunk in embed.chunk_document(document)]
    return [msgspec.json.encode([vector_key(embedder, chunk.text)]).decode() for chunk in chunks]


def counted_as(place: TextPlace) -> str:
    """The field of Held that counts this place."""
    return _COUNTED[place]


def _without(place: TextPlace, text: KeptText, known: Known, marks: Marks) -> tuple[bytes | None] | None:
    """What is to stand there, which is None to delete it: a result of a model, and a thumb that the person gave.

    None where the record does not hold them.
    """
    plain = text.data.decode(errors="replace")
    key = text.key.encode()
    if not known.may_be_in(text.data) and not known.may_be_in(key) and not any(name in plain for name in known.names):
        return None
    scrubber = Scrubber(marks, known.names, parts=False)
    if place is TextPlace.FEEDBACK and scrubber.holds(text.key):
        return (None,)
    try:
        value: Any = msgspec.json.decode(text.data)
    except msgspec.DecodeError:
        value = plain
    without = scrubber.value(value)
    if without == value:
        return None
    if place is TextPlace.CACHED:
        return (None,)
    if place is TextPlace.FAILURES:
        # What could not be taken is asked for again anyway.
        without["raw"] = None
    return (msgspec.json.encode(without),)
