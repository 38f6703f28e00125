"""How long a search takes among 1,000 tenants of 500 Documents each, beside the same search where there is one tenant alone.

Embedded, terms only (the offline default); the tenants' folders are copies of one that was filled. Questions go to tenants at random, as
those of many people do, or to some that ask more than the rest. The floor is the single tenant, after its first questions; so with all
indexes open each tenant has asked before too, and what its first question takes is told beside it. These two are asked in turn, since a
machine is not equally fast from one second to the next; the memory told of them is that of both. `python -m bench.tenants [tenants]`.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from backend.adapters.offline.embed import HashingEmbedder
from backend.core.model.search import Makers, Query
from backend.core.ports.services import Policy
from backend.core.retrieve.search import search
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import make_tokenizer
from backend.storage.qdrant.edge import EdgeIndexes
from bench.search import fill, question

TENANTS: Final = 1_000
DOCUMENTS: Final = 500
QUESTIONS: Final = 600
WARMING: Final = 20
"""Questions before those that count."""
DEFAULT_OPEN: Final = 128
ROUNDS: Final = 30
"""Of the floor and of all indexes open, in turn."""
WARMING_A_ROUND: Final = 2
ONE: Final = "one tenant"
ALL_OPEN: Final = "many, all indexes open"
"""As DESKLORE_INDEX_OPEN makes it."""
WANTED: Final = 1.5


def _memory_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _name(number: int) -> str:
    return f"tenant-{number}"


async def _asked(
    indexes: EdgeIndexes,
    encoder: SparseEncoder,
    whose: Callable[[random.Random], int],
    questions: int = QUESTIONS,
    *,
    warming: int = WARMING,
    seed: int = 5,
) -> list[float]:
    """What each question took, in milliseconds."""
    rng, policy, took = random.Random(seed), Policy(dense_weight=0.0), []
    for number in range(questions + warming):
        text, company = question(rng), _name(whose(rng))
        began = time.perf_counter()
        index = await indexes.open(company)
        result = await search(Query(text=text), index=index, dense=None, encoder=encoder, policy=policy)
        if number >= warming:
            took.append((time.perf_counter() - began) * 1000)
        assert result is not None
    return took


def _alike(tenants: int) -> Callable[[random.Random], int]:
    return lambda rng: rng.randrange(tenants)


def _row(took: list[float]) -> dict[str, float]:
    took = sorted(took)
    return {"p50_ms": took[len(took) // 2], "p95_ms": took[int(len(took) * 0.95)], "memory_mb": _memory_mb(), "files": _files()}


async def main(tenants: int) -> dict[str, Any]:
    """Fill, copy, measure, print a table."""
    encoder = SparseEncoder(make_tokenizer("bigram"))
    makers = Makers(encoder=encoder.id)
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        root, apart = Path(folder) / "many", Path(folder) / "one"
        indexes = EdgeIndexes(root, makers)
        await fill(await indexes.open(_name(0)), _name(0), 2 * DOCUMENTS, encoder, HashingEmbedder())
        await indexes.close()
        for number in range(1, tenants):
            # The engine's files are mostly holes, which this keeps.
            subprocess.run(["cp", "-a", "--sparse=auto", root / _name(0), root / _name(number)], check=True)  # noqa: ASYNC221 - nothing else runs meanwhile
        apart.mkdir()
        subprocess.run(["cp", "-a", "--sparse=auto", root / _name(0), apart / _name(0)], check=True)  # noqa: ASYNC221 - as above
        before, left = _memory_mb(), list(range(tenants))
        rows: dict[str, dict[str, float]] = {}
        for name, whose in (
            ("many, some ask more", lambda rng: min(tenants - 1, int(rng.paretovariate(1.0)) - 1)),
            ("many, all alike", _alike(tenants)),
        ):
            indexes = EdgeIndexes(root, makers, max_open=DEFAULT_OPEN)
            rows[name] = _row(await _asked(indexes, encoder, whose))
            await indexes.close()
        alone, every = EdgeIndexes(apart, makers, max_open=1), EdgeIndexes(root, makers, max_open=tenants)
        rows["many, first questions"] = _row(await _asked(every, encoder, lambda _: left.pop(), tenants - WARMING))
        await _asked(alone, encoder, _alike(1))
        one, many = list[float](), list[float]()
        for seed in range(ROUNDS):
            for took, indexes, among in ((one, alone, 1), (many, every, tenants)):
                took.extend(await _asked(indexes, encoder, _alike(among), QUESTIONS // ROUNDS, warming=WARMING_A_ROUND, seed=seed))
        rows |= {ONE: _row(one), ALL_OPEN: _row(many)}
        await alone.close()
        await every.close()
    ratio = rows[ALL_OPEN]["p95_ms"] / rows[ONE]["p95_ms"]
    print(f"{tenants:,} tenants of {DOCUMENTS} Documents ({2 * DOCUMENTS} chunks), {QUESTIONS} questions; memory before {before:,.0f} MB")
    for name, row in rows.items():
        times = f"p50 {row['p50_ms']:8.2f} ms   p95 {row['p95_ms']:8.2f} ms"
        print(f"  {name:26} {times}   memory {row['memory_mb']:7,.0f} MB   {row['files']:5.0f} files")
    print(f"  p95 with {ALL_OPEN} is {ratio:.2f} times that of one; wanted {WANTED:g} at most")
    return {"what": "many_tenants", "tenants": tenants, "rows": rows, "ratio": ratio, "wanted": WANTED}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TENANTS))))
