"""Sources of other packages: a scaffold is green at once, and an installed package is found by its entry point."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.cli.main import main
from tests.cli.conftest import ROOT, Told, started

EXAMPLE = ROOT / "examples" / "birchdesk"
OPERATOR = "operator-of-the-tests-0123456789"
TICKETS = 24


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command, as `run(…words)`."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Told:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Told(code, captured.out, captured.err)

    return call


@pytest.mark.parametrize("name", ["acmedesk"])
def test_a_scaffold_passes_its_own_checks_at_once(run: Any, tmp_path: Path, name: str) -> None:
    made = run("source", "new", name, "--json").document
    folder = tmp_path / made["path"]
    assert f"desklore_{name}/source.py" in made["files"]
    texts = [(folder / file).read_text(encoding="utf-8") for file in made["files"]]
    assert not any("birchdesk" in text.lower() for text in (*made["files"], *texts))
    assert f'{name} = "desklore_{name}.adapter:{name.capitalize()}Adapter"' in (folder / "pyproject.toml").read_text(encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for check in (["pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"], ["ruff", "check", "--no-cache", "."]):
        done = subprocess.run([sys.executable, "-m", *check], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["zeta", "averylongvendorsname"])
def test_a_scaffold_of_any_name_is_as_tidy(run: Any, tmp_path: Path, name: str) -> None:
    assert run("source", "new", name).code == 0
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", str(tmp_path / f"desklore-{name}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["Acme", "acme-desk", "1desk", "a", "한빛", "freshdesk", "lambda", "../x", "x" * 21])
def test_a_name_that_will_not_do_is_refused_with_words(run: Any, tmp_path: Path, name: str) -> None:
    told = run("source", "new", name)
    assert (told.code, told.out) == (2, "")
    assert name in told.err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(run: Any) -> None:
    assert run("source", "new", "acmedesk").code == 0
    again = run("source", "new", "acmedesk")
    assert again.code == 2
    assert "is there already" in again.err


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The example, built and installed into a folder of its own, without a network."""
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv, which builds and installs without a network, is not there")
    target = tmp_path / "installed"
    source = tmp_path / "birchdesk"
    # A copy, so that a build leaves nothing behind in the checkout.
    for path in EXAMPLE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = source / path.relative_to(EXAMPLE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-config", "--no-deps"]
    command += ["--cache-dir", str(tmp_path / "cache"), "--python", sys.executable, "--target", str(target), str(source)]
    subprocess.run(command, check=True)
    return target


@pytest.fixture
def standin(installed: Path) -> Iterator[str]:
    """The address of a Birchdesk, served by the installed package."""
    command = [sys.executable, "-m", "desklore_birchdesk.standin", str(TICKETS)]
    environment = os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=installed) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found.group()
        process.kill()


def test_an_installed_source_is_found_and_syncs_two_companies(
    run: Any, installed: Path, standin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{installed}{os.pathsep}{ROOT}"
    given = {"DESKLORE_OPERATOR_KEY": OPERATOR, "DESKLORE_CONNECTOR_HOST_ALLOWLIST": "127.0.0.1"}
    with started(tmp_path, "up", "--port", "0", path=path, **given) as (_, told):
        monkeypatch.setenv("DESKLORE_URL", told["url"])
        keys = {name: run("tenants", "create", name, "--key", OPERATOR, "--json").document["api_key"] for name in ("acme", "globex")}
        where = ("birchdesk", "hanbit", "--base-url", standin)
        wrong = run("connections", "add", *where, "--secret", "token=wrong", "--key", keys["acme"], "--json")
        assert (wrong.code, wrong.document["error"]["code"]) == (6, "source_credentials_rejected")
        elsewhere = run("connections", "check", "birchdesk", "evil.example", "--secret", "token=x", "--key", keys["acme"], "--json")
        assert elsewhere.document["error"]["code"] == "host_not_allowed"
        seen: dict[str, set[str]] = {}
        for name, key in keys.items():
            monkeypatch.setenv("DESKLORE_API_KEY", key)
            assert run("documents", "list", "--json").document["items"] == []
            connection = run("connections", "add", *where, "--secret", "token=birchdesk-token", "--json").document
            assert {ability["name"] for ability in connection["report"]["abilities"]} >= {"tickets", "articles", "deletions"}
            synced = run("sync", connection["connection_id"], "--json")
            (ended,) = synced.document["runs"]
            assert (synced.code, ended["state"], ended["counts"]["failed"]) == (0, "completed", 0)
            listed = run("documents", "list", "--limit", "100", "--json").document["items"]
            assert {item["platform"] for item in listed} == {"birchdesk"}
            assert sum(item["doc_type"] == "ticket" for item in listed) == TICKETS - 1, "one is in the trash"
            seen[name] = {item["document_id"] for item in listed}
            hits = run("search", "비밀번호 재설정 메일이 오지 않아요", "--json")
            assert "비밀번호" in hits.out
            (again,) = run("sync", connection["connection_id"], "--json").document["runs"]
            assert (again["state"], again["counts"]["stored"]) == ("completed", 0)
        assert not seen["acme"] & seen["globex"], "what one company has, the other has for itself"
