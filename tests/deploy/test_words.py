"""The operator's page names settings, metrics and commands that exist; the secrets it has made are good enough for production."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from backend.cli.main import app
from backend.observability.metrics import METRICS, exposed_name
from backend.settings import Settings
from tests.deploy.files import variables
from tools.tree import ROOT

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def test_the_page_names_what_exists() -> None:
    assert set(re.findall(r"\bDESKLORE_[A-Z0-9_]+", PAGE)) <= variables()
    assert set(re.findall(r"\bdesklore_[a-z]+_[a-z_]+[a-z]", PAGE)) <= {exposed_name(name) for name in METRICS}
    commands = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    assert set(re.findall(r"`desklore ([a-z]+)", PAGE)) <= commands


def test_files_in_the_page_are_there() -> None:
    for name in re.findall(r"`(deploy/[\w./-]+)`", PAGE):
        assert (ROOT / name).exists() or name.endswith("/.env"), name


def test_secrets_that_are_made_start_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = subprocess.run([ROOT / "deploy/compose/make-env.sh"], capture_output=True, text=True, check=True).stdout
    values = dict(re.findall(r"(?m)^(\w+)=(.*)$", made))
    assert all(values.values())
    assert len(set(values.values())) == len(values)
    in_addresses = [value for name, value in values.items() if "PASSWORD" in name]
    assert all(value.isalnum() for value in in_addresses)
    monkeypatch.chdir(tmp_path)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    for name, text in compose["services"]["api"]["environment"].items():
        filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: values[match[1]], text)
        filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled)
        monkeypatch.setenv(name, filled.replace("/app/", f"{ROOT}/"))
    settings = Settings()
    assert (settings.environment.value, settings.storage_type.value, settings.queue_type.value) == ("production", "postgresql", "redis")
    assert (settings.vector_type.value, settings.blob_type.value, settings.worker_port) == ("server", "s3", 8001)
