"""The image runs what it should as whom it should, and holds all that the command needs."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.files import instructions
from tools.probe import answers, main
from tools.tree import ROOT

USER = "10001:10001"


def test_the_last_word_on_the_user_is_not_root() -> None:
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users == [USER]
    words = [word for word, _ in instructions()]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word in {"RUN", "COPY"})


def test_packages_come_from_the_lock_and_development_s_stay_out() -> None:
    runs = " ".join(rest for word, rest in instructions() if word == "RUN")
    assert "--require-hashes --no-deps --only-binary :all: --requirement requirements.lock" in runs
    assert "requirements-dev" not in runs
    assert "--no-install-recommends tesseract-ocr tesseract-ocr-kor" in runs
    assert "rm -rf /var/lib/apt/lists/*" in runs


def test_the_image_starts_the_command_and_asks_without_curl() -> None:
    by_word = dict(instructions())
    assert json.loads(by_word["ENTRYPOINT"]) == ["desklore"]
    assert json.loads(by_word["HEALTHCHECK"].partition(" CMD ")[2]) == ["python", "-m", "tools.probe"]


def test_what_is_copied_is_enough_for_the_command_and_the_migration(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest and "requirements" not in rest:
            *names, target = rest.split()
            for name in names:
                _copy(ROOT / name, app / Path(target).relative_to("app") / ("" if (ROOT / name).is_dir() else Path(name).name))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    environment |= {"PYTHONPATH": str(app), "DESKLORE_DATA_DIR": str(tmp_path / "data"), "PYTHONDONTWRITEBYTECODE": "1"}
    for module, *words in (["backend.cli", "worker", "--help"], ["tools.migrate"]):
        done = subprocess.run([sys.executable, "-m", module, *words], cwd=app, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "desklore.db").exists()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class _Health(BaseHTTPRequestHandler):
    """Lives, and is not ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/live" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """A process that lives and is not ready."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_probe_tells_by_its_exit_code(port: int) -> None:
    assert main([str(port)]) == 0
    assert main([str(port), "/health/ready"]) == 1


def test_the_probe_survives_that_nobody_answers() -> None:
    # Port 0 can't be connected to.
    assert not answers(0, "/health/live")
