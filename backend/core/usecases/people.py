"""One person's data: told whole, and erased, for the tenant's admins (SPEC D5)."""

from collections.abc import AsyncIterator
from typing import Final

from msgspec.structs import replace

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.person import new_key, open_key
from backend.core.ingest.pipeline.person_found import Known
from backend.core.ingest.pipeline.person_known import seal_person
from backend.core.ingest.pipeline.person_look import Finding, counted, findings
from backend.core.model.erasure import Erasure, Held, Named
from backend.core.model.job import Job, JobName
from backend.core.model.tenant import Caller, SealedSecret
from backend.core.ports.services import Services
from backend.core.text.erased import email_key, is_email, is_phone, marks_of

_SHOWN: Final = 22
"""Characters of a hash that the audit log keeps: they tell people apart."""


async def export_person(services: Services, company_id: str, named: Named, *, caller: Caller) -> AsyncIterator[Finding]:
    """Everything that is held about a person, one finding after the other; audited before the first one. Raises INVALID_REQUEST."""
    named = checked(named)
    await _audit(services, company_id, named, caller, "person.export")
    return findings(services, company_id, named)


async def count_person(services: Services, company_id: str, named: Named, *, caller: Caller) -> Held:
    """How much an erasure would touch. Raises INVALID_REQUEST."""
    named = checked(named)
    await _audit(services, company_id, named, caller, "person.count")
    held = Held()
    async for finding in findings(services, company_id, named):
        held = counted(held, finding)
    return held


async def start_erasure(services: Services, company_id: str, named: Named, *, attachments: bool, caller: Caller) -> Erasure:
    """Begin to erase a person; from this moment on nothing of theirs is taken in any more. Raises INVALID_REQUEST."""
    named = checked(named)
    erasure_id = ids.new_id("erasure")
    person = await seal_person(services, company_id, erasure_id, Known(people=(named,)))
    while True:
        sealed, hashes = await _hashes(services, company_id, named)
        erasure = Erasure(erasure_id=erasure_id, created_at=clock.now(), hashes=hashes, key=sealed, attachments=attachments, person=person)
        async with services.database.open(company_id, write=True) as uow:
            others = await uow.erasures.list(limit=1)
            if others and others[0].key != sealed:
                # Somebody else began the first erasure in this moment, with the key that counts.
                continue
            await uow.erasures.put(erasure)
            await uow.audit.add(caller.audited("person.erase", erasure_id, person=hashes[0][:_SHOWN], attachments=str(attachments).lower()))
            uow.enqueue(Job(name=JobName.ERASE_PERSON, company_id=company_id, subject=erasure_id))
        return erasure


async def list_erasures(services: Services, company_id: str, limit: int) -> list[Erasure]:
    """The tenant's erasures, newest first."""
    async with services.database.open(company_id) as uow:
        return await uow.erasures.list(limit=limit)


async def get_erasure(services: Services, company_id: str, erasure_id: str) -> Erasure:
    """One erasure. Raises ERASURE_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        erasure = await uow.erasures.get(erasure_id)
    if erasure is None:
        raise AppError(Code.ERASURE_NOT_FOUND, f"There is no erasure {erasure_id}; list them with GET /api/v1/people/erasures.")
    return erasure


def checked(named: Named) -> Named:
    """What names the person, as it is compared. Raises INVALID_REQUEST for what would be found nowhere."""
    if not (named.email or named.phone or named.person_id):
        raise AppError(Code.INVALID_REQUEST, "Name the person by email, phone or person_id.")
    email = email_key(named.email) if named.email else ""
    if email and not (email.isascii() and is_email(email)):
        raise AppError(Code.INVALID_REQUEST, "The e-mail address must be one address, such as kim@example.com.")
    if named.phone and not is_phone(named.phone):
        raise AppError(Code.INVALID_REQUEST, "Write the phone number as people do, or with its country code: +82 10-1234-5678.")
    return replace(named, email=email)


async def _hashes(services: Services, company_id: str, named: Named) -> tuple[SealedSecret, tuple[str, ...]]:
    """The tenant's key, sealed, and the hashes it gives."""
    async with services.database.open(company_id) as uow:
        others = await uow.erasures.list(limit=1)
    sealed = others[0].key if others else await new_key(services, company_id)
    return sealed, marks_of(await open_key(services, company_id, sealed), named)


async def _audit(services: Services, company_id: str, named: Named, caller: Caller, action: str) -> None:
    """Who asked about whom: by hash where there is a key for it, else by what the person was named by."""
    async with services.database.open(company_id) as uow:
        others = await uow.erasures.list(limit=1)
    target = "by " + ", ".join(name for name in ("email", "phone", "person_id") if getattr(named, name))
    if others:
        target = marks_of(await open_key(services, company_id, others[0].key), named)[0][:_SHOWN]
    async with services.database.open(company_id) as uow:
        await uow.audit.add(caller.audited(action, target))
