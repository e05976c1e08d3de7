-- What happens to a request: find its route, choose a target, count it in and out.
local balancer = require 'ngx.balancer'
local ffi = require 'ffi'
local routes = require 'routes'

local var, exec = ngx.var, ngx.exec
local inflight = ngx.shared.inflight

local phases = {}

ffi.cdef [[
  int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
  int getppid(void);
  int kill(int pid, int signal);
]]
local set_parent_death_signal, terminate = 1, 15
local master = ngx.worker.pid() -- this file is first loaded there

-- A worker whose master was killed would hold the ports and keep the next master from starting.
local function end_with_master()
  ffi.C.prctl(set_parent_death_signal, terminate, 0, 0, 0)
  if ffi.C.getppid() ~= master then ffi.C.kill(ngx.worker.pid(), terminate) end
end

-- A worker that takes the place of a crashed one forgets what that one had in flight. One that a reload relieves is
-- still there, and counts it out itself.
function phases.worker()
  end_with_master()
  local mine = '/' .. ngx.worker.id()
  local before = inflight:get('worker' .. ngx.worker.id())
  inflight:set('worker' .. ngx.worker.id(), ngx.worker.pid())
  if before and ffi.C.kill(before, 0) == 0 then return end
  for _, key in ipairs(inflight:get_keys(0)) do
    if key:sub(-#mine) == mine then inflight:set(key, 0) end
  end
end

-- Where a request goes that no target can take.
local function page_of(route, starting)
  if route then return route.held and '@held' or '@stopped' end
  return starting and '@starting' or '@unknown'
end

-- The location that the request belongs to, or '' when it is where it should be.
-- A table that is known here may be old; `take` finds out. One that does not know the host must not be.
function phases.elsewhere()
  local host = var.host
  local route = routes.known(host)
  if not route then
    local found, starting = routes.find(host)
    if not (found and found.targets[1]) then return page_of(found, starting) end
    route = found
  end
  if route.unbuffered then return '@unbuffered' end
  return var.stream ~= '' and '@stream' or ''
end

-- After a try that failed, or when no target was left to try: then nothing, or nothing that counts, was sent to any, and
-- the request may wait for the next one.
function phases.failed()
  local route, starting = routes.find(var.host)
  if not (route and (route.held or route.targets[1])) then return exec(page_of(route, starting)) end
  return exec(var.unsent ~= '' and '@held' or '@failing')
end

-- Seconds that a request waits at most, requests of an app that wait in this worker at most, and how often each looks.
local patience, most, pause = 60, 1000, 0.05
local waiting = {}

-- For an app that is exchanged at this moment.
function phases.wait()
  local host = var.host
  local deadline = ngx.now() + patience
  local route, starting = routes.find(host)
  local app = route and route.app
  while route and route.held and ngx.now() < deadline do
    local others = waiting[app] or 0
    if others >= most then break end
    waiting[app] = others + 1
    ngx.sleep(pause)
    waiting[app] = waiting[app] - 1
    route, starting = routes.find(host)
  end
  if route and route.targets[1] then return exec(var.stream ~= '' and '@stream' or '@again') end
  return exec(route and '@stopped' or page_of(route, starting))
end

-- Counted in first, and only then asked whether the table is still in use: so whoever changes the table and then sees
-- that nothing is in flight may stop the target.
local function take(host)
  local target, count = routes.pick(host)
  if target then inflight:incr(target.key, 1, 0) end
  if routes.fresh() then return target, count end
  if target then inflight:incr(target.key, -1) end
  return take(host)
end

-- Runs for every try. A target is chosen here and not before, because a body may have been minutes on its way.
-- What was counted in is remembered in a variable: an error page empties `ngx.ctx`, a variable stays.
function phases.balance()
  local previous = var.target
  if previous ~= '' then
    routes.failed(previous)
    inflight:incr(previous, -1)
    var.target = ''
  end
  local target, count = take(var.host)
  -- NGX_BUSY: no target is left, since the routes changed. The page says why.
  if not target then
    var.unsent = '1'
    return ngx.exit(-3)
  end
  var.target = target.key
  if count and previous == '' then balancer.set_more_tries(count > 2 and 2 or 1) end
  assert(balancer.set_current_peer(target.host, target.port))
end

function phases.log()
  local target = var.target
  if target and target ~= '' then inflight:incr(target, -1) end
end

return phases
