"""Connections: verify a helpdesk's credentials, seal them, and let go of everything again."""

from collections import defaultdict
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline import archive, halfway, kept_names, whereabouts
from backend.core.ingest.pipeline.erase import erase_files
from backend.core.ingest.pipeline.imported import forget_exports
from backend.core.ingest.pipeline.sources import VERIFY_SECONDS, keep_credentials, take_webhook_away, verify
from backend.core.model.connection import Connection, ConnectionState, CredentialReport
from backend.core.model.document import DocType, Document
from backend.core.model.job import Job, JobName, Line
from backend.core.model.schedule import DEFAULT_SCHEDULE
from backend.core.model.sync import RunState
from backend.core.model.tenant import Caller, SealedSecret, Secret
from backend.core.model.ticket import Presence
from backend.core.model.upload import incoming_of, kept_by
from backend.core.ports.database import UnitOfWork
from backend.core.ports.required import connection_of, tenant_of
from backend.core.ports.services import Services
from backend.core.schedule import planned

_BATCH = 200


class ConnectionInput(Struct, frozen=True, kw_only=True):
    """A helpdesk and the credentials for it."""

    platform: str
    domain: str
    base_url: str | None = None
    """Another address than the platform's own; only where the operator's allow-list has it."""
    credentials: Mapping[str, Secret]


class ConnectionChange(Struct, frozen=True, kw_only=True):
    """What shall change; None leaves it."""

    state: ConnectionState | None = None
    """PAUSED or ACTIVE."""
    credentials: Mapping[str, Secret] | None = None


class Disconnected(Struct, frozen=True, kw_only=True):
    """What was deleted with a connection."""

    connection_id: str
    documents: int
    files: int
    webhook_left: str = ""
    """The id of a webhook that could not be taken away at the helpdesk; what it sends is rejected."""


async def check_connection(
    services: Services, company_id: str, wanted: ConnectionInput, *, seconds: float = VERIFY_SECONDS
) -> CredentialReport:
    """What these credentials can read; nothing is saved. Raises as `connect` does, without CONNECTION_EXISTS."""
    await tenant_of(services.database, company_id)
    return await verify(services, company_id, _make(services, wanted), wanted.credentials, seconds=seconds)


async def connect(services: Services, company_id: str, wanted: ConnectionInput, *, caller: Caller) -> Connection:
    """Verify the credentials with the helpdesk and keep them sealed.

    A tenant has one connection a platform: Documents are identified by platform and original id, and two helpdesks of
    one platform would overwrite each other's tickets.
    Raises PLATFORM_UNKNOWN, HOST_NOT_ALLOWED, CONNECTION_EXISTS, INVALID_REQUEST, or a SOURCE_* code that names the cause.
    """
    tenant = await tenant_of(services.database, company_id)
    connection = _make(services, wanted)
    async with services.database.open(company_id) as uow:
        await _refuse_second(uow, connection)
    report = await verify(services, company_id, connection, wanted.credentials)
    connection = planned(msgspec.structs.replace(connection, report=report, verified_at=clock.now()), clock.now())
    # Only what works is kept: a secret elsewhere would stay behind, for it is in no transaction of ours.
    kept = await keep_credentials(services, tenant, connection, wanted.credentials)
    connection = msgspec.structs.replace(connection, credentials=kept)
    try:
        async with services.database.open(company_id, write=True) as uow:
            await _refuse_second(uow, connection)
            await uow.connections.put(connection)
            await _audit(uow, caller, "connection.create", connection)
    except AppError:
        await services.secrets.forget(company_id, connection.platform, connection.connection_id)
        raise
    return connection


async def list_connections(services: Services, company_id: str) -> list[Connection]:
    """All connections, oldest first."""
    async with services.database.open(company_id) as uow:
        return await uow.connections.list()


