"""The incremental exports, for administrators (https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/)."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.data.model import Json
from sandbox.wire import Answer, Ask
from sandbox.zendesk import render
from sandbox.zendesk.sides import sides, with_count
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import decoded, denied, encoded, invalid, whole
from sandbox.zendesk.world import Comment

_LARGEST = 1_000
_SAMPLE = 50
_when = itemgetter(0)


def _start(site: Site, ask: Ask) -> int:
    """`start_time`, checked: it has to be given, and older than a minute."""
    if ask.role != "admin":
        raise denied()
    start = whole(ask, "start_time", -1)
    if start < 0:
        raise invalid("Invalid start_time: it must be a unix epoch time", 400)
    latest = site.world.now() - int(site.options.export_lag)
    if start > latest:
        raise invalid(f"Too recent start_time. Use a start_time older than {latest}")
    return start


def tickets_by_cursor(site: Site, ask: Ask) -> Answer:
    """`GET /incremental/tickets/cursor.json`: caught up, it is empty and its `after_cursor` null."""
    cursor = ask.query.get("cursor")
    if ask.role != "admin":
        raise denied()
    if cursor:
        place = decoded(cursor).split("|")
        after = (int(float(place[0])), int(place[2] or 0))
    else:
        after = (_start(site, ask), -1)
    size = min(whole(ask, "per_page", _LARGEST // 10, top=_LARGEST), site.options.export_page)
    rows = site.world.rows()
    end = bisect_right(rows, (site.world.now() - int(site.options.export_lag), 1 << 62))
    begin = bisect_right(rows, after) if cursor else bisect_left(rows, after)
    part = rows[begin : min(begin + size, end)]
    last = encoded(f"{part[-1][0]}.0||{part[-1][1]}|") if part else None
    query = urlencode({key: value for key, value in ask.query.items() if key != "start_time"} | {"cursor": last})
    body: Json = {
        "tickets": [with_count(site, ask, render.ticket(site, site.account.tickets[number])) for _, number in part],
        "after_url": f"{site.links.api_base}{ask.path}?{query}" if part else None,
        "before_url": None,
        "after_cursor": last,
        "before_cursor": None,
        "end_of_stream": begin + len(part) >= end,
    }
    if site.empty_pages > 0:
        # Known to happen: a page without rows that is not the last one.
        site.empty_pages -= 1
        when, number = after if cursor else (after[0] - 1, 0)
        again = encoded(f"{when}.{site.empty_pages}||{number}|")
        body |= {"tickets": [], "after_cursor": again, "end_of_stream": False}
    return Answer(body=orjson.dumps(body | sides(site, ask, [number for _, number in part])))


def tickets_by_time(site: Site, ask: Ask) -> Answer:
    """`GET /incremental/tickets.json`: the row at the boundary comes again in every poll."""
    start = _start(site, ask)
    rows = site.world.rows()
    part, end_time, last = _by_time(site, ask, rows, start)
    numbers = [number for _, number in rows[part]]
    body = {"tickets": [with_count(site, ask, render.ticket(site, site.account.tickets[number])) for number in numbers]}
    return Answer(body=orjson.dumps(body | _ending(site, ask, len(numbers), end_time, last=last) | sides(site, ask, numbers)))


def ticket_events(site: Site, ask: Ask) -> Answer:
    """`GET /incremental/ticket_events.json`, with `include=comment_events` the comments too."""
    start = _start(site, ask)
    events = site.world.events()
    if site.unlogged:
        events = [event for event in events if event[2] is None or event[2].id not in site.unlogged]
    part, end_time, last = _by_time(site, ask, events, start)
    told = "comment_events" in ask.query.get("include", "")
    shown = [_event(site, event, told=told) for event in events[part]]
    return Answer(body=orjson.dumps({"ticket_events": shown} | _ending(site, ask, len(shown), end_time, last=last)))


def _event(site: Site, event: tuple[int, int, Comment | None], *, told: bool) -> Json | orjson.Fragment:
    """An event; rendered once where measured clients ask for it, whatever page it is on."""
    if not site.options.prebuild:
        return _rendered(site, event, told=told)
    key = ("event", site.world.version, event[1], told)
    if key not in site.pages:
        site.pages[key] = orjson.dumps(_rendered(site, event, told=told))
    return orjson.Fragment(site.pages[key])


def _rendered(site: Site, event: tuple[int, int, Comment | None], *, told: bool) -> Json:
    entry = render.event(site, *event)
    if not told:
        entry["child_events"] = [child for child in entry["child_events"] if child["event_type"] == "Change"]
    return entry


def _by_time(site: Site, ask: Ask, rows: Sequence[tuple[Any, ...]], start: int) -> tuple[slice, int | None, bool]:
    """Which rows a time-based page has, its `end_time`, and whether it is the last. Rows of one second are never torn apart."""
    size = min(whole(ask, "per_page", _LARGEST, top=_LARGEST), site.options.export_page)
    limit = bisect_right(rows, site.world.now() - int(site.options.export_lag), key=_when)
    begin = bisect_left(rows, start, key=_when)
    end = min(begin + size, limit)
    if begin < end < limit:
        end = bisect_right(rows, rows[end - 1][0], hi=limit, key=_when)
    return slice(begin, end), rows[end - 1][0] if end > begin else None, end >= limit


def _ending(site: Site, ask: Ask, count: int, end_time: int | None, *, last: bool) -> Json:
    query = urlencode(ask.query | {"start_time": end_time})
    # At the end `next_page` is the page itself (as recorded): whoever follows it never comes to an end.
    address = f"{site.links.api_base}{ask.path}?{query}" if end_time is not None else None
    return {"count": count, "end_of_stream": last, "next_page": address, "end_time": end_time}


def sample(site: Site, ask: Ask) -> Answer:
    """`GET /incremental/tickets/sample.json`: at most fifty rows."""
    start = _start(site, ask)
    rows = site.world.rows()
    begin = bisect_left(rows, (start, -1))
    part = [number for _, number in rows[begin : begin + _SAMPLE]]
    return Answer(body=orjson.dumps({"tickets": [render.ticket(site, site.account.tickets[number]) for number in part]}))
