"""The services of Compose wait for one another, tell how they are, and can do no more than they must."""

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.files import COMPOSE, documents, ours, services
from tests.deploy.test_image import USER

SERVICES = services()
ONE_SHOT = {"migrate", "bucket"}
LASTING = sorted(set(SERVICES) - ONE_SHOT)
STORES = {"postgres", "redis", "qdrant", "s3"}


def test_every_part_of_an_installation_is_there() -> None:
    assert set(SERVICES) == {"api", "worker", "backup", *STORES, *ONE_SHOT}
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"backup"}


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_tells_how_it_is_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    check = service["healthcheck"]
    assert {"test", "interval", "timeout", "start_period", "retries"} <= set(check)
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert "curl" not in " ".join(check["test"])
    assert service["restart"] == "unless-stopped"
    assert "stop_grace_period" in service


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_condition_can_be_met(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert other in ONE_SHOT


@pytest.mark.parametrize("name", ["api", "worker"])
def test_ours_start_when_everything_they_need_is_there(name: str) -> None:
    assert set(SERVICES[name]["depends_on"]) == STORES | ONE_SHOT


def test_nobody_waits_in_a_circle() -> None:
    def depth(name: str, seen: tuple[str, ...] = ()) -> int:
        assert name not in seen
        return 1 + max((depth(other, (*seen, name)) for other in SERVICES[name].get("depends_on", {})), default=0)

    assert all(depth(name) for name in SERVICES)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_bounded_and_not_root(name: str) -> None:
    service = SERVICES[name]
    uid = service["user"].split(":")[0]
    assert uid.isdecimal()
    assert int(uid) > 0
    assert service["user"] == USER or not ours(service)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"] if name not in ONE_SHOT else True
    assert service.get("read_only", False) is ours(service)


@pytest.mark.parametrize(("name", "setting"), [("api", "port"), ("worker", "worker_port")])
def test_ours_are_asked_at_the_port_they_listen_on(name: str, setting: str) -> None:
    _, *words = SERVICES[name]["healthcheck"]["test"]
    assert words[:3] == ["python", "-m", "tools.probe"]
    assert words[3] == str(documents(Path("config/environments/production.yaml"))[0][setting])


def test_what_keeps_data_is_reached_from_inside_only() -> None:
    networks = documents(COMPOSE)[0]["networks"]
    assert networks["inner"] == {"internal": True}
    for name in STORES:
        assert SERVICES[name]["networks"] == ["inner"]
        assert "ports" not in SERVICES[name]
    assert SERVICES["api"]["ports"][0].startswith("${PUBLISHED_ADDRESS:-127.0.0.1}:")


def test_every_volume_is_declared_and_every_store_has_one() -> None:
    declared = set(documents(COMPOSE)[0]["volumes"])
    used = {_volume(each) for name in (*STORES, "backup") for each in SERVICES[name]["volumes"]} - {""}
    assert used == declared


def test_the_owner_of_the_tables_is_known_to_the_migration_alone() -> None:
    for name, service in SERVICES.items():
        if ours(service):
            assert ("DESKLORE_DATABASE_MIGRATION_URL" in service.get("environment", {})) is (name == "migrate")


def test_a_backup_is_made_each_hour_and_its_age_is_watched() -> None:
    service = SERVICES["backup"]
    script = service["entrypoint"][-1]
    [mounted] = [entry.split(":")[1] for entry in service["volumes"]]
    assert f'desklore backup --into {mounted} --keep "${{BACKUPS_KEPT:-48}}"' in script
    assert "3600 - $$(date +%s) % 3600" in script
    assert f"find {mounted} -name 'desklore-*.tar' -mmin -125" in service["healthcheck"]["test"][1]


def test_workers_can_be_many() -> None:
    worker = SERVICES["worker"]
    assert worker["deploy"]["replicas"] > 1
    assert not {"container_name", "ports", "hostname"} & set(worker)


def _volume(entry: Any) -> str:
    name = str(entry).split(":")[0]
    return "" if name.startswith((".", "/")) else name
