-- What happens to a request: find its route, choose a target, count it in and out.
local balancer = require 'ngx.balancer'
local ffi = require 'ffi'
local get_request = require('resty.core.base').get_request
local certificates = require 'certificates'
local gate = require 'gate'
local inflight = require 'inflight'
local parts = require 'parts'
local routes = require 'routes'

local arg, var, exec = ngx.arg, ngx.var, ngx.exec
local find, format, match, band = string.find, string.format, string.match, require('bit').band

local phases = {}

ffi.cdef [[
  int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
  int getppid(void);
]]
local address = ffi.typeof 'uintptr_t'
local set_parent_death_signal, terminate = 1, 15
local master = ngx.worker.pid() -- this file is first loaded there

-- The last request that was placed, and its host: most go to a target at once, and what nginx is asked for costs more.
local last, host_of_last

local function key_of(request)
  return tonumber(ffi.cast(address, request))
end

-- Requests are named by their worker, since when it is there, and a number: unique, and cheaper than chance. The texts of
-- its last byte are at hand; what is before that becomes a text once for all of those.
local worker, prefix, high, low = '', '', -1, 255
local bytes = {}
for byte = 0, 255 do bytes[byte] = format('%02x', byte) end

-- A worker whose master was killed would hold the ports and keep the next master from starting.
local function end_with_master()
  ffi.C.prctl(set_parent_death_signal, terminate, 0, 0, 0)
  if ffi.C.getppid() ~= master then ffi.C.kill(ngx.worker.pid(), terminate) end
end

function phases.worker()
  end_with_master()
  worker = format('%x-%x-', ngx.now() * 1000, ngx.worker.pid())
  inflight.begin()
end

-- Where a request goes that no target can take.
local function page_of(side, route, starting)
  if route then return route.held and '@held' or '@stopped' end
  if side == 'internal' then return '@forbidden' end
  return starting and '@starting' or '@unknown'
end

-- The name that a request came with, or else one that no other has.
local function name_of(given)
  if given and find(given, '^[%w._-]+$') then return given end
  low = band(low + 1, 255)
  if low == 0 then
    high = high + 1
    prefix = format('%s%x', worker, high)
  end
  return prefix .. bytes[low]
end

-- The location that the request belongs to, or '' when it is where it should be. `named`: the host as the client wrote it.
local function place(side, scheme, host, named, stream)
  last, host_of_last = key_of(get_request()), host
  if named ~= host then var.client_port = named and match(named, ':%d+$') or '' end
  local route, starting = routes.find(side, host)
  if not route then return page_of(side, route, starting) end
  var.app = route.app
  if route.plain[scheme] then return stream and '@stream' or '' end
  return gate.pass(route, scheme)
end

-- For `set_by_lua`: the request's name; `$elsewhere` says where it belongs, when that is not here. It is given what every
-- request is asked, and gives what every one has: that costs less than variables do.
function phases.name(side, scheme)
  local elsewhere = place(side, scheme, arg[1], arg[2], arg[4])
  if elsewhere ~= '' then var.elsewhere = elsewhere end
  return name_of(arg[3])
end

local function elsewhere_now(side, scheme)
  var.request_name = name_of(var.http_x_request_id)
  return place(side, scheme, var.host, var.http_host, var.stream ~= '')
end

-- The proofs for who signs certificates win over everything that is said of a host, also of one that nobody knows.
function phases.challenge(scheme)
  local text = routes.challenge(var.uri:match '([^/]+)$')
  if text then
    ngx.header.content_type = 'text/plain'
    ngx.print(text)
    return ngx.exit(200)
  end
  local elsewhere = elsewhere_now('hosts', scheme)
  if elsewhere ~= '' then return exec(elsewhere) end
end

-- A body of more than a gigabyte: the location of most requests would refuse it before anybody is asked.
function phases.large(side, scheme)
  ngx.req.set_uri(var.path, false, true)
  local route, starting = routes.find(side, var.host)
  if not route then return exec(page_of(side, route, starting)) end
  if not gate.admits(route, tonumber(var.content_length)) then return exec '@too-large' end
  local elsewhere = elsewhere_now(side, scheme)
  return exec(elsewhere == '' and '@again' or elsewhere)
end

local function leave_failed(request)
  local column = inflight.leave(request)
  if column then routes.failed(column) end
end

-- After the last try, or when no target was left to try: then the request may wait for the next one.
function phases.failed(side)
  local request, why = get_request(), var.unsent
  var.unsent = ''
  if why == 'large' then return exec '@too-large' end
  leave_failed(request)
  local route, starting = routes.find(side, var.host)
  if not (route and (route.held or route.targets[1])) then return exec(page_of(side, route, starting)) end
  return exec(why == 'busy' and '@held' or '@failing')
end

-- Seconds that a request waits at most, requests of an app that wait in this worker at most, and how often each looks.
local patience, most, pause = 60, 1000, 0.05
local waiting = {}

-- For an app that is exchanged at this moment.
function phases.wait(side)
  local host = var.host
  local deadline = ngx.now() + patience
  local route, starting = routes.find(side, host)
  local app = route and route.app
  while route and route.held and ngx.now() < deadline do
    local others = waiting[app] or 0
    if others >= most then break end
    waiting[app] = others + 1
    ngx.sleep(pause)
    waiting[app] = waiting[app] - 1
    route, starting = routes.find(side, host)
  end
  if route and route.targets[1] then return exec(var.stream ~= '' and '@stream' or '@again') end
  return exec(route and '@stopped' or page_of(side, route, starting))
end

-- Counted in first, and only then asked whether the table is still in use: so whoever changes the table and then sees
-- that nothing is in flight may stop the target. (A processor may do the two the other way round, but is done with both
-- long before a change has been answered and the question that follows it has come.)
local function take(side, host)
  local target, choice, route = routes.pick(side, host)
  if target then inflight.count(target.column, 1) end
  if routes.fresh() then return target, choice, route end
  if target then inflight.count(target.column, -1) end
  return take(side, host)
end

-- NGX_BUSY: no target is to be had. `failed` says why.
local function give_up(why)
  var.unsent = why
  return ngx.exit(-3)
end

-- Seconds; a connection is there soon or never, and streams may be silent for an hour.
local connecting, streaming = 3, 3600

-- Runs for every try. A target is chosen here and not before, because a body may have been minutes on its way.
function phases.balance(side)
  local request = get_request()
  local again = balancer.get_last_failure()
  if again then leave_failed(request) end
  local target, choice, route = take(side, key_of(request) == last and host_of_last or var.host)
  if not target then return give_up 'busy' end
  inflight.until_end(request, target.column)
  if route.largestBody and (tonumber(var.content_length) or 0) > route.largestBody then return give_up 'large' end
  if route.timeout then
    local silence = (route.unbuffered or var.stream ~= '') and math.max(route.timeout, streaming) or route.timeout
    assert(balancer.set_timeouts(connecting, silence, silence))
  end
  if choice > 1 and not again then balancer.set_more_tries(choice > 2 and 2 or 1) end
  assert(balancer.set_current_peer(target.host, target.port))
end

phases.certificate = certificates.choose
phases.secure = gate.secure
phases.redirect = gate.redirect

-- The page that an app shows meanwhile.
function phases.own_page(side)
  local route = routes.find(side, var.host)
  local page = route and route.maintenance and parts.page(route.maintenance)
  if not page then return exec '@maintenance' end
  ngx.status = 503
  ngx.header.retry_after = 60
  ngx.header.cache_control = 'no-store'
  ngx.print(page)
end

return phases
