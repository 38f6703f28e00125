"""Steps of a stream that have to happen at once, as Lua in Redis.

KEYS[1]  the events: a Redis stream whose ids are their numbers (`7-0`); one more entry, `end`, after the last
KEYS[2]  a hash: `stream` (who may read it), `last`, `ended`, `canceled`, and `alive`, the moment until which its writer vouches for it;
         `gone`, and nothing else, for a while after its tenant was deleted

The time is Redis's own, the same for all machines.
"""

from typing import Final

_COMMON: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

WRITE: Final = (
    _COMMON
    + """
local found = redis.call('HMGET', KEYS[2], 'last', 'ended', 'gone')
local number, last = tonumber(ARGV[6]), tonumber(found[1])
if found[3] then return 2 end
if found[2] then return 0 end
if not last then
  if ARGV[4] == '0' then return -1 end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'stream', ARGV[1])
  last = number - 1
end
for i = 7, #ARGV, 2 do
  if number > last then
    redis.call('XADD', KEYS[1], number .. '-0', 'name', ARGV[i], 'data', ARGV[i + 1])
    last = number
  end
  number = number + 1
end
local kept = tonumber(ARGV[5])
if redis.call('XLEN', KEYS[1]) > kept then redis.call('XTRIM', KEYS[1], 'MAXLEN', kept) end
if ARGV[3] == '0' then
  redis.call('HSET', KEYS[2], 'last', last, 'ended', 1)
  redis.call('XADD', KEYS[1], (last + 1) .. '-0', 'end', '1')
else
  redis.call('HSET', KEYS[2], 'last', last, 'alive', now + ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return tonumber(redis.call('HGET', KEYS[2], 'canceled') or 0)
"""
)
"""ARGV: the stream as JSON; milliseconds to keep it; the lease, 0 where it ends; whether these events are all that the writer has;
how many events it has; the number of the first one here; name and data of each.

Returns 1 where it shall stop, 2 where its tenant is gone, and -1 where Redis has lost it: then the writer sends all.
Events that came through once are left out, so a write whose answer was lost may be sent again.
"""

LOOK: Final = (
    _COMMON
    + """
local found = redis.call('HMGET', KEYS[2], 'stream', 'last', 'ended', 'alive')
if not found[1] then return {} end
return {found[1], tonumber(found[2]), found[3] and 1 or 0, (tonumber(found[4]) or 0) > now and 1 or 0}
"""
)
"""Returns the stream, the number of its newest event, whether it has ended, whether its writer lives; nothing where there is none."""

CANCEL: Final = "if redis.call('HEXISTS', KEYS[2], 'stream') == 1 then redis.call('HSET', KEYS[2], 'canceled', 1) end"

DROP: Final = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'gone', 1)
redis.call('PEXPIRE', KEYS[2], ARGV[1])
"""
"""ARGV: milliseconds in which its writer, if there is one, learns of it."""
