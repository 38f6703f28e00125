"""A CSV of tickets from the file to the store: tickets a second beside a loop that only reads rows and inserts them.

The bare loop is csv.reader and one INSERT of all rows into SQLite. Desklore's side is a whole first sync: found out what the columns
are, every row looked through, then made, merged, hashed, archived and stored with its cursor, page by page. A second sync of the
unchanged file, and one after a single row changed, follow. The processing that comes after (summaries, index) is not part of it.
Run it with `python -m bench.files [tickets]`.
"""

import asyncio
import csv
import json
import multiprocessing
import random
import resource
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from backend.bootstrap import build
from backend.core.ingest.pipeline.progress import open_run
from backend.core.ingest.pipeline.streams import read_source
from backend.core.model.sync import Run, RunOptions, RunState
from backend.core.ports.services import Services
from backend.core.usecases import connections, tenants
from backend.runtime import relax_collector
from backend.settings import Settings
from bench.sides import OPERATOR, stages_of

TICKETS = 20_000
WANTED = 5_000.0
_HEADINGS = tuple("문의번호 제목 문의내용 답변내용 상태 우선순위 고객명 이메일 담당자 분류 접수일시 처리일시 주문번호".split())  # noqa: SIM905 - as the file has them
_TEXT = """로그인이 되지 않고 오류가 반복됩니다 결제를 했는데 영수증 메일이 오지 않아요 배송지 변경을 요청드립니다 앱을 다시 설치해도
같은 화면에서 멈춥니다 the export stops at 99 percent and the page reloads 관리자 권한을 다시 확인해 주세요 webhook token expired"""
_STATES = ("접수", "처리중", "답변완료", "종료")


def main() -> None:
    """Measure both sides, and print a table and a line of figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    # As `serve`, `up` and `worker` do.
    relax_collector()
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        path = Path(folder) / "roots" / "bench" / "tickets.csv"
        path.parent.mkdir(parents=True)
        write_export(path, count)
        floor = _floor(path, Path(folder) / "floor.db")
        ours = uvloop.run(_desklore(Path(folder), path, count))
        megabytes = path.stat().st_size / 1e6
    # The helpers live as long as the syncs, and the first is nearly all that they do.
    ours["helpers_cpu_us"] = _cpu(resource.RUSAGE_CHILDREN) / count * 1e6
    print(f"Files: a CSV of {count:,} tickets, {megabytes:.1f} MB, cp949")
    print(f"  floor     {floor:10,.0f} rows/s      csv.reader and one INSERT")
    print(f"  first     {ours['tickets_per_s']:10,.0f} tickets/s   stored; wanted {WANTED:,.0f}")
    own, stages = ours["own_cpu_us"], "  ".join(f"{stage} {us:,.0f}" for stage, us in ours["stages_cpu_us"].items())
    print(f"  processor {own + ours['helpers_cpu_us']:10,.0f} µs a ticket   {own:,.0f} here, others in helpers, their start included")
    print(f"  here      {ours['loop_cpu_us']:10,.0f} µs a ticket   in the event loop, others in threads: SQLite, catalog, files, pipes")
    print(f"  by stage  {stages}   in the loop, µs a ticket")
    print(f"  unchanged {ours['unchanged_ms']:10,.1f} ms          {ours['unchanged_stored']} stored")
    print(f"  one row   {ours['changed_ms']:10,.1f} ms          {ours['changed_stored']} stored")
    print(f"  memory    {ours['peak_mb']:10,.0f} MB          at the peak, {ours['children_mb']:,.0f} MB the largest helper process")
    print(json.dumps({"what": "files_to_stored", "wanted": WANTED, "floor_rows_per_s": floor, "tickets": count} | ours))


def write_export(path: Path, count: int, *, changed: int = -1) -> None:
    """As a Korean helpdesk exports it."""
    rng, words = random.Random(7), _TEXT.split()
    start = datetime(2024, 1, 1, tzinfo=UTC)
    with path.open("w", encoding="cp949", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADINGS)
        for number in range(count):
            said, answered = (" ".join(rng.choices(words, k=size)) for size in (45, 35))
            at = start + timedelta(minutes=3 * number)
            moved = at + timedelta(hours=2)
            writer.writerow(
                [
                    100_000 + number,
                    f"문의 {number} {rng.choice(words)} {rng.choice(words)}",
                    f"{said}\n주문 A-{number}",
                    answered + (" 바뀜" if number == changed else ""),
                    _STATES[number % 4],
                    ("낮음", "보통", "긴급")[number % 3],
                    f"고객 {number % 900}",
                    f"c{number % 900}@example.com",
                    f"상담원 {number % 12}",
                    ("결제", "로그인", "배송")[number % 3],
                    at.strftime("%Y-%m-%d %H:%M:%S"),
                    moved.strftime("%Y-%m-%d %H:%M:%S"),
                    f"A-{number}",
                ]
            )


def _cpu(who: int = resource.RUSAGE_SELF) -> float:
    """Seconds of processor so far."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _floor(path: Path, target: Path) -> float:
    """Rows a second of the bare loop."""
    began = time.perf_counter()
    database = sqlite3.connect(target)
    with path.open(encoding="cp949", newline="") as file:
        rows = csv.reader(file)
        columns = len(next(rows))
        database.execute(f"CREATE TABLE t ({', '.join(f'c{n} TEXT' for n in range(columns))})")
        cursor = database.executemany(f"INSERT INTO t VALUES ({', '.join('?' * columns)})", rows)  # noqa: S608 - question marks
    database.commit()
    database.close()
    return cursor.rowcount / (time.perf_counter() - began)


