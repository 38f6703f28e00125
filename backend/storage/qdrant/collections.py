"""Names: which collection (or folder) holds a tenant's points, what its vectors are called, which fields are indexed.

company_id + fingerprint -> collection          one per tenant, so no filter can forget whose points they are
company_id -> alias                             the collection that is searched
fingerprint -> shared collection                of many small tenants, each point marked with its company (docs/decisions/0032)
fingerprint = embedder + dimension + encoder    vectors of different makers never meet
"""

import hashlib
import re
from pathlib import Path
from typing import Final

from backend.core.model.search import Makers

DENSE: Final = "dense"
SPARSE: Final = "sparse"

DOCUMENT_FIELD: Final = "metadata.document_id"
COMPANY_FIELD: Final = "metadata.company_id"
"""Whose a point of a shared collection is."""
GROUPS_FIELD: Final = "metadata.groups"
SHARED_PREFIX: Final = "desklore__shared_"
"""No company_id is empty, so no tenant's own collection begins like this."""
SEARCHED: Final = "desklore__searched"
"""A collection without vectors: for each tenant in a shared one a point that says in which."""
KEYWORD_FIELDS: Final = (
    DOCUMENT_FIELD,
    "metadata.doc_type",
    "metadata.platform",
    "metadata.status",
    "metadata.product",
    "metadata.tags",
    "metadata.language",
    "metadata.visibility",
    "metadata.audience",
    GROUPS_FIELD,
)
"""Fields that are filtered on by value; indexed, so that a filter costs no scan."""
NUMBER_FIELDS: Final = ("metadata.updated_epoch",)

_COMPANY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_UNSAFE = re.compile(r"[^a-z0-9.-]+|\.{2,}")


def fingerprint(makers: Makers) -> str:
    """What names the makers of the vectors: readable, safe as a file name, and different when any maker differs."""
    full = f"{makers.provider or 'terms'}/{makers.model}/{makers.dimension}/{makers.encoder}"
    readable = _UNSAFE.sub("-", full.lower()).strip("-.")[:80]
    return f"{readable}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def collection_name(company_id: str, makers: Makers) -> str:
    """The tenant's collection on a Qdrant server whose vectors these made."""
    return f"{collection_prefix(company_id)}{fingerprint(makers)}"


def shared_name(makers: Makers) -> str:
    """The collection of many tenants whose vectors these made."""
    return f"{SHARED_PREFIX}{fingerprint(makers)}"


def alias_name(company_id: str) -> str:
    """Under this name the collection that is searched is found on a Qdrant server."""
    return f"desklore_{_checked(company_id)}"


def collection_prefix(company_id: str) -> str:
    """What all collections of the tenant begin with, whatever made their vectors; a company_id has no underscore."""
    return f"desklore_{_checked(company_id)}_"


def company_of(collection: str) -> str:
    """The tenant whose own collection this is; empty for all others."""
    return collection.removeprefix("desklore_").split("_", 1)[0] if collection.startswith("desklore_") else ""


def tenant_folder(root: Path, company_id: str) -> Path:
    """The folder of all embedded indexes of the tenant."""
    return root / _checked(company_id)


def shard_folder(root: Path, company_id: str, makers: Makers) -> Path:
    """The folder of the tenant's embedded index whose vectors these made."""
    return tenant_folder(root, company_id) / fingerprint(makers)


def pointer_file(root: Path, company_id: str) -> Path:
    """Names the makers of the tenant's embedded index that is searched."""
    return tenant_folder(root, company_id) / "searched.json"


def _checked(company_id: str) -> str:
    # The id becomes part of a path: `..` or a slash must never get there, whoever calls.
    if not _COMPANY.fullmatch(company_id):
        raise ValueError(f"not a company_id: {company_id!r}")
    return company_id
