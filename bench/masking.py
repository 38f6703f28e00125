"""How long masking takes a ticket, beside one pass of a trivial pattern over the same text.

Run it with `python -m bench.masking [tickets]`; the tickets are those of the sandbox, as they are merged for a prompt, with a
signature full of personal data in every other one.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from backend.core.text.masking import Mask, blur
from sandbox.data.account import Account
from sandbox.options import DEFAULT_REFERENCE

TICKETS = 400
ROUNDS = 5
TARGET_MS = 1.0
_SIGNATURE = "\n한빛상사 김민수 / 010-1234-5678 / 02-777-8888 / minsu@hanbit.co.kr / 주문 20261121-0001 / 2026-11-21 10:20:30\n"
_TRIVIAL = re.compile(r"[0-9]{4}")
_TAG = re.compile(r"<[^>]*>")


def _tickets(count: int) -> list[str]:
    account = Account(seed=7, tickets=count, reference=DEFAULT_REFERENCE, name="Hanbit Cloud")
    texts = []
    for number, (ticket_id, ticket) in enumerate(account.tickets.items()):
        story = account.story(ticket_id)
        bodies = [ticket.subject, *(_TAG.sub(" ", body) for body in (story.description, *(turn.body for turn in story.turns)))]
        texts.append((_SIGNATURE if number % 2 else "\n").join(bodies))
    return texts


def _timed(texts: list[str], work: Callable[[str], object]) -> dict[str, float]:
    """Milliseconds a ticket: the mean of the best round, and the slowest tickets of all rounds."""
    best, every = float("inf"), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for text in texts:
            before = time.perf_counter()
            work(text)
            every.append((time.perf_counter() - before) * 1000)
        best = min(best, (time.perf_counter() - began) * 1000 / len(texts))
    every.sort()
    return {"mean_ms": best, "p50_ms": every[len(every) // 2], "p99_ms": every[int(len(every) * 0.99)]}


def main(count: int = TICKETS) -> dict[str, Any]:
    """Measure, print a table; times in milliseconds a ticket."""
    texts = _tickets(count)
    masks = [Mask([text]) for text in texts]
    masked = {mask.texts[0]: mask for mask in masks}
    rows = {
        "one trivial pattern": _timed(texts, _TRIVIAL.findall),
        "mask for a prompt": _timed(texts, lambda text: Mask([text])),
        "blur for an embedding": _timed(texts, blur),
        "restore an answer": _timed(list(masked), lambda text: masked[text].restore(text)),
    }
    sizes = sorted(map(len, texts))
    print(f"{len(texts):,} tickets, {sizes[len(sizes) // 2]:,} characters at the median, {sizes[-1]:,} at most; target {TARGET_MS} ms")
    print(f"{'':26}{'mean ms':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for name, row in rows.items():
        print(f"{name:26}{row['mean_ms']:10.3f}{row['p50_ms']:10.3f}{row['p99_ms']:10.3f}")
    return {"name": "masking", "tickets": len(texts), "rows": rows, "target_met": rows["mask for a prompt"]["mean_ms"] <= TARGET_MS}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS)))
