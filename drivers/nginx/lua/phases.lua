-- What happens to a request: find its route, choose a target, count it in and out.
local balancer = require 'ngx.balancer'
local ffi = require 'ffi'
local routes = require 'routes'

local var, exec = ngx.var, ngx.exec
local inflight = ngx.shared.inflight
local find = string.find

local phases = {}

ffi.cdef 'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);'
local set_parent_death_signal, terminate = 1, 15

-- A worker whose master was killed would hold the ports and keep the next master from starting.
-- And a worker that takes the place of a crashed one forgets what that one had in flight.
function phases.worker()
  ffi.C.prctl(set_parent_death_signal, terminate, 0, 0, 0)
  local mine = '/' .. ngx.worker.id()
  for _, key in ipairs(inflight:get_keys(0)) do
    if key:sub(-#mine) == mine then inflight:set(key, 0) end
  end
end

local function refuse(route, starting)
  if route then return exec '@stopped' end
  return exec(starting and '@starting' or '@unknown')
end

function phases.request()
  local route, starting = routes.find(var.host)
  if not route or #route.targets == 0 then return refuse(route, starting) end
  if var.websocket ~= '' then return exec '@stream' end
  local accept = var.http_accept
  if accept and find(accept, 'text/event-stream', 1, true) then return exec '@stream' end
end

-- Runs for every try. The route is looked up here again, because a body may have been minutes on its way.
-- What was counted in is remembered in a variable: an error page empties `ngx.ctx`, a variable stays.
function phases.balance()
  local previous = var.target
  local route = routes.find(var.host)
  local count = route and #route.targets or 0
  if previous ~= '' then
    routes.failed(previous)
    inflight:incr(previous, -1)
    var.target = ''
  elseif count > 1 then
    balancer.set_more_tries(count > 2 and 2 or 1)
  end
  -- NGX_BUSY: no target is left. It becomes the page for 502.
  if count == 0 then return ngx.exit(-3) end
  local target = routes.pick(route)
  assert(balancer.set_current_peer(target.host, target.port))
  inflight:incr(target.key, 1, 0)
  var.target = target.key
end

function phases.log()
  local target = var.target
  if target and target ~= '' then inflight:incr(target, -1) end
end

return phases
