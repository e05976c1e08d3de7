-- How many requests are on their way to each target. A column for each target, and each worker counts in a row of its own,
-- so that nobody else writes there, and what a crashed one had on its way goes with it.
local ffi = require 'ffi'
local memory = require 'memory'

local shared = ngx.shared.inflight -- target → column; row → the pid of its worker
local inflight = {}

ffi.cdef 'int kill(int pid, int signal);'

local columns = 65536 -- those of later targets are shared: who waits for one then may wait for another one too
local numbers = 64 -- of workers
local generations = 8 -- of a number: a worker that a reload relieves ends what it has
local rows = numbers * generations
local counts = memory.numbers('inflight', rows * columns)
local row = 0

-- Whether the worker of a row does.
local function lives(number)
  local pid = shared:get(number)
  return pid and ffi.C.kill(pid, 0) == 0
end

-- For a worker that begins: no two of one number begin at once.
function inflight.begin()
  row = ngx.worker.id() % numbers * generations
  local last = row + generations - 1
  while row < last and lives(row) do row = row + 1 end
  if shared:get(row) then ffi.fill(ffi.cast('void *', counts + row * columns), columns * 4) end
  shared:set(row, ngx.worker.pid())
end

-- A pointer to the number of those that this worker has on their way to a target: what it adds there all can read.
function inflight.counter(target)
  local column = shared:get(target)
  while not column do
    -- Another worker may be quicker.
    shared:add(target, shared:incr('targets', 1, 0) % columns)
    column = shared:get(target)
  end
  return counts + row * columns + column
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
    for _, begins in ipairs(column and living or {}) do sum = sum + counts[begins + column] end
    sums[target] = sum
  end
  return sums
end

return inflight
