"""Steps of the queue that have to happen at once, as Lua in Redis.

KEYS[1]            what the names of all others begin with
<base>:<line>      ARQ's queue of a line: job ids by score
<base>:<line>:tags how far each tenant's turns in a line are given out, and under '' how far they are used up
<base>:<line>:free process -> its free places and the moment it last looked for jobs
<base>:running     ids by the moment their lease ends
<base>:owners      id -> the process that runs it
<base>:again       ids that are run once more when they end
<base>:abort       ids whose run has to be canceled

A score below 10^12 is a turn: each tenant's jobs get turns one after the other, beginning at what is used up, so the lowest
score belongs to the tenant whose turn it is. A larger score is the moment (Unix milliseconds) at which the job may run again.
The time is Redis's own, the same for all machines.
"""

from typing import Final

_COMMON: Final = """
local base, time = KEYS[1], redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local running, owners, again, abort = base..':running', base..':owners', base..':again', base..':abort'
local LINES, TIMES, LOOKED = {'quick', 'bulk', 'processing', 'ahead'}, 1000000000000, 300
local function company(id) return string.match(id, '^[^:]*') end
local function kind(id) return string.match(id, '^[^:]*:[^:]*') end
local function turn(line, id)
  local tags, tenant = base..':'..line..':tags', company(id)
  local used = tonumber(redis.call('HGET', tags, '') or 0)
  local tag = math.max(used, tonumber(redis.call('HGET', tags, tenant) or 0)) + 1
  redis.call('HSET', tags, tenant, tag)
  redis.call('ZADD', base..':'..line, tag, id)
end
local function place(id)
  for _, line in ipairs(LINES) do
    local score = redis.call('ZSCORE', base..':'..line, id)
    if score then return line, tonumber(score) end
  end
end
local function runs(id)
  local ends = redis.call('ZSCORE', running, id)
  return ends and tonumber(ends) > now
end
local function put(line, id, payload, keep)
  local where, score = place(id)
  if not where then
    redis.call('SET', 'arq:job:'..id, payload, 'PX', keep)
    turn(line, id)
  elseif score >= TIMES then
    turn(where, id)
  end
end
"""

ENQUEUE: Final = (
    _COMMON
    + """
for i = 2, #ARGV, 3 do
  local line, id, payload = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if runs(id) then redis.call('SADD', again, id) else put(line, id, payload, ARGV[1]) end
end
"""
)
"""ARGV: milliseconds to keep a job, and line, id, payload of each."""

CLAIM: Final = (
    _COMMON
    + """
local lease, owner, line = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local free, places = tonumber(ARGV[4]), tonumber(ARGV[5])
local queue, tags = base..':'..line, base..':'..line..':tags'
local mine = {}
for i = 6, #ARGV do mine[ARGV[i]] = true end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', running, '-inf', now)) do
  if mine[id] and redis.call('HGET', owners, id) == owner then
    redis.call('ZADD', running, now + lease, id)
  else
    redis.call('ZREM', running, id)
    redis.call('HDEL', owners, id)
    redis.call('SREM', abort, id)
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue, TIMES, now, 'LIMIT', 0, 200)) do turn(line, id) end
local busy, taken = {}, {}
for _, id in ipairs(redis.call('ZRANGE', running, 0, -1)) do busy[kind(id)] = true end
local waiting = redis.call('ZRANGEBYSCORE', queue, '-inf', '('..TIMES, 'WITHSCORES', 'LIMIT', 0, 500)
local standing, most = queue..':free', -places
if #waiting > 0 then
  local told = redis.call('HGETALL', standing)
  for i = 1, #told, 2 do
    local places_free, at = string.match(told[i + 1], '^(%S+) (%S+)$')
    if now - at > LOOKED then
      redis.call('HDEL', standing, told[i])
    elseif told[i] ~= owner then
      most = math.max(most, tonumber(places_free))
    end
  end
end
for i = 1, #waiting, 2 do
  if free <= -places or free < most then break end
  local one_each = free <= 0 or (free == 1 and places > 2)
  local id, score = waiting[i], waiting[i + 1]
  if not mine[id] and not runs(id) and not (one_each and busy[kind(id)]) then
    redis.call('SREM', again, id)
    redis.call('ZADD', running, now + lease, id)
    redis.call('HSET', owners, id, owner)
    if tonumber(score) > tonumber(redis.call('HGET', tags, '') or 0) then redis.call('HSET', tags, '', score) end
    busy[kind(id)] = true
    free = free - 1
    taken[#taken + 1] = {id, score}
  end
end
redis.call('HSET', standing, owner, free..' '..now)
local fresh = redis.call('SET', base..':alive', '1', 'NX')
return {taken, redis.call('SMEMBERS', abort), fresh and 1 or 0}
"""
)
"""ARGV: lease, owner, line, free places, places, and all ids that the process runs.

Returns ids to run with their scores, ids to cancel, and whether Redis had been empty.

A job is left to another process that has more places free and looked for jobs within LOOKED milliseconds: what one of them would
do alone, while the others have nothing to do, they share.

Of three places or more the last free one is only for a job of which its tenant has none running, anywhere; and where none is free
such a job gets one beyond, up to twice as many. Jobs whose lease ran out are there for everybody again, except the process that still
runs them: one that had no processor for a while would otherwise run its own job a second time, beside the first.
"""

BEAT: Final = (
    _COMMON
    + """
local lost = {}
for i = 3, #ARGV do
  local id, holder = ARGV[i], redis.call('HGET', owners, ARGV[i])
  if holder and holder ~= ARGV[2] then
    lost[#lost + 1] = id
  else
    redis.call('ZADD', running, now + tonumber(ARGV[1]), id)
    redis.call('HSET', owners, id, ARGV[2])
  end
end
return lost
"""
)
"""ARGV: lease, owner, ids that it runs. Returns those that another process runs by now."""

ENDED: Final = (
    _COMMON
    + """
local owner, line, id = ARGV[2], ARGV[3], ARGV[4]
local holder = redis.call('HGET', owners, id)
if holder and holder ~= owner then return end
redis.call('ZREM', running, id)
redis.call('HDEL', owners, id)
redis.call('SREM', abort, id)
if redis.call('SREM', again, id) == 1 then put(line, id, ARGV[5], ARGV[1]) end
"""
)
"""ARGV: milliseconds to keep a job, owner, line, id, payload."""

HAND_ON: Final = (
    _COMMON
    + """
local line, id, payload = ARGV[2], ARGV[3], ARGV[4]
if runs(id) then
  redis.call('SADD', abort, id)
  return 1
end
if place(id) then return 0 end
put(line, id, payload, ARGV[1])
return 1
"""
)
"""ARGV: milliseconds to keep a job, line, id, payload. Returns 0 where it only waits."""

DEPTH: Final = (
    _COMMON
    + """
redis.call('SET', base..':asked', now, 'PX', 60000)
local waiting, active = redis.call('SCARD', again), 0
for _, line in ipairs(LINES) do waiting = waiting + redis.call('ZCARD', base..':'..line) end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', running, '('..now, '+inf')) do
  active = active + 1
  if place(id) then waiting = waiting - 1 end
end
return {waiting, active}
"""
)
"""Returns waiting and running. It writes something, for a Redis that takes no writes runs no jobs either, and nobody would hear of it."""
