"""A server that is killed in the middle of a ticket's conversations goes on from the page it had."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.data.model import Story
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e import test_kill as killing

PAGES = 9
LONG = 3
"""The last of three tickets."""
VIEWS, TURNS = "GET /api/v2/tickets/{id}", "GET /api/v2/tickets/{id}/conversations"
MOMENT = 1_788_000_000


def _lengthen(sandbox: SandboxServer, turns: int) -> None:
    """Give one ticket so many conversations, written long ago."""
    change.add_turn(sandbox.site, LONG, {"body": "<div>확인했습니다.</div>"})
    story = sandbox.account.story(LONG)
    one = story.turns[-1]
    more = [
        replace(one, id=one.id + 1 + n, body=f"<div>{n}번째 확인</div>", created_at=MOMENT - turns + n)
        for n in range(turns - len(story.turns))
    ]
    sandbox.account.change_story(LONG, Story(story.description, story.attachments, [*story.turns, *more]))
    change.touch(sandbox.site, sandbox.account.tickets[LONG], MOMENT)


def _parts(data_dir: Path) -> int:
    query = "SELECT json_array_length(content, '$.parts') FROM documents WHERE doc_type = 'ticket' AND original_id = ?"
    with closing(sqlite3.connect(data_dir / "desklore.db")) as database:
        count: int = database.execute(query, [str(LONG)]).fetchone()[0]
        return count


def _kept(data_dir: Path) -> int:
    return len(list(data_dir.glob("**/halfway/**/*.zst")))


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "changed meanwhile"])
async def test_a_kill_in_the_middle_of_a_ticket_repeats_one_page_at_most(tmp_path: Path, *, changed: bool) -> None:
    async with running_sandbox(SandboxOptions(tickets=LONG, latency_ms=100)) as sandbox:
        _lengthen(sandbox, 100 * PAGES - 50)
        counted = sandbox.stats.requests
        port = killing._free_port()
        async with killing._server(tmp_path, port) as process:
            key, run_id = await killing._begin(port, killing._freshdesk(sandbox) | {"base_url": sandbox.base_url})
            async with asyncio.timeout(60):
                while counted[TURNS] < PAGES // 2:
                    await asyncio.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        before, viewed = counted[TURNS], counted[VIEWS]
        assert before < PAGES, "it was killed in the middle"
        # What its last call was answered with, it may not have had time to keep.
        assert _kept(tmp_path) >= before - 1
        if changed:
            change.touch(sandbox.site, sandbox.account.tickets[LONG], MOMENT + 60)
        async with killing._server(tmp_path, port):
            await killing._finish(port, key, run_id)
        assert counted[TURNS] <= (before + PAGES if changed else PAGES + 1)
        # The page of the list is taken again, and with it the other two tickets; the long one only where it changed.
        assert counted[VIEWS] - viewed == (LONG if changed else LONG - 1)
        assert _kept(tmp_path) == 0
        assert _parts(tmp_path) == 1 + len(sandbox.account.turns(LONG))
