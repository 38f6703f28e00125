"""What every Cipher must do."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.cipher import Cipher
from backend.storage.aws import AwsClient
from backend.storage.secrets.envelope import EnvelopeCipher, to_text
from backend.storage.secrets.kms import KmsWrapper
from backend.storage.secrets.local import LocalCipher, LocalWrapper
from tests.contract.records import tenant

Make = Callable[[Sequence[tuple[str, bytes]]], Cipher]
CIPHERS: dict[str, Make] = {"local": LocalCipher}
OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)
FIELD = "connection/conn_1"
PLAIN = Secret("비밀-키-SECRET-1234")


@pytest.fixture(params=[*CIPHERS, "kms"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "kms":
        return KmsKeys(request.getfixturevalue("kms_client")).make
    return CIPHERS[request.param]


class KmsKeys:
    """Ciphers by KMS: one key there for each master key that a test names."""

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws
        self._known: dict[tuple[str, bytes], str] = {}

    def make(self, keys: Sequence[tuple[str, bytes]]) -> Cipher:
        if keys[0] not in self._known:
            self._known[keys[0]] = self._aws.client.create_key()["KeyMetadata"]["Arn"]
        return EnvelopeCipher(KmsWrapper(self._aws, self._known[keys[0]]))


def with_key(cipher: Cipher, company_id: str = "acme") -> Tenant:
    return tenant(company_id, sealed_data_key=cipher.new_data_key(company_id))


def unreadable(cipher: Cipher, who: Tenant, field: str, sealed: SealedSecret) -> str:
    with pytest.raises(AppError) as refused:
        cipher.open(who, field, sealed)
    assert refused.value.code is Code.SECRET_UNREADABLE
    return refused.value.message


def test_a_secret_opens_again_and_never_looks_the_same(make: Make) -> None:
    cipher = make([NEW])
    who = with_key(cipher)
    first, second = cipher.seal(who, FIELD, PLAIN), cipher.seal(who, FIELD, PLAIN)
    assert first != second
    assert cipher.open(who, FIELD, first) == cipher.open(who, FIELD, second) == PLAIN
    assert cipher.open(who, FIELD, cipher.seal(who, FIELD, Secret(""))) == Secret("")
    for token in (first.token, who.sealed_data_key.token):
        assert token.startswith("v1.")
        assert PLAIN.reveal() not in token
        assert "SECRET" not in repr(first)


def test_another_tenant_or_field_can_not_open_it(make: Make) -> None:
    cipher = make([NEW])
    who, other = with_key(cipher), with_key(cipher, "other")
    sealed = cipher.seal(who, FIELD, PLAIN)
    unreadable(cipher, other, FIELD, sealed)
    unreadable(cipher, who, "connection/conn_2", sealed)
    thief = tenant("other", sealed_data_key=who.sealed_data_key)
    message = unreadable(cipher, thief, FIELD, sealed)
    assert "2026" in message or "arn:aws:kms" in message, "a data key belongs to its tenant too"


def test_what_was_tampered_with_does_not_open(make: Make) -> None:
    cipher = make([NEW])
    who = with_key(cipher)
    token = cipher.seal(who, FIELD, PLAIN).token
    swapped = token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:]
    for bad in (swapped, token[:20], "v1.", "", "v9" + token[2:], "v1.한글", "v1.!!!", token + "=="):
        unreadable(cipher, who, FIELD, SealedSecret(bad))
    for bad in ("", "v1", "v1.2026", "v1.2026.", "v9.2026.AAAA", "v1.2026.AAAA"):
        unreadable(cipher, tenant("acme", sealed_data_key=SealedSecret(bad)), FIELD, SealedSecret(token))


def test_a_lost_master_key_is_told_by_its_id() -> None:
    make = LocalCipher
    before = make([OLD])
    who = with_key(before)
    sealed = before.seal(who, FIELD, PLAIN)
    assert "2025" in unreadable(make([NEW]), who, FIELD, sealed)
    assert "2025" in unreadable(make([(OLD[0], NEW[1])]), who, FIELD, sealed), "the right id with the wrong key"


def test_what_needs_an_older_master_key_is_told(make: Make) -> None:
    before = make([OLD])
    data_key = before.new_data_key("acme")
    assert before.is_newest("acme", data_key)
    both = make([NEW, OLD])
    assert not both.is_newest("acme", data_key)
    assert both.is_newest("acme", both.rewrap("acme", data_key))
    assert both.is_newest("other", both.new_data_key("other"))


def test_a_new_master_key_by_the_name_of_the_old_one_rotates_too() -> None:
    old, new = ("main", OLD[1]), ("main", NEW[1])
    data_key = LocalCipher([old]).new_data_key("acme")
    both = LocalCipher([new, old])
    assert not both.is_newest("acme", data_key), "else the old one would be taken away"
    moved = both.rewrap("acme", data_key)
    assert both.is_newest("acme", moved)
    assert LocalCipher([new]).is_newest("acme", moved)


def test_a_damaged_data_key_is_told_by_itself_only(make: Make) -> None:
    cipher = make([NEW])
    for damaged in ("v1.kms.AAAA", "v1.kms.?.?", "v1.2026.?"):
        assert not cipher.is_newest("acme", SealedSecret(damaged)), "looking through all of them goes on"
        with pytest.raises(AppError):
            cipher.rewrap("acme", SealedSecret(damaged))


def test_master_keys_rotate_without_touching_secrets(make: Make) -> None:
    before = make([OLD])
    who = with_key(before)
    sealed = before.seal(who, FIELD, PLAIN)
    both = make([NEW, OLD])
    assert both.open(who, FIELD, sealed) == PLAIN
    moved = tenant("acme", sealed_data_key=both.rewrap("acme", who.sealed_data_key))
    assert make([NEW]).open(moved, FIELD, sealed) == PLAIN
    with pytest.raises(AppError):
        both.rewrap("other", who.sealed_data_key)


def test_a_key_that_the_key_service_does_not_have_is_told(kms_client: AwsClient, aws_url: str) -> None:
    arn = kms_client.client.create_key()["KeyMetadata"]["Arn"]
    who = with_key(EnvelopeCipher(KmsWrapper(kms_client, arn)))
    gone = tenant(
        "acme", sealed_data_key=SealedSecret(who.sealed_data_key.token.replace(to_text(arn.encode()), to_text(f"{arn[:-4]}0000".encode())))
    )
    assert "KMS key" in unreadable(EnvelopeCipher(KmsWrapper(kms_client, arn)), gone, FIELD, SealedSecret("v1.AAAA"))


@pytest.mark.parametrize("keys", [[], [("a", b"short")], [("", b"x" * 32)], [("a.b", b"x" * 32)]])
def test_bad_master_keys_are_refused(keys: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ValueError, match="master key"):
        LocalCipher(keys)


_OPEN_ELSEWHERE = """
import base64, json, sys
from backend.core.model.tenant import SealedSecret
from tests.contract.records import tenant
from tests.contract.test_cipher import CIPHERS, FIELD
given = json.load(sys.stdin)
cipher = CIPHERS[given["cipher"]]([(given["id"], base64.b64decode(given["key"]))])
who = tenant("acme", sealed_data_key=SealedSecret(given["data_key"]))
sys.stdout.buffer.write(cipher.open(who, FIELD, SealedSecret(given["sealed"])).reveal().encode())
"""


@pytest.mark.parametrize("name", CIPHERS)
def test_a_new_process_opens_what_an_old_one_sealed(name: str) -> None:
    cipher = CIPHERS[name]([NEW])
    who = with_key(cipher)
    given = {
        "cipher": name,
        "id": NEW[0],
        "key": base64.b64encode(NEW[1]).decode(),
        "data_key": who.sealed_data_key.token,
        "sealed": cipher.seal(who, FIELD, PLAIN).token,
    }
    done = subprocess.run([sys.executable, "-c", _OPEN_ELSEWHERE], input=json.dumps(given).encode(), capture_output=True, check=True)
    assert done.stdout.decode() == PLAIN.reveal()


def test_keys_move_into_a_key_service_and_out_again(kms_client: AwsClient) -> None:
    arn = kms_client.client.create_key()["KeyMetadata"]["Arn"]
    service, own = KmsWrapper(kms_client, arn), LocalWrapper(lambda: [NEW])
    before = LocalCipher([NEW])
    who = with_key(before)
    sealed = before.seal(who, FIELD, PLAIN)
    moving = EnvelopeCipher(service, own)
    inside = tenant("acme", sealed_data_key=moving.rewrap("acme", who.sealed_data_key))
    assert EnvelopeCipher(service).open(inside, FIELD, sealed) == PLAIN
    assert "DESKLORE_MASTER_KEY_SOURCE" in unreadable(before, inside, FIELD, sealed)
    back = tenant("acme", sealed_data_key=EnvelopeCipher(own, service).rewrap("acme", inside.sealed_data_key))
    assert LocalCipher([NEW]).open(back, FIELD, sealed) == PLAIN
