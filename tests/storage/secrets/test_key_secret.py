"""Master keys in a secret of AWS Secrets Manager: which forms it may have, and what is told where it can't be used."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from backend.core import ids
from backend.core.errors import AppError, Code
from backend.storage.aws import AwsClient, AwsPlace
from backend.storage.secrets.envelope import EnvelopeCipher
from backend.storage.secrets.key_secret import MasterKeySecret
from backend.storage.secrets.local import LocalCipher, LocalWrapper
from tests.servers.aws import REGION

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)
LINES = [f"{name}:{base64.b64encode(key).decode()}" for name, key in (NEW, OLD)]


@pytest.fixture
def aws(request: pytest.FixtureRequest) -> AwsClient:
    made: AwsClient = request.getfixturevalue("secrets_client")
    return made


@pytest.fixture
def calls(aws: AwsClient) -> Iterator[list[str]]:
    """The names of the secrets that are read meanwhile."""
    made: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        made.append(json.loads(params["body"])["SecretId"])

    aws.client.meta.events.register("before-call.secrets-manager.GetSecretValue", note)
    yield made
    aws.client.meta.events.unregister("before-call.secrets-manager.GetSecretValue", note)


def put(aws: AwsClient, text: str, name: str = "") -> str:
    """A secret of this content; returns its name."""
    if name:
        aws.client.put_secret_value(SecretId=name, SecretString=text)
        return name
    name = f"desklore/{ids.new_id('keys')}"
    aws.client.create_secret(Name=name, SecretString=text)
    return name


def cipher_of(secret: MasterKeySecret) -> EnvelopeCipher:
    return EnvelopeCipher(LocalWrapper(secret, secret.read))


@pytest.mark.parametrize("text", [json.dumps(LINES), json.dumps(LINES, indent=2), "\n".join(LINES), "\n".join(LINES) + "\n"])
def test_a_json_list_or_the_lines_of_a_key_file(aws: AwsClient, text: str) -> None:
    name = put(aws, text)
    assert MasterKeySecret(aws, name)() == [NEW, OLD]
    arn = aws.client.describe_secret(SecretId=name)["ARN"]
    assert MasterKeySecret(aws, arn)() == [NEW, OLD]


@pytest.mark.parametrize(
    "text",
    ["[]", "nonsense-top-secret", '["id:top-secret"]', '{"2026": "top-secret"}', '["top-secret', "[1]", '["kms:' + "b" * 43 + '="]', "{"],
)
def test_another_form_is_told_without_its_content(aws: AwsClient, text: str) -> None:
    with pytest.raises(AppError, match="DESKLORE_MASTER_KEY_SECRET") as told:
        MasterKeySecret(aws, put(aws, text))
    assert told.value.code is Code.SECRET_UNREADABLE
    assert "top-secret" not in told.value.message
    assert told.value.__cause__ is None


def test_a_secret_of_bytes_one_that_is_not_there_and_one_that_is_being_deleted_are_told(aws: AwsClient) -> None:
    name = f"desklore/{ids.new_id('keys')}"
    with pytest.raises(AppError, match=f"{name}.*none of this name") as missing:
        MasterKeySecret(aws, name)
    aws.client.create_secret(Name=name, SecretBinary=b"top-secret")
    with pytest.raises(AppError, match="no master keys") as binary:
        MasterKeySecret(aws, name)
    aws.client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    with pytest.raises(AppError, match="being deleted") as deleted:
        MasterKeySecret(aws, name)
    assert {each.value.code for each in (missing, binary, deleted)} == {Code.SECRET_UNREADABLE}


@pytest.mark.parametrize(
    ("status", "name", "code", "says"),
    [
        (400, "AccessDeniedException", Code.STORAGE_UNAVAILABLE, "docs/operations/aws.md"),
        (400, "DecryptionFailure", Code.SECRET_UNREADABLE, "kms:Decrypt"),
        (503, "ServiceUnavailable", Code.STORAGE_UNAVAILABLE, "Try again"),
    ],
)
async def test_what_aws_refuses_is_told(aws_url: str, status: int, name: str, code: Code, says: str) -> None:
    class Raw:
        def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
            yield json.dumps({"__type": name, "message": "secret-of-the-account"}).encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, {}, Raw())

    eager = AwsClient("secretsmanager", AwsPlace(region=REGION, endpoint_url=aws_url, attempts=1))
    eager.client.meta.events.register("before-send.secrets-manager", answer)
    with pytest.raises(AppError) as told:
        MasterKeySecret(eager, "desklore/keys")
    await eager.close()
    assert told.value.code is code
    assert says in told.value.message
    assert "secret-of" not in told.value.message


def test_a_key_that_another_process_knows_already_is_read_when_it_is_met(aws: AwsClient, calls: list[str]) -> None:
    name = put(aws, json.dumps(LINES[1:]))
    here, there = cipher_of(MasterKeySecret(aws, name)), cipher_of(MasterKeySecret(aws, name))
    before = here.new_data_key("acme")
    put(aws, json.dumps(LINES), name)
    there.look_again()
    moved = there.rewrap("acme", before)
    calls.clear()
    assert here.rewrap("acme", moved)
    assert calls == [name], "the newer key was unknown here"
    assert here.rewrap("acme", before)
    assert calls == [name], "what is known is not asked for"


def test_a_new_data_key_is_wrapped_by_the_newest_there_is(aws: AwsClient) -> None:
    name = put(aws, json.dumps(LINES[1:]))
    here = cipher_of(MasterKeySecret(aws, name))
    put(aws, json.dumps(LINES), name)
    LocalCipher([NEW]).rewrap("acme", here.new_data_key("acme"))


def test_a_lost_key_is_asked_for_once_in_a_while(aws: AwsClient, calls: list[str]) -> None:
    here = cipher_of(MasterKeySecret(aws, put(aws, json.dumps(LINES[:1]))))
    lost = LocalCipher([("2019", b"l" * 32)]).new_data_key("acme")
    calls.clear()
    for _ in range(5):
        with pytest.raises(AppError, match="2019") as told:
            here.rewrap("acme", lost)
        assert told.value.code is Code.SECRET_UNREADABLE
    assert len(calls) == 1


def test_while_the_secret_is_damaged_what_was_known_opens_and_nothing_new_is_wrapped(aws: AwsClient) -> None:
    name = put(aws, json.dumps(LINES[1:]))
    here = cipher_of(MasterKeySecret(aws, name))
    data_key = here.new_data_key("acme")
    put(aws, "oops", name)
    assert here.rewrap("acme", data_key)
    for refused in (lambda: here.new_data_key("bravo"), here.look_again):
        with pytest.raises(AppError, match="DESKLORE_MASTER_KEY_SECRET"):
            refused()
    met = LocalCipher([NEW]).new_data_key("bravo")
    for _ in range(2):
        with pytest.raises(AppError, match="DESKLORE_MASTER_KEY_SECRET"):
            here.rewrap("bravo", met)
    put(aws, json.dumps(LINES), name)
    assert here.rewrap("bravo", met)
