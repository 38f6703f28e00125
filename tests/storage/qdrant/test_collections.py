"""Names of collections and folders: one per tenant and makers, safe as paths."""

from pathlib import Path

import pytest

from backend.core.model.search import Makers
from backend.storage.qdrant.collections import collection_name, collection_prefix, fingerprint, shard_folder


def test_every_maker_of_the_vectors_changes_the_name() -> None:
    names = {
        fingerprint(makers)
        for makers in (
            Makers(provider="offline", model="hashing-1", dimension=384, encoder="bigram-1+bm25-1"),
            Makers(provider="openai", model="hashing-1", dimension=384, encoder="bigram-1+bm25-1"),
            Makers(provider="offline", model="hashing-2", dimension=384, encoder="bigram-1+bm25-1"),
            Makers(provider="offline", model="hashing-1", dimension=768, encoder="bigram-1+bm25-1"),
            Makers(provider="offline", model="hashing-1", dimension=384, encoder="kiwi-1+bm25-1"),
            Makers(encoder="bigram-1+bm25-1"),
        )
    }
    assert len(names) == 6


def test_a_model_name_can_not_leave_the_folder() -> None:
    name = fingerprint(Makers(provider="openai", model="../../../모델/x" * 30, dimension=8, encoder="kiwi-1"))
    assert "/" not in name
    assert ".." not in name
    assert len(name) < 100


def test_no_tenant_is_the_beginning_of_another() -> None:
    assert not collection_name("acme-2", Makers(encoder="f")).startswith(collection_prefix("acme"))


@pytest.mark.parametrize("company_id", ["", "..", "a/b", "Acme", "회사", "-a", "a_b", "a" * 64])
def test_only_a_company_id_becomes_a_path(company_id: str) -> None:
    with pytest.raises(ValueError, match="company_id"):
        shard_folder(Path("data"), company_id, Makers(encoder="f"))
    with pytest.raises(ValueError, match="company_id"):
        collection_name(company_id, Makers(encoder="f"))
