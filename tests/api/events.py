"""Reading a whole event stream."""

import json
from typing import Any


def events_of(text: str) -> list[tuple[str, str, Any]]:
    """(id, name, data) of each event; no id where it is none of a kept stream's own."""
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            events.append((lines.get("id", ""), lines["event"], json.loads(lines["data"])))
    return events
