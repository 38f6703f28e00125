"""Who is erased, in clear, sealed for as long as the erasure runs."""

import asyncio

import msgspec

from backend.core.ingest.pipeline.person_found import Known
from backend.core.model.erasure import Erasure
from backend.core.model.tenant import SealedSecret, Secret
from backend.core.ports.required import tenant_of
from backend.core.ports.services import Services


async def seal_person(services: Services, company_id: str, erasure_id: str, known: Known) -> SealedSecret:
    """What `open_person` opens, for this erasure alone."""
    tenant = await tenant_of(services.database, company_id)
    secret = Secret(msgspec.json.encode(known).decode())
    return await asyncio.to_thread(services.cipher.seal, tenant, _field(erasure_id), secret)


async def open_person(services: Services, company_id: str, erasure: Erasure) -> Known:
    """Who it is. Only while the erasure runs."""
    if erasure.person is None:
        raise ValueError("who was erased is known while the erasure runs, and not after it")
    tenant = await tenant_of(services.database, company_id)
    plain = await asyncio.to_thread(services.cipher.open, tenant, _field(erasure.erasure_id), erasure.person)
    return msgspec.json.decode(plain.reveal(), type=Known)


def _field(erasure_id: str) -> str:
    return f"erasures/{erasure_id}"
