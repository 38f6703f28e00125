"""Erase what is held about one person, pass by pass, until a pass finds nothing more; killed anywhere, it goes on there.

archive     each payload that holds them: first its Document, then the payload, so that a kill in between finds it again
documents   what else of Documents names them
kept        answers, thumbs, the quarantine, results of models; names and half-read items
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import zstandard
from msgspec.structs import replace

from backend.core import clock
from backend.core.ingest.pipeline.halfway import PLACE as HALFWAY
from backend.core.ingest.pipeline.person import open_key, scrub_raw
from backend.core.ingest.pipeline.person_exports import take_back_exports
from backend.core.ingest.pipeline.person_files import Gone, forget_files, own_files
from backend.core.ingest.pipeline.person_found import Hit, Known, hits_in, places_in, rewritten, was_touched, without_person
from backend.core.ingest.pipeline.person_known import open_person, seal_person
from backend.core.ingest.pipeline.person_look import ARCHIVE
from backend.core.ingest.pipeline.person_remakes import Remaker
from backend.core.ingest.pipeline.person_texts import scrub_texts, vector_keys
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.erasure import Erasure, ErasureState, Held
from backend.core.model.job import processing
from backend.core.model.tenant import AuditEntry, SealedSecret
from backend.core.ports.database import UnitOfWork
from backend.core.ports.erasures import TextPlace
from backend.core.ports.services import Services
from backend.core.text.erased import Marks, Scrubber

AGAIN_SECONDS: Final = 3.0
"""Between two passes: what was on its way when the first one came by has arrived by then."""
ACTOR: Final = "erasure"
"""Who ends an erasure, as the audit log names it."""
NAMES: Final = "names"
_PAGE: Final = 200
_SAVED_EVERY: Final = 50
"""Files of the archive between two notes of the place, where none of them holds the person."""


async def erase_person(services: Services, company_id: str, erasure_id: str) -> float | None:
    """Go on with an erasure as far as it goes. None: it is done. A number: come back after so many seconds."""
    async with services.database.open(company_id) as uow:
        erasure = await uow.erasures.get(erasure_id)
    if erasure is None or erasure.person is None or erasure.state is ErasureState.DONE:
        return None
    key = await open_key(services, company_id, erasure.key)
    eraser = Eraser(services, company_id, erasure, await open_person(services, company_id, erasure), key=key)
    await eraser.go_through()
    if eraser.erasure.touched or eraser.erasure.passes < 1 or await eraser.is_under_way():
        await eraser.begin_again()
        return AGAIN_SECONDS
    return None if await eraser.finish() else AGAIN_SECONDS


class Eraser:
    """One pass over all that is kept of a tenant."""

    def __init__(self, services: Services, company_id: str, erasure: Erasure, known: Known, *, key: bytes) -> None:
        self._services = services
        self._company_id = company_id
        self._key = key
        self._known = known
        self._marks = known.marks(key, attachments=erasure.attachments)
        self._blobs = services.blobs.open(company_id)
        self.erasure = erasure
        """As it was last saved."""

    async def go_through(self) -> None:
        """What is left of the pass."""
        phases = {"archive": self._archive, "documents": self._documents, "kept": self._kept}
        names = list(phases)
        for name in names[names.index(self.erasure.phase) if self.erasure.phase in names else 0 :]:
            if self.erasure.phase != name:
                await self._save(phase=name, after="")
            await phases[name]()

    async def begin_again(self) -> None:
        """The next pass begins at the beginning."""
        await self._save(phase="archive", after="", touched=0, passes=self.erasure.passes + 1)

    async def is_under_way(self) -> bool:
        """Whether something may still bring the person back: a run that began before, or a Document made of what was there before."""
        async with self._services.database.open(self._company_id) as uow:
            for connection in await uow.connections.list():
                run = await uow.sync.active_run(connection.connection_id)
                if run is not None and run.created_at < self.erasure.created_at:
                    return True
            after: str | None = None
            while True:
                states = [DocState.PENDING, DocState.PROCESSING]
                page, after = await uow.documents.list(states=states, limit=_PAGE, after=after)
                # One that waits for a provider has left the index; it comes back as it is now.
                if any(each.next_try_at is None and was_touched(each) for each in page):
                    return True
                if after is None:
                    return False

    async def finish(self) -> bool:
        """Clean the files that the person was in, and forget who it was; False where that has to wait for somebody who reads."""
        await take_back_exports(self._services, self._company_id, actor=ACTOR)
        await self._services.caches.drop(self._company_id)
        await self._services.streams.drop(self._company_id)
        index = await self._services.indexes.open(self._company_id)
        await index.purge()
        if not await self._services.database.purge():
            return False
        done = replace(self.erasure, state=ErasureState.DONE, phase="", after="", person=None, finished_at=clock.now())
        told = {name: str(value) for name, value in msgspec.structs.asdict(done.held).items() if value}
        entry = AuditEntry(at=clock.now(), actor=ACTOR, action="person.erased", target=done.erasure_id, details=told)
        async with self._services.database.open(self._company_id, write=True) as uow:
            await uow.erasures.put(done)
            await uow.audit.add(entry)
        self.erasure = done
        return True

    async def _archive(self) -> None:
        async with self._services.database.open(self._company_id) as uow:
            connections = {each.connection_id: each for each in await uow.connections.list()}
        async with Remaker(self._services, self._company_id, connections) as remaker:
            keys = [key for key in await self._blobs.list(ARCHIVE) if key > self.erasure.after]
            for number, key in enumerate(keys, 1):
                await self._archived(remaker, key)
                if number % _SAVED_EVERY == 0:
                    await self._save(after=key)
            for key in await self._blobs.list(NAMES):
                await self._rewrite(key)

    async def _archived(self, remaker: Remaker, key: str) -> None:
        packed = await self._blobs.get(key)
        try:
            hits = await asyncio.to_thread(hits_in, packed, self._known, self._marks) if packed else []
        except zstandard.ZstdError:
            return
        if packed is None or not hits:
            return
        names: dict[tuple[DocType, str], frozenset[str]] = {}
        gone: dict[str, set[str]] = {}
        platform, connection_id = key.split("/")[1:3]
        for hit in hits:
            names[hit.doc_type, hit.original_id] = hit.names | await self._learn(remaker, connection_id, hit, gone)
        scrubbers = {remaker.document_id(platform, *item): Scrubber(self._marks, found) for item, found in names.items()}
        await self._change(scrubbers, gone, payloads=len(hits), after=None)
        await self._blobs.put(key, await asyncio.to_thread(rewritten, packed, self._known, self._marks, names))

    async def _learn(self, remaker: Remaker, connection_id: str, hit: Hit, gone: dict[str, set[str]]) -> frozenset[str]:
        """What an item's records tell of the person: names, which are returned, ids and addresses; and which files are theirs."""
        item = await remaker.item(connection_id, hit)
        names = hit.names | (remaker.names_in(item, self._marks) if item is not None else frozenset())
        if item is None:
            self._known = replace(self._known, names=self._known.names | names)
            return names
        self._known = self._known.with_item(item, self._marks, names)
        self._marks = self._known.marks(self._key, attachments=self.erasure.attachments)
        if self.erasure.attachments:
            platform = remaker.platform_of(connection_id)
            gone[remaker.document_id(platform, hit.doc_type, hit.original_id)] = own_files(platform, item, self._marks)
        return names

    async def _rewrite(self, key: str) -> None:
        """A file of names without the person."""
        packed = await self._blobs.get(key)
        try:
            plain = zstandard.decompress(packed) if packed else b""
        except zstandard.ZstdError:
            return
        without = await asyncio.to_thread(scrub_raw, Scrubber(self._marks), plain) if plain else None
        if without is not None:
            await self._blobs.put(key, zstandard.compress(without))
            await self._save(touched=self.erasure.touched + 1, held=self.erasure.held.plus(Held(payloads=1)))

    async def _documents(self) -> None:
        after = self.erasure.after or None
        while True:
            async with self._services.database.open(self._company_id) as uow:
                page, after = await uow.documents.list(limit=_PAGE, after=after)
            held = await asyncio.to_thread(_holding, page, self._marks)
            await self._change({document_id: Scrubber(self._marks) for document_id in held}, {}, after=after or "")
            if after is None:
                return

    async def _change(
        self, scrubbers: dict[str, Scrubber], gone: dict[str, set[str]], *, payloads: int = 0, after: str | None = None
    ) -> None:
        """Store Documents without the person, to be made anew, and how far the pass is; all or nothing."""
        vectors = await vector_keys(self._services, self._company_id, list(scrubbers))
        lost = await self._choose_files(scrubbers, gone)
        # Files first: whoever is killed behind them finds the rows that name them again.
        await forget_files(self._services, self._company_id, lost, self._marks)
        held = Held(payloads=payloads, attachments=len(lost.files))
        fresh: list[Document] = []
        person = await seal_person(self._services, self._company_id, self.erasure.erasure_id, self._known)
        async with self._services.database.open(self._company_id, write=True) as uow:
            for document_id, document in (await uow.documents.get_many(list(scrubbers))).items():
                if document.state is DocState.DELETED:
                    continue
                changed = without_person(document, scrubbers[document_id], self.erasure.erasure_id, lost.ids_of(document_id))
                if changed is not None:
                    fresh.append(changed[0])
                    held = held.plus(changed[1])
            await self._put(uow, fresh, lost)
            if vectors:
                await uow.erasures.rewrite(TextPlace.CACHED, dict.fromkeys(vectors))
            saved = self._noted(after, held, lost, person)
            await uow.erasures.put(saved)
        self.erasure = saved
        if fresh:
            await (await self._services.indexes.open(self._company_id)).delete([each.document_id for each in fresh])

    async def _choose_files(self, scrubbers: Mapping[str, Scrubber], gone: Mapping[str, set[str]]) -> Gone:
        lost = Gone()
        if not scrubbers:
            return lost
        async with self._services.database.open(self._company_id) as uow:
            stored = await uow.documents.get_many(list(scrubbers))
            files = await uow.attachments.of(list(stored)) if stored else []
            for document_id, document in stored.items():
                mine = [each for each in files if each.document_id == document_id]
                lost.choose(mine, document, scrubbers[document_id], gone.get(document_id, ()), erase=self.erasure.attachments)
            await lost.look_for_others(uow)
        return lost

    async def _put(self, uow: UnitOfWork, fresh: Sequence[Document], lost: Gone) -> None:
        if fresh:
            await uow.documents.put(fresh)
            # Articles that are found by these customers' words are indexed anew without them.
            await uow.documents.reindex(await uow.solved.replace({each.document_id: () for each in fresh}))
            uow.enqueue(processing(self._company_id))
        await lost.write(uow)

    def _noted(self, after: str | None, held: Held, lost: Gone, person: SealedSecret) -> Erasure:
        touched = held.documents + held.payloads + held.attachments
        erasure = replace(
            self.erasure,
            after=self.erasure.after if after is None else after,
            touched=self.erasure.touched + touched,
            held=self.erasure.held.plus(held),
            files_left=max(self.erasure.files_left, lost.left),
        )
        return replace(erasure, hashes=tuple(sorted(self._marks.hashes)), person=person) if touched else erasure

    async def _kept(self) -> None:
        for place in TextPlace:
            held = await scrub_texts(self._services, self._company_id, place, self._known, self._marks)
            await self._save(touched=self.erasure.touched + sum(msgspec.structs.astuple(held)), held=self.erasure.held.plus(held))
        await self._blobs.delete(HALFWAY)

    async def _save(self, **changes: object) -> None:
        erasure = replace(self.erasure, **changes)
        async with self._services.database.open(self._company_id, write=True) as uow:
            await uow.erasures.put(erasure)
        self.erasure = erasure


def _holding(documents: Sequence[Document], marks: Marks) -> list[str]:
    """The ids of those that hold the person."""
    scrubber = Scrubber(marks)
    return [each.document_id for each in documents if next(places_in(each, scrubber), None) is not None]
