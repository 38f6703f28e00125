"""Serve the stand-in until Ctrl-C: `python -m desklore_birchdesk.standin [TICKETS]`."""

import asyncio
import contextlib
import sys

from desklore_birchdesk.standin.server import TOKEN, serving
from desklore_birchdesk.standin.world import World


async def main(tickets: int) -> None:
    """Tell the addresses, and serve."""
    async with serving(World(tickets=tickets)) as server:
        print(f"Birchdesk stand-in: {server.base_url}  token {TOKEN}  files {server.files_url}", flush=True)
        await server.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 240))
