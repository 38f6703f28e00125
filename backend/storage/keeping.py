"""Where files, data keys and credentials are kept, as the settings choose."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStores
from backend.core.ports.cipher import Cipher
from backend.core.ports.secrets import SecretStore
from backend.settings import Settings
from backend.settings_aws import BlobType, MasterKeySource, SecretType
from backend.storage.aws import AwsClient, AwsPlace
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.blobs.s3 import S3BlobStores
from backend.storage.secrets.envelope import EnvelopeCipher, KeyWrapper
from backend.storage.secrets.key_secret import MasterKeySecret
from backend.storage.secrets.keyfile import MasterKeyFile, load_or_make_master_key, parse_master_keys
from backend.storage.secrets.kms import KmsWrapper
from backend.storage.secrets.local import LocalWrapper, MasterKeys
from backend.storage.secrets.manager import ManagedSecrets
from backend.storage.secrets.sealed import SealedSecrets

Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The stores, and how to let go of them."""

    blobs: BlobStores
    cipher: Cipher
    secrets: SecretStore
    closers: tuple[Close, ...] = ()


def keep(settings: Settings) -> Kept:
    """The stores the settings ask for. Raises SECRET_UNREADABLE for master keys that can't be used."""
    clients: dict[str, AwsClient] = {}

    def client(service: str, endpoint_url: str | None) -> AwsClient:
        place = AwsPlace(region=settings.aws_region, endpoint_url=endpoint_url, concurrency=settings.aws_concurrency)
        return clients.setdefault(service, clients.get(service) or AwsClient(service, place))

    blobs: BlobStores = (
        S3BlobStores(client("s3", settings.s3_endpoint_url), settings.s3_bucket, settings.s3_prefix)
        if settings.blob_type is BlobType.S3
        else LocalBlobStores(settings.data_dir / "blobs")
    )
    secret = None
    if settings.master_key_secret:
        secret = MasterKeySecret(client("secretsmanager", settings.aws_endpoint_url), settings.master_key_secret)
    wrappers: list[KeyWrapper] = []
    if (local := _local(settings, secret)) is not None:
        wrappers.append(local)
    if settings.kms_key_id:
        kms = KmsWrapper(client("kms", settings.aws_endpoint_url), settings.kms_key_id)
        wrappers.insert(0 if settings.master_key_source is MasterKeySource.KMS else 1, kms)
    cipher = EnvelopeCipher(*wrappers)
    secrets: SecretStore = SealedSecrets(cipher)
    if settings.secret_type is SecretType.AWS:
        secrets = ManagedSecrets(client("secretsmanager", settings.aws_endpoint_url), secrets, settings.secret_prefix)
    return Kept(blobs=blobs, cipher=cipher, secrets=secrets, closers=tuple(each.close for each in clients.values()))


def _local(settings: Settings, secret: MasterKeySecret | None) -> LocalWrapper | None:
    """The keys that this process holds itself: those of the source that was chosen come first, all of them open. None without any."""
    made = settings.data_dir / "secrets" / "master_key"
    of_environment = _environment(settings)
    if settings.master_key_source is MasterKeySource.ENVIRONMENT:
        of_environment = of_environment or [load_or_make_master_key(made)]
    of_development = _made_before(made)
    listed: dict[MasterKeySource, Callable[[], MasterKeys]] = {MasterKeySource.ENVIRONMENT: lambda: of_environment}
    if settings.master_key_file is not None:
        listed[MasterKeySource.FILE] = MasterKeyFile(settings.master_key_file)
    if secret is not None:
        listed[MasterKeySource.SECRETS_MANAGER] = secret
    places = [*sorted(listed, key=lambda source: source is not settings.master_key_source)]

    def keys() -> MasterKeys:
        return [*(key for source in places for key in listed[source]()), *of_development]

    if len(listed) == 1 and not keys():
        return None
    return LocalWrapper(keys, secret.read if secret is not None else None)


def _environment(settings: Settings) -> list[tuple[str, bytes]]:
    if settings.master_keys is None:
        return []
    try:
        return parse_master_keys(settings.master_keys.get_secret_value())
    except ValueError as error:
        raise AppError(Code.SECRET_UNREADABLE, f"DESKLORE_MASTER_KEYS: {error}.") from None


def _made_before(path: Path) -> list[tuple[str, bytes]]:
    """The key that development made for itself, so that what it wrapped can be moved to a key of one's own."""
    return [load_or_make_master_key(path)] if path.exists() else []
