"""What the settings choose: stores, master keys and where credentials lie; and what is refused at the start."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from backend.core.errors import AppError, Code
from backend.settings import Settings
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.keeping import Kept, keep
from backend.storage.secrets.sealed import SealedSecrets
from tests.servers.aws import REGION

ONE, TWO = (f"{name}:{base64.b64encode(name.encode() * 8).decode()}" for name in ("one1", "two2"))
SECRETS = {"operator_key": "o" * 24, "jwt_secret": "j" * 32, "key_pepper": "p" * 32}


def kept(data_dir: Path, **settings: Any) -> Kept:
    return keep(Settings(_env_file=None, data_dir=data_dir, **settings))


def test_without_any_setting_everything_lies_in_the_data_folder(tmp_path: Path) -> None:
    made = kept(tmp_path)
    assert isinstance(made.blobs, LocalBlobStores)
    assert isinstance(made.secrets, SealedSecrets)
    assert made.closers == ()
    data_key = made.cipher.new_data_key("acme")
    assert kept(tmp_path).cipher.is_newest("acme", data_key)


def test_from_the_key_of_development_to_the_environment_to_a_file(tmp_path: Path) -> None:
    first = kept(tmp_path).cipher.new_data_key("acme")
    named = kept(tmp_path, master_keys=ONE).cipher
    assert not named.is_newest("acme", first)
    second = named.rewrap("acme", first)
    assert named.is_newest("acme", second)
    (tmp_path / "keys").write_text(f"{TWO}\n{ONE}\n")
    filed = kept(tmp_path, master_key_source="file", master_key_file=tmp_path / "keys").cipher
    third = filed.rewrap("acme", second)
    (tmp_path / "keys").write_text(f"{TWO}\n")
    assert kept(tmp_path / "other", master_key_source="file", master_key_file=tmp_path / "keys").cipher.rewrap("acme", third)


def test_from_the_environment_into_kms_and_back(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url, client = request.getfixturevalue("aws_url"), request.getfixturevalue("kms_client").client
    in_aws = {"aws_region": REGION, "aws_endpoint_url": url, "kms_key_id": client.create_key()["KeyMetadata"]["KeyId"]}
    first = kept(tmp_path, master_keys=ONE).cipher.new_data_key("acme")
    moving = kept(tmp_path, master_keys=ONE, master_key_source="kms", **in_aws).cipher
    second = moving.rewrap("acme", first)
    assert moving.is_newest("acme", second)
    assert kept(tmp_path, master_key_source="kms", **in_aws).cipher.is_newest("acme", second)
    back = kept(tmp_path, master_keys=ONE, **in_aws).cipher
    assert back.is_newest("acme", back.rewrap("acme", second))


def test_from_a_file_into_secrets_manager_and_on_to_kms(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url, secrets = request.getfixturevalue("aws_url"), request.getfixturevalue("secrets_client").client
    key_id = request.getfixturevalue("kms_client").client.create_key()["KeyMetadata"]["KeyId"]
    (tmp_path / "keys").write_text(f"{ONE}\n")
    name = f"desklore/{key_id}"
    secrets.create_secret(Name=name, SecretString=json.dumps([TWO]))
    in_file = {"master_key_source": "file", "master_key_file": tmp_path / "keys"}
    in_secret = {"aws_region": REGION, "aws_endpoint_url": url, "master_key_secret": name}
    first = kept(tmp_path, **in_file).cipher.new_data_key("acme")
    assert kept(tmp_path, **in_secret, **in_file).cipher.is_newest("acme", first), "a secret that was not chosen opens only"
    moving = kept(tmp_path, **in_secret, **in_file | {"master_key_source": "secrets_manager"}).cipher
    assert not moving.is_newest("acme", first)
    second = moving.rewrap("acme", first)
    assert kept(tmp_path, **in_secret, master_key_source="secrets_manager").cipher.is_newest("acme", second)
    in_kms = kept(tmp_path, **in_secret, master_key_source="kms", kms_key_id=key_id).cipher
    assert in_kms.is_newest("acme", in_kms.rewrap("acme", second))


def test_another_kms_key_behind_the_alias_is_the_newest(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url, client = request.getfixturevalue("aws_url"), request.getfixturevalue("kms_client").client
    old, new = (client.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    alias = f"alias/{old}"
    client.create_alias(AliasName=alias, TargetKeyId=old)
    settings = {"aws_region": REGION, "aws_endpoint_url": url, "kms_key_id": alias, "master_key_source": "kms"}
    running = kept(tmp_path, **settings).cipher
    data_key = running.new_data_key("acme")
    assert running.is_newest("acme", data_key)
    client.update_alias(AliasName=alias, TargetKeyId=new)
    running.look_again()
    assert not running.is_newest("acme", data_key), "what was remembered of the alias is not what a rotation is told"
    cipher = kept(tmp_path, **settings).cipher
    assert not cipher.is_newest("acme", data_key)
    assert cipher.is_newest("acme", cipher.rewrap("acme", data_key))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"blob_type": "s3"}, "DESKLORE_S3_BUCKET"),
        ({"master_key_source": "file"}, "DESKLORE_MASTER_KEY_FILE"),
        ({"master_key_source": "kms"}, "DESKLORE_KMS_KEY_ID"),
        ({"master_key_source": "secrets_manager"}, "DESKLORE_MASTER_KEY_SECRET"),
        ({"environment": "production", **SECRETS}, "DESKLORE_MASTER_KEYS"),
    ],
)
def test_a_choice_without_its_place_is_refused(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        kept(tmp_path, **settings)


def test_production_needs_no_key_in_the_environment_where_kms_holds_it(tmp_path: Path) -> None:
    settings: dict[str, Any] = {**SECRETS, "master_key_source": "kms", "kms_key_id": "alias/desklore"}
    assert Settings(_env_file=None, data_dir=tmp_path, environment="production", **settings)
    settings = {**SECRETS, "master_key_source": "secrets_manager", "master_key_secret": "desklore/master-keys"}
    assert Settings(_env_file=None, data_dir=tmp_path, environment="production", **settings)


def test_an_unknown_region_is_told(tmp_path: Path, aws_url: str) -> None:
    with pytest.raises(AppError, match="NoRegionError") as refused:
        kept(tmp_path, master_key_source="kms", kms_key_id="alias/desklore")
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
