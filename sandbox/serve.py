"""Start a sandbox: inside a test (`running_sandbox`, `running_zendesk`) or as a process of its own (`run`)."""

import asyncio
import contextlib

import uvicorn

from sandbox.freshdesk.serve import SandboxServer, running_sandbox
from sandbox.options import SandboxOptions
from sandbox.zendesk.serve import ZendeskServer, running_zendesk

__all__ = ["SandboxOptions", "SandboxServer", "ZendeskServer", "run", "running_sandbox", "running_zendesk"]


def run(platform: str, options: SandboxOptions) -> None:
    """Serve until Ctrl-C or SIGTERM; prints where. A busy port raises OSError."""

    async def main() -> None:
        async with running_zendesk(options) if platform == "zendesk" else running_sandbox(options) as server:
            brand = f"  second brand {server.brand_url}" if isinstance(server, ZendeskServer) and server.brand_url else ""
            print(f"{platform} sandbox: {server.base_url}  key {server.api_key}  files {server.attachments_url}{brand}", flush=True)  # noqa: T201 - it is what one starts it for
            await server.wait()

    with contextlib.suppress(KeyboardInterrupt):
        uvicorn_loop = uvicorn.Config(lambda *_: None).get_loop_factory()
        with asyncio.Runner(loop_factory=uvicorn_loop) as runner:
            runner.run(main())
