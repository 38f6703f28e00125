"""What an open index holds in memory, and that what was given back is there when it is needed."""

import random
import re
from pathlib import Path

from backend.storage.qdrant.edge import EdgeIndexes
from tests.contract.vectors import MAKERS, points_of, question

_LINE = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ +(.*)$")


def _resident_kb(folder: Path) -> dict[Path, int]:
    """How much of each of the folder's files this process has in memory; empty where the system doesn't tell."""
    found: dict[Path, int] = {}
    path = Path()
    smaps = Path("/proc/self/smaps")
    for line in smaps.read_text(encoding="utf-8").splitlines() if smaps.exists() else ():
        if named := _LINE.match(line):
            path = Path(named[1])
        elif line.startswith("Rss:") and path.is_relative_to(folder):
            found[path] = found.get(path, 0) + int(line.split()[1])
    return found


async def test_empty_pages_of_an_open_index_are_given_back_and_nothing_is_lost(tmp_path: Path) -> None:
    dice = random.Random(5)
    points = [point for number in range(20) for point in points_of(number, dice)]
    for first in (True, False):
        indexes = EdgeIndexes(tmp_path, MAKERS)
        acme, bravo = await indexes.open("acme"), await indexes.open("bravo")
        holes = {path: kb for path, kb in _resident_kb(tmp_path).items() if path.stat().st_blocks * 512 < path.stat().st_size // 2}
        assert sum(holes.values()) < 1_000, holes
        if first:
            await acme.replace({point.chunk.document_id for point in points}, points)
        assert (await acme.count())[1] == 20
        assert await acme.search(question(dice))
        assert (await bravo.count()) == (0, 0)
        await indexes.close()
