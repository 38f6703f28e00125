"""What starts processes: `up` and `demo` begin, stop cleanly, survive a kill -9, and leave nobody behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from backend.cli.main import main
from tests.cli.conftest import started
from tests.support.openai_server import KEY, OpenAIServer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def _ended(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(PATIENCE)


def _gone(url: str) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            return True
        time.sleep(0.1)
    return False


def test_up_serves_until_a_polite_kill(tmp_path: Path) -> None:
    with started(tmp_path, "up", "--port", "0") as (process, told):
        assert httpx.get(f"{told['url']}/health", trust_env=False).status_code == 200
        assert _ended(process, signal.SIGTERM) == 0
    assert _gone(told["url"])


def test_up_tells_a_new_installation_what_comes_next(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    given = kept | {"PYTHONPATH": str(ROOT), "DESKLORE_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "backend.cli", "up", "--port", "0"]
    for next_step in (True, False):
        with subprocess.Popen(command, cwd=tmp_path, env=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            assert "is ready at" in process.stdout.readline()
            assert _ended(process, signal.SIGTERM) == 0
            assert ("desklore tenants create" in process.stdout.read()) is next_step


def test_ctrl_c_cancels_what_is_being_written(tmp_path: Path) -> None:
    operator = "operator-of-the-tests-0123456789"
    with OpenAIServer(answer="확인해 드리겠습니다. 링크를 다시 보내 드렸습니다.", pause_after=2) as model:
        settings = {"OPERATOR_KEY": operator, "GENERATE_MODEL": "openai:writer", "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": model.base_url}
        with started(tmp_path, "up", "--port", "0", **{f"DESKLORE_{name}": value for name, value in settings.items()}) as (_, told):
            made = httpx.post(
                f"{told['url']}/api/v1/tenants",
                json={"company_id": "acme", "name": "Acme"},
                headers={"X-API-Key": operator},
                trust_env=False,
            )
            assert made.is_success
            key = httpx.post(
                f"{told['url']}/api/v1/tenants/acme/keys", json={"name": "a"}, headers={"X-API-Key": operator}, trust_env=False
            ).json()["api_key"]
            command = [
                sys.executable,
                "-m",
                "backend.cli",
                "rewrite",
                "rephrase",
                "링크를 다시 보냈습니다.",
                "--url",
                told["url"],
                "--key",
                key,
            ]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                assert process.stdout is not None
                assert process.stdout.read(1)
                process.send_signal(signal.SIGINT)
                assert process.wait(PATIENCE) == 130
            assert model.hung_up.wait(PATIENCE), "the model's call is ended"


def test_the_demo_survives_a_kill_and_ends_cleanly(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--port", "0", "--tickets", "12") as (process, first):
        assert json.loads((tmp_path / "data" / "demo.json").read_bytes()) == first
        header = {"Authorization": f"Bearer {first['api_key']}"}
        documents = httpx.get(f"{first['url']}/api/v1/documents", headers=header, trust_env=False).json()["items"]
        assert documents
        # Words in pictures are read after the sync, and their tickets then indexed once more.
        assert "failed" not in {document["state"] for document in documents}
        process.kill()
        process.wait(PATIENCE)
    assert _gone(first["sandbox_url"])

    with started(tmp_path, "demo", "--port", "0", "--tickets", "12") as (process, second):
        kept = ("api_key", "operator_key", "company_id", "sandbox_url", "connection_id")
        assert [second[name] for name in kept] == [first[name] for name in kept]
        assert _ended(process, signal.SIGINT) == 0
    assert _gone(second["sandbox_url"])
    log = (tmp_path / "data" / "logs" / "desklore.log").read_text()
    assert first["api_key"] not in log
    assert first["operator_key"] not in log


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_busy_port_is_told_with_the_way_out(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("DESKLORE_PORT", str(taken.getsockname()[1]))
        assert main([command]) == 1
    told = capsys.readouterr().err
    assert "DESKLORE_PORT=" in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