async def get_connection(services: Services, company_id: str, connection_id: str) -> Connection:
    """One connection. Raises CONNECTION_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        return await connection_of(uow, connection_id)


async def change_connection(
    services: Services, company_id: str, connection_id: str, change: ConnectionChange, *, caller: Caller
) -> Connection:
    """Pause, resume, or replace the credentials; new ones, and those of a broken connection, are verified first.

    Raises CONNECTION_NOT_FOUND, INVALID_REQUEST, or a SOURCE_* code; then nothing is changed.
    """
    before = await get_connection(services, company_id, connection_id)
    tenant = await tenant_of(services.database, company_id)
    if change.credentials is not None:
        _check_names(services, before.platform, change.credentials)
    wanted_state = change.state or (ConnectionState.PAUSED if before.state is ConnectionState.PAUSED else ConnectionState.ACTIVE)
    if wanted_state is ConnectionState.BROKEN:
        raise AppError(Code.INVALID_REQUEST, "state can be set to active or paused.")
    resumes_broken = before.state is ConnectionState.BROKEN and wanted_state is ConnectionState.ACTIVE
    report = None
    if change.credentials is not None or resumes_broken:
        report = await verify(services, company_id, before, change.credentials)
    kept = await keep_credentials(services, tenant, before, change.credentials) if change.credentials is not None else None
    async with services.database.open(company_id, write=True) as uow:
        for action in _actions(before, change, wanted_state):
            await _audit(uow, caller, action, before)
        # Read again: a sync may have moved `last_synced_at` while the helpdesk was asked.
        current = await connection_of(uow, connection_id)
        changed = msgspec.structs.replace(current, credentials=kept or current.credentials, state=wanted_state, state_reason="")
        if report is not None:
            changed = msgspec.structs.replace(changed, report=report, verified_at=clock.now())
        changed = planned(changed, clock.now()) if current.state is not wanted_state else changed
        await uow.connections.put(changed)
        if changed.state is ConnectionState.ACTIVE and changed.webhook is not None:
            # What webhooks told of meanwhile was noted and waits.
            uow.enqueue(Job(name=JobName.READ_NUDGES, company_id=company_id, subject=connection_id, line=Line.QUICK))
    return changed


def _actions(before: Connection, change: ConnectionChange, state: ConnectionState) -> list[str]:
    actions = ["connection.rotate"] if change.credentials is not None else []
    if state is not before.state:
        actions.append("connection.pause" if state is ConnectionState.PAUSED else "connection.resume")
    return actions


async def disconnect(services: Services, company_id: str, connection_id: str, *, keep_documents: bool, caller: Caller) -> Disconnected:
    """Forget a connection and its credentials; unless `keep_documents`, also what was read over it.

    Raises CONNECTION_NOT_FOUND. Interrupted anywhere, it can be asked for again.
    """
    async with services.database.open(company_id, write=True) as uow:
        connection = await connection_of(uow, connection_id)
        await uow.connections.put(msgspec.structs.replace(connection, state=ConnectionState.PAUSED))
        run = await uow.sync.active_run(connection_id)
        if run is not None:
            await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.CANCELED, finished_at=clock.now()))
    documents = files = 0
    if not keep_documents:
        documents, files = await _erase_documents(services, company_id, connection)
    files += await forget_exports(services, company_id, connection_id)
    files += await services.blobs.open(company_id).delete(halfway.folder_of(connection_id))
    left = await _forget_webhook(services, company_id, connection)
    await services.secrets.forget(company_id, connection.platform, connection_id)
    # Uploads and what was remembered of files can be read by nobody any more.
    files += await services.blobs.open(company_id).delete(kept_by(connection.platform, connection_id))
    files += await services.blobs.open(company_id).delete(incoming_of(connection_id))
    async with services.database.open(company_id) as uow:
        await uow.connections.delete(connection_id)
        await _audit(uow, caller, "connection.delete", connection, documents=str(documents), **({"webhook_left": left} if left else {}))
    return Disconnected(connection_id=connection_id, documents=documents, files=files, webhook_left=left)


async def _forget_webhook(services: Services, company_id: str, connection: Connection) -> str:
    """Take the webhook away that was made at the helpdesk; its id where that fails, which is no reason to keep the connection."""
    try:
        await take_webhook_away(services, company_id, connection)
    except AppError:
        registration = connection.webhook.registration if connection.webhook is not None else None
        return registration.webhook_id if registration is not None else ""
    return ""


async def _erase_documents(services: Services, company_id: str, connection: Connection) -> tuple[int, int]:
    """Remove documents from index, files and store in this order, batch by batch: what is listed still is left to do."""
    index = await services.indexes.open(company_id)
    blobs = services.blobs.open(company_id)
    documents = files = 0
    while True:
        async with services.database.open(company_id) as uow:
            page, _ = await uow.documents.list(connection_id=connection.connection_id, limit=_BATCH)
        if not page:
            break
        await index.delete([document.document_id for document in page])
        files += await erase_files(services, company_id, [document.document_id for document in page])
        async with services.database.open(company_id) as uow:
            await _mark_deleted(uow, connection.connection_id, page)
        documents += len(page)
    files += await blobs.delete(archive.folder_of(connection)) + await blobs.delete(kept_names.key_of(connection))
    await blobs.delete(whereabouts.key_of(connection))
    return documents, files


async def _mark_deleted(uow: UnitOfWork, connection_id: str, documents: list[Document]) -> None:
    by_type: dict[DocType, dict[str, str]] = defaultdict(dict)
    for document in documents:
        by_type[document.doc_type][document.original_id] = Presence.DELETED.value
    for doc_type, gone in by_type.items():
        await uow.documents.mark_deleted(connection_id, doc_type, gone, clock.now())


def _make(services: Services, wanted: ConnectionInput) -> Connection:
    """The connection, without its credentials."""
    domain = services.sources.check_address(wanted.platform, wanted.domain, wanted.base_url)
    _check_names(services, wanted.platform, wanted.credentials)
    return Connection(
        connection_id=ids.new_id("conn"),
        platform=wanted.platform,
        domain=domain,
        base_url=wanted.base_url,
        credentials=SealedSecret(""),
        created_at=clock.now(),
        schedule=DEFAULT_SCHEDULE,
    )


def _check_names(services: Services, platform: str, credentials: Mapping[str, Secret]) -> None:
    choices = services.sources.credential_choices(platform)
    known = any(sorted(credentials) == sorted(choice) for choice in choices)
    if not known or not all(secret.reveal().strip() for secret in credentials.values()):
        needed = " or ".join(", ".join(choice) for choice in choices)
        raise AppError(Code.INVALID_REQUEST, f"credentials for {platform} must have exactly: {needed}; none of them empty.")


async def _refuse_second(uow: UnitOfWork, wanted: Connection) -> None:
    for other in await uow.connections.list():
        if other.platform == wanted.platform:
            raise AppError(
                Code.CONNECTION_EXISTS,
                f"{other.domain} is connected already, and a tenant has one {other.platform} connection: "
                "change its credentials with PATCH, or delete it first.",
                details={"connection_id": other.connection_id},
            )


async def _audit(uow: UnitOfWork, caller: Caller, action: str, connection: Connection, **details: str) -> None:
    told = {"platform": connection.platform, "domain": connection.domain} | details
    await uow.audit.add(caller.audited(action, connection.connection_id, **told))