async def _desklore(folder: Path, path: Path, count: int) -> dict[str, Any]:
    built = await build(Settings(_env_file=None, data_dir=folder / "data", file_roots=str(folder / "roots")))
    services = built.services
    try:
        await tenants.onboard_tenant(services, OPERATOR, company_id="bench", name="bench")
        wanted = connections.ConnectionInput(platform="file", domain="folder", credentials={})
        connection = await connections.connect(services, "bench", wanted, caller=OPERATOR)
        built.meter.clock.watch(asyncio.get_running_loop())
        before, loop_before = _cpu(), time.thread_time()
        first, seconds = await _sync(services, connection.connection_id)
        own, loop = _cpu() - before, time.thread_time() - loop_before
        stages = {stage: ms * 1000 for stage, ms in stages_of(built.meter, count).items()}
        again, unchanged = await _sync(services, connection.connection_id)
        write_export(path, count, changed=count // 2)
        one, changed = await _sync(services, connection.connection_id)
    finally:
        await built.close()
        for helper in multiprocessing.active_children():
            helper.join()
    assert (first.counts.stored, again.counts.stored, one.counts.stored) == (count, 0, 1)
    return {
        "tickets_per_s": count / seconds,
        "unchanged_ms": unchanged * 1000,
        "unchanged_stored": again.counts.stored,
        "changed_ms": changed * 1000,
        "changed_stored": one.counts.stored,
        "own_cpu_us": own / count * 1e6,
        "loop_cpu_us": loop / count * 1e6,
        "stages_cpu_us": stages,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "children_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }


async def _sync(services: Services, connection_id: str) -> tuple[Run, float]:
    """A run as far as the store, and how long it took."""
    async with services.database.open("bench", write=True) as uow:
        connection = await uow.connections.get(connection_id)
        assert connection is not None
        run = await open_run(uow, connection, RunOptions(), caller=OPERATOR)
    began = time.perf_counter()
    run = await read_source(services, "bench", connection, run)
    seconds = time.perf_counter() - began
    async with services.database.open("bench", write=True) as uow:
        stored = await uow.sync.get_run(run.run_id)
        assert stored is not None
        await uow.sync.put_run(msgspec.structs.replace(stored, state=RunState.COMPLETED))
    return run, seconds


if __name__ == "__main__":
    main()
