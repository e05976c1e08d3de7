-- How many requests are on their way to each target. A column for each target, and each worker counts in a row of its own,
-- so that nobody else writes there, and what a crashed one had on its way goes with it. Each number is a lock of nginx, and
-- what it counts are the lock's readers: nginx itself can count them out when their requests end, and no Lua runs for that.
local ffi = require 'ffi'
local memory = require 'memory'

local shared = ngx.shared.inflight -- target → column; row → the pid of its worker
local inflight = {}

ffi.cdef [[
  int kill(int pid, int signal);

  void ngx_rwlock_unlock(volatile intptr_t *lock);

  typedef struct ngx_http_cleanup_s ngx_http_cleanup_t;
  struct ngx_http_cleanup_s {
    void (*handler)(volatile intptr_t *data);
    volatile intptr_t *data;
    ngx_http_cleanup_t *next;
  };
  ngx_http_cleanup_t *ngx_http_cleanup_add(ngx_http_request_t *request, size_t size);
]]
local unlock = ffi.C.ngx_rwlock_unlock

local columns = 65536 -- those of later targets are shared: who waits for one then may wait for another one too
local numbers = 64 -- of workers
local generations = 8 -- of a number: a worker that a reload relieves ends what it has
local rows = numbers * generations
-- Signed, unlike nginx's: Lua adds what is taken away as a negative number.
local counts = memory.numbers('readers', 'intptr_t', rows * columns)
local here = counts -- the row of this worker

-- Whether the worker of a row does.
local function lives(number)
  local pid = shared:get(number)
  return pid and ffi.C.kill(pid, 0) == 0
end

-- For a worker that begins: no two of one number begin at once, since there are not more workers than numbers.
function inflight.begin()
  local row = ngx.worker.id() % numbers * generations
  local last = row + generations - 1
  while row < last and lives(row) do row = row + 1 end
  here = counts + row * columns
  if shared:get(row) then ffi.fill(ffi.cast('void *', here), columns * ffi.sizeof 'intptr_t') end
  shared:set(row, ngx.worker.pid())
end

function inflight.column(target)
  local column = shared:get(target)
  while not column do
    -- Another worker may be quicker.
    shared:add(target, shared:incr('targets', 1, 0) % columns)
    column = shared:get(target)
  end
  return column
end

function inflight.count(column, more)
  here[column] = here[column] + more
end

local function cleanup_of(request)
  local cleanup = ffi.C.ngx_http_cleanup_add(request, 0)
  assert(cleanup ~= nil, 'there is no memory')
  return cleanup
end

-- Who was counted in leaves when the request ends.
function inflight.until_end(request, column)
  local cleanup = cleanup_of(request)
  cleanup.handler, cleanup.data = unlock, here + column
end

-- Who was counted in leaves now. Returns the column; nil when nobody was.
function inflight.leave(request)
  local cleanup = cleanup_of(request).next
  while cleanup ~= nil and cleanup.handler ~= unlock do cleanup = cleanup.next end
  if cleanup == nil then return nil end
  unlock(cleanup.data)
  cleanup.handler = nil
  return tonumber(cleanup.data - here)
end

local function living_rows()
  local living = {}
  for number = 0, rows - 1 do
    if lives(number) then living[#living + 1] = number * columns end
  end
  return living
end

-- Target → how many.
function inflight.of(targets)
  local sums, living = {}, living_rows()
  for _, target in ipairs(targets) do
    local column, sum = shared:get(target), 0
    for _, begins in ipairs(column and living or {}) do sum = sum + tonumber(counts[begins + column]) end
    sums[target] = sum
  end
  return sums
end

return inflight
