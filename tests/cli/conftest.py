"""A running Desklore with a sandbox helpdesk, and the command line pointed at it."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from backend.cli.main import main
from backend.cli.sandbox import SandboxAddress, SandboxProcess
from backend.cli.server import Server, ServerThread, bind
from backend.settings import Settings
from tests.support.heard import heard

ROOT = Path(__file__).resolve().parents[2]
TICKETS = 12
DOMAIN = "hanbit.freshdesk.com"
OPERATOR_KEY = "operator-of-the-tests-0123456789"


@dataclass(frozen=True)
class World:
    """Where everything is."""

    url: str
    sandbox: SandboxAddress
    operator_key: str
    log: io.StringIO


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server and one sandbox for all tests of the command line."""
    folder: Path = tmp_path_factory.mktemp("desklore")
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with contextlib.ExitStack() as stack:
        stack.callback(listener.close)
        log = stack.enter_context(heard("INFO"))
        stack.callback(structlog.reset_defaults)
        process = SandboxProcess(folder / "sandbox.log", tickets=TICKETS, platform="both")
        stack.callback(process.stop)
        sandbox = process.wait_ready()
        assert sandbox.beside is not None
        both = (sandbox, sandbox.beside)
        hosts = ",".join(url.removeprefix("http://") for each in both for url in (each.url, each.attachments_url, each.brand_url) if url)
        allowed: dict[str, Any] = {"connector_host_allowlist": hosts, "provider_host_allowlist": "127.0.0.1"}
        settings = Settings(data_dir=folder / "data", operator_key=OPERATOR_KEY, **allowed)
        server = ServerThread(Server(settings, listener))
        stack.callback(server.stop)
        server.start()
        yield World(url, sandbox, OPERATOR_KEY, log)


@dataclass(frozen=True)
class Told:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


Desklore = Callable[..., Told]


@pytest.fixture
def desklore(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desklore:
    """Run a command against the world, as `desklore(…words)`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKLORE_URL", world.url)
    monkeypatch.delenv("DESKLORE_API_KEY", raising=False)
    monkeypatch.delenv("DESKLORE_OPERATOR_KEY", raising=False)

    def run(*words: str) -> Told:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Told(code, captured.out, captured.err)

    return run


@pytest.fixture
def company(world: World, desklore: Desklore, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A company of the test's own, whose admin key the commands use from now on."""
    name = str(request.node.name).replace("_", "-").lower()[:50].rstrip("-")
    made = desklore("tenants", "create", name, "--key", world.operator_key, "--json").document
    monkeypatch.setenv("DESKLORE_API_KEY", made["api_key"])
    return name


def connect(desklore: Desklore, world: World) -> str:
    """Connect the company to the sandbox; the connection's id."""
    told = desklore(
        "connections", "add", "freshdesk", DOMAIN, "--base-url", world.sandbox.url, "--secret", f"api_key={world.sandbox.api_key}", "--json"
    )
    assert told.code == 0, told
    return str(told.document["connection_id"])


@contextlib.contextmanager
def started(folder: Path, *words: str, path: str = str(ROOT), **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A command with --json in a process of its own, and the document it prints when it is ready."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    command = [sys.executable, "-m", "backend.cli", *words, "--json"]
    given = kept | {"PYTHONPATH": path} | environment
    with subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, json.loads(line)
        finally:
            process.kill()
