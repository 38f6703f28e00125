"""`desklore demo`, which is `make run`: the product with a made-up helpdesk, synced, asked, and left running."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer

from backend.cli.ask import ask_one
from backend.cli.client import ApiClient
from backend.cli.config import DEMO_FILE, DemoFile, read_demo, read_operator_key
from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.progress import check_ended_well
from backend.cli.runs import sync_one
from backend.cli.sandbox import SandboxAddress, SandboxProcess
from backend.cli.serve import load_settings
from backend.cli.server import Server, ServerThread, bind, preload
from backend.cli.session import JsonOption, Session
from backend.observability.logging import configure_logging
from backend.settings import Settings
from backend.settings_logs import LogFormat

COMPANY: Final = "demo"
PLATFORM: Final = "freshdesk"
DOMAIN: Final = "hanbit.freshdesk.com"
QUESTIONS: Final = (
    "정산 금액이 입금액과 다를 때는 어떻게 확인하나요?",
    "Since we rotated the SSO certificate, staff are sent back to the sign-in page. How do we fix it?",
)
_LOOK_SECONDS: Final = 1.0


def demo(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Else DESKLORE_PORT, else 8000; 0: any free one.")] = None,
    tickets: Annotated[int | None, typer.Option("--tickets", min=1, help="How many tickets the made-up company has.")] = None,
    leave: Annotated[bool, typer.Option("--leave", help="Stop after the questions instead of staying up.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start Desklore and a made-up helpdesk, sync it, ask two questions, and stay up until Ctrl-C."""
    output = Output(as_json=as_json)
    settings = load_settings()
    listener = bind(settings.host, settings.port if port is None else port)
    address, number = listener.getsockname()[:2]
    with ExitStack() as stack, _polite_kill_as_interrupt():
        stack.callback(listener.close)
        logs = settings.data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        stream = stack.enter_context((logs / "desklore.log").open("a", encoding="utf-8"))
        configure_logging(level=settings.log_level, console=settings.log_format is LogFormat.CONSOLE, stream=stream)
        before = read_demo(settings.data_dir)
        output.text("Starting the made-up helpdesk and Desklore …")
        sandbox = _start_sandbox(stack, logs / "sandbox.log", before, tickets)
        server = ServerThread(Server(_with_sandbox(settings, sandbox), listener))
        stack.callback(server.stop)
        server.start()
        url = f"http://{'127.0.0.1' if address == '0.0.0.0' else address}:{number}"  # noqa: S104 - compared, not bound
        demo_file = _onboard(output, settings, url, sandbox, before)
        demo_file.write(settings.data_dir / DEMO_FILE)
        with ApiClient(url, demo_file.api_key) as client:
            _show(Session(client, output), demo_file, first=before is None)
        with suppress(KeyboardInterrupt):
            output.document(demo_file)
            _tell_next(output, demo_file, settings.data_dir)
            while not leave and server.wait(_LOOK_SECONDS):
                pass
        output.text("Stopping …")


def _start_sandbox(stack: ExitStack, log: Path, before: DemoFile | None, tickets: int | None) -> SandboxAddress:
    """On the port it had last time, because the connection remembers it; on a free one where that is taken."""
    last_port = int(before.sandbox_url.rsplit(":", 1)[1]) if before else 0
    for port in dict.fromkeys((last_port, 0)):
        process = SandboxProcess(log, port=port, tickets=tickets)
        preload()
        try:
            address = process.wait_ready()
        except CliError:
            process.stop()
            if port == 0:
                raise
        else:
            stack.callback(process.stop)
            return address
    raise CliError(Exit.FAILED, f"The sandbox did not start: see {log}", code="sandbox_failed")


def _with_sandbox(settings: Settings, sandbox: SandboxAddress) -> Settings:
    """The same settings with the sandbox's two ports among the hosts a connection may name."""
    hosts = [settings.connector_host_allowlist, *(url.split("://", 1)[1] for url in (sandbox.url, sandbox.attachments_url))]
    return settings.model_copy(update={"connector_host_allowlist": ",".join(filter(None, hosts))})


