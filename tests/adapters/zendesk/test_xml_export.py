"""Zendesk's XML export by its documented shape."""

import io
import zipfile
from pathlib import Path

import pytest

from backend.adapters.archive import Archive
from backend.adapters.exports.records import read_records
from backend.adapters.zendesk.export.files import check_export, unwrapped
from backend.core.errors import AppError

DOCUMENTED_XML = """<?xml version="1.0" encoding="UTF-8"?>
<tickets type="array"><ticket>
  <assigned-at>2007-06-03T22:15:44Z</assigned-at><assignee-id>4</assignee-id><assignee-updated-at/>
  <created-at>2007-06-03T20:15:44Z</created-at><subject>프린터</subject><description>My printer is not working</description>
  <external-id/><group-id>2</group-id><nice-id>303</nice-id><linked-id/><priority-id>3</priority-id><submitter-id>3</submitter-id>
  <status-id>1</status-id><requester-id>3</requester-id><ticket-type-id>2</ticket-type-id>
  <updated-at>2007-06-03T20:15:45Z</updated-at><via-id>0</via-id><current-tags>printer hp</current-tags><score>28</score>
  <comments type="array">
    <comment><author-id>3</author-id><created-at>2007-06-03T20:15:45Z</created-at><is-public>true</is-public>
      <value>프린터가 안 돼요 &amp; 급해요</value><via-id>0</via-id><via-reference-id/></comment>
    <comment><author-id>5</author-id><created-at>2007-06-04T10:07:02Z</created-at><is-public>false</is-public>
      <value>Make sure it is plugged in</value><via-id>0</via-id></comment>
  </comments>
  <ticket-field-entries type="array">
    <ticket-field-entry><ticket-field-id>139</ticket-field-id><value>phone</value></ticket-field-entry>
  </ticket-field-entries>
</ticket></tickets>""".encode()
"""By the documented shape: http://www.zendesk.com/support/api/tickets"""


def test_zendesk_xml_as_it_is_documented(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tickets.xml", DOCUMENTED_XML)
    (record,) = [unwrapped(found.record) for found in read_records(io.BytesIO(DOCUMENTED_XML), "tickets.xml") if found.record]
    assert (record["id"], record["status"], record["priority"], record["type"], record["tags"]) == (
        "303",
        "open",
        "high",
        "incident",
        ["printer", "hp"],
    )
    assert [(each["public"], each["plain_body"], each["author_id"]) for each in record["comments"]] == [
        (True, "프린터가 안 돼요 & 급해요", "3"),
        (False, "Make sure it is plugged in", "5"),
    ]
    assert record["custom_fields"] == [{"id": "139", "value": "phone"}]
    check_export(Archive(path, path.name))


def test_zendesk_xml_that_declares_entities_is_refused() -> None:
    bomb = b'<!DOCTYPE t [<!ENTITY a "aaaa">]><tickets><ticket><subject>&a;</subject></ticket></tickets>'
    with pytest.raises(AppError, match="document type"):
        list(read_records(io.BytesIO(bomb), "tickets.xml"))
