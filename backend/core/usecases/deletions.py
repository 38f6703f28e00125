"""Deletions that wait for an admin, because too many items vanished at once (SPEC A7)."""

from msgspec import Struct

from backend.core import clock, ids
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.model.sync import HeldDeletion
from backend.core.model.tenant import Caller
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services

_BATCH = 200


class HeldItem(Struct, frozen=True, kw_only=True):
    """One that waits, with what it is called."""

    held: HeldDeletion
    document_id: str
    title: str


class HeldItems(Struct, frozen=True, kw_only=True):
    """The first of those that wait, and how many there are."""

    items: list[HeldItem]
    total: int


async def list_held(services: Services, company_id: str, connection_id: str, limit: int) -> HeldItems:
    """What seems to be gone and is still found. Raises CONNECTION_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
        held = await uow.sweeps.list_held(connection_id, limit)
        by_id = {_document_id(company_id, connection, each): each for each in held}
        documents = await uow.documents.get_many(list(by_id))
        total = await uow.sweeps.count_held(connection_id)
    items = [
        HeldItem(held=each, document_id=document_id, title=documents[document_id].title if document_id in documents else "")
        for document_id, each in by_id.items()
    ]
    return HeldItems(items=items, total=total)


async def delete_held(services: Services, company_id: str, connection_id: str, caller: Caller) -> int:
    """Delete them after all; returns how many. What came back in the meantime stays. Safe to call again."""
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
    index = await services.indexes.open(company_id)
    deleted = 0
    while True:
        async with services.database.open(company_id) as uow:
            held = await uow.sweeps.list_held(connection_id, _BATCH)
            documents = await uow.documents.get_many([_document_id(company_id, connection, each) for each in held])
        if not held:
            break
        gone = [
            each
            for each in held
            if (document := documents.get(_document_id(company_id, connection, each))) is not None and document.stored_at < each.at
        ]
        await index.delete([_document_id(company_id, connection, each) for each in gone])
        async with services.database.open(company_id, write=True) as uow:
            for doc_type in DocType:
                presences = {each.original_id: each.presence.value for each in gone if each.doc_type is doc_type}
                deleted += len(await uow.documents.mark_deleted(connection_id, doc_type, presences, clock.now()))
                await uow.sweeps.drop_held(connection_id, doc_type, [each.original_id for each in held if each.doc_type is doc_type])
    await _audit(services, company_id, connection_id, caller, action="deletions.delete", items=deleted)
    return deleted


async def keep_held(services: Services, company_id: str, connection_id: str, caller: Caller) -> int:
    """Keep them; returns how many. The next complete listing looks for them again."""
    async with services.database.open(company_id, write=True) as uow:
        await connection_of(uow, connection_id)
        kept = await uow.sweeps.count_held(connection_id)
        await uow.sweeps.drop_held(connection_id)
    await _audit(services, company_id, connection_id, caller, action="deletions.keep", items=kept)
    return kept


def _document_id(company_id: str, connection: Connection, held: HeldDeletion) -> str:
    return ids.document_id(company_id, connection.platform, held.doc_type, held.original_id)


async def _audit(services: Services, company_id: str, connection_id: str, caller: Caller, *, action: str, items: int) -> None:
    entry = caller.audited(action, connection_id, items=str(items))
    async with services.database.open(company_id, write=True) as uow:
        await uow.audit.add(entry)