def _onboard(output: Output, settings: Settings, url: str, sandbox: SandboxAddress, before: DemoFile | None) -> DemoFile:
    """The company, its admin key and its connection: those of last time where they still work."""
    operator_key = settings.operator_key.get_secret_value() if settings.operator_key else read_operator_key(settings.data_dir)
    if not operator_key:
        raise CliError(Exit.FAILED, f"The operator's key is not in {settings.data_dir}; set DESKLORE_OPERATOR_KEY.", code="no_operator_key")
    with ApiClient(url, operator_key) as operator:
        with _ignored("tenant_exists"):
            operator.post("/tenants", {"company_id": COMPANY, "name": "Hanbit Cloud (demo)"})
            output.text(f"Onboarded the company {COMPANY}.")
        api_key = before.api_key if before and _still_works(url, before.api_key) else None
        if api_key is None:
            api_key = str(operator.post(f"/tenants/{COMPANY}/keys", {"name": "demo"})["api_key"])
    with ApiClient(url, api_key) as admin:
        connection_id = _connect(output, admin, sandbox)
    return DemoFile(
        url=url,
        api_key=api_key,
        operator_key=operator_key,
        company_id=COMPANY,
        sandbox_url=sandbox.url,
        sandbox_api_key=sandbox.api_key,
        connection_id=connection_id,
    )


def _still_works(url: str, key: str) -> bool:
    with ApiClient(url, key) as client, suppress(CliError):
        client.get("/connections")
        return True
    return False


def _connect(output: Output, admin: ApiClient, sandbox: SandboxAddress) -> str:
    for connection in admin.get("/connections")["items"]:
        if connection["platform"] != PLATFORM:
            continue
        if connection["base_url"] == sandbox.url:
            if connection["state"] != "active":
                admin.call("PATCH", f"/connections/{connection['connection_id']}", body={"state": "active"})
            return str(connection["connection_id"])
        # The sandbox has moved to another port; what was read stays.
        admin.call("DELETE", f"/connections/{connection['connection_id']}", params={"keep_documents": True})
    wanted = {"platform": PLATFORM, "domain": DOMAIN, "base_url": sandbox.url, "credentials": {"api_key": sandbox.api_key}}
    connection = admin.post("/connections", wanted)
    report = connection["report"] or {}
    output.text(f"Connected {DOMAIN}: {report.get('account_name', '')}, as {report.get('agent_name', '')}.")
    return str(connection["connection_id"])


def _show(session: Session, demo_file: DemoFile, *, first: bool) -> None:
    """Sync, then ask. After the first time a sync reads what changed only."""
    session.output.text("Syncing everything …" if first else "Syncing what changed …")
    check_ended_well(sync_one(session, demo_file.connection_id, {}))
    for question in QUESTIONS:
        session.output.text()
        session.output.text(f"Q: {question}", style="bold")
        ask_one(session, question)


def _tell_next(output: Output, demo_file: DemoFile, data_dir: Path) -> None:
    header = f'-H "Authorization: Bearer {demo_file.api_key}"'
    lines = [
        "",
        f"Desklore is up:      {demo_file.url}   (API: {demo_file.url}/docs)",
        f"Made-up helpdesk:    {demo_file.sandbox_url}",
        f"Key of the demo:     {demo_file.api_key}",
        f"All of it in:        {data_dir / DEMO_FILE}   (log: {data_dir / 'logs' / 'desklore.log'})",
        "",
        "Ask in another shell:",
        '  bin/desklore ask "정산 금액이 입금액과 다를 때는 어떻게 확인하나요?"',
        f"  curl -s {demo_file.url}/api/v1/query {header} \\",
        "    -H 'Content-Type: application/json' -d '{\"question\": \"정산 금액이 입금액과 다를 때는 어떻게 확인하나요?\"}'",
        f'  curl -s "{demo_file.url}/api/v1/documents?limit=3" {header}',
        "",
        "Next, your own Freshdesk:",
        "  bin/desklore tenants create my-company        # prints a key",
        "  bin/desklore connections add freshdesk YOUR-DOMAIN.freshdesk.com --key THAT-KEY",
        "  bin/desklore sync --key THAT-KEY",
        "",
        "Ctrl-C stops it.",
    ]
    for line in lines:
        output.text(line)


@contextmanager
def _ignored(code: str) -> Iterator[None]:
    try:
        yield
    except CliError as error:
        if error.code != code:
            raise


@contextmanager
def _polite_kill_as_interrupt() -> Iterator[None]:
    """A polite kill ends like Ctrl-C: everything is let go of in order."""

    def interrupt(_: int, __: FrameType | None) -> Any:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
