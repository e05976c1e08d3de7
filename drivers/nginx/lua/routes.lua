-- The routing table. Its text is one value in shared memory, so every change is whole and seen by all workers at once;
-- each worker decodes it once a version.
local cjson = require 'cjson.safe'
local inflight = require 'inflight'
local memory = require 'memory'
local networks = require 'networks'
local parts = require 'parts'

local var = ngx.var
local shared = ngx.shared.routes
local find, sub, match, byte = string.find, string.sub, string.match, string.byte

local routes = {}
local decoded -- the table of this worker; `hosts` and `internal` are its sides
local version = 0 -- which one it is; 0: none was pushed since the machine booted

-- Column of a target that failed → until when others leave it alone, in seconds since 1970.
local failing = {}

-- The version that is in use, which each request reads twice.
local in_use = memory.numbers('version', 'int32_t', 1)

local function prepare_route(route, host)
  for index, address in ipairs(route.targets) do
    local name, port = match(address, '^(.+):(%d+)$')
    route.targets[index] = { host = name, port = tonumber(port), column = inflight.column(address) }
  end
  route.last = math.random(0, #route.targets)
  route.host = host
  if route.from then route.from = networks.parse(route.from) end
  -- By scheme: nothing to ask before it goes to a target. So are most, and they are the fast ones.
  local asked = route.held or route.unbuffered or route.maintenance or route.users or route.largestBody
    or route.from or host.redirect or decoded.trusted or not route.targets[1]
  route.plain = { http = not (asked or host.secure), https = not (asked or host.hsts) }
end

-- Only when a host is first asked for: a table of a thousand hosts is in use the sooner.
local function prepare(host)
  prepare_route(host, host)
  if not host.paths then return end
  host.below = {}
  for path, route in pairs(host.paths) do
    prepare_route(route, host)
    route.path = path
    host.below[#host.below + 1] = route
  end
  table.sort(host.below, function(one, other) return #one.path > #other.path end)
end

local function use(text_decoded, new)
  decoded, version = text_decoded, new
  if decoded.trusted then decoded.trusted = decoded.trusted[1] and networks.parse(decoded.trusted) end
end

-- True when this worker's table is the one in use; otherwise it is now.
-- The text of a version goes when the next one is in use; whoever comes too late for it reads the next one.
function routes.fresh()
  local wanted = in_use[0]
  if wanted == version then return true end
  repeat
    local text = shared:get('table:' .. wanted)
    if text then use(assert(cjson.decode(text)), wanted) end
    wanted = in_use[0]
  until wanted == version
  return false
end

local function network_problem(given)
  local _, wrong = networks.parse(given.trusted or {})
  if wrong then return 'the trusted proxy ' .. wrong .. ' is not an address or a network' end
  for name, host in pairs(given.internal or {}) do
    _, wrong = networks.parse(host.from)
    if wrong then return name .. ' is for ' .. wrong .. ', which is not a network' end
  end
end

-- Returns what is wrong, and the HTTP status that says so; the old table then stays. With 409: the parts that are missing.
function routes.replace(text)
  local given = cjson.decode(text)
  if type(given) ~= 'table' or type(given.hosts) ~= 'table' then return 'the table cannot be read', 400 end
  local problem = network_problem(given)
  if problem then return problem, 422 end
  local wanted = parts.wanted_by(given)
  local missing = parts.missing(wanted)
  if missing then return cjson.encode(missing), 409 end
  local new = shared:incr('sequence', 1, 0)
  local stored
  stored, problem = shared:safe_set('table:' .. new, text)
  if not stored then return 'the table does not fit: ' .. problem, 507 end
  local old = in_use[0]
  in_use[0] = new
  shared:delete('table:' .. old)
  parts.forget_others(wanted)
  use(given, new)
end

local function find_wildcard(hosts, name)
  local dot = find(name, '.', 1, true)
  while dot do
    local host = hosts['*' .. sub(name, dot)]
    if host then return host end
    dot = find(name, '.', dot + 1, true)
  end
end

-- The longest path wins, and `/apis` is not below `/api`.
local function route_below(host, path)
  for _, route in ipairs(host.below) do
    local length = #route.path
    if sub(path, 1, length) == route.path and (#path == length or byte(path, length + 1) == 47) then return route end
  end
  if not host.pathsOnly then return host end
end

local function route_of(side, name)
  local hosts = decoded and decoded[side]
  local host = hosts and (hosts[name] or find_wildcard(hosts, name))
  if not host then return nil end
  if not host.last then prepare(host) end
  if host.below then return route_below(host, var.uri) end
  return host
end

-- The route of this request's path on a host, as nginx normalises both. An exact name beats a wildcard, a longer wildcard
-- a shorter one. Nil and false when there is none, nil and true when there is no table yet.
function routes.find(side, name)
  routes.fresh()
  return route_of(side, name), decoded == nil
end

-- The next target in turn that has not just failed; when all have, the next in turn. Nil when there is none. Then how many
-- there are, and the route. The caller asks afterwards whether the table is still fresh.
function routes.pick(side, name)
  local route = route_of(side, name)
  local count = route and #route.targets or 0
  if count <= 1 then return route and route.targets[1], count, route end
  local now = ngx.now()
  for _ = 1, count do
    route.last = route.last % count + 1
    if (failing[route.targets[route.last].column] or 0) <= now then break end
  end
  return route.targets[route.last], count, route
end

-- Other requests, of whatever host, leave it alone for a second, if there is another one.
function routes.failed(column)
  failing[column] = ngx.now() + 1
end

-- What the table says of a public host, whatever the path.
function routes.host(name)
  routes.fresh()
  return decoded and (decoded.hosts[name] or find_wildcard(decoded.hosts, name))
end

function routes.hosts()
  return decoded.hosts
end

function routes.challenge(token)
  routes.fresh()
  return decoded and decoded.challenges and decoded.challenges[token]
end

-- The proxies before this one that are believed; nil when there are none.
function routes.trusted()
  return decoded and decoded.trusted
end

function routes.version()
  return version
end

-- How many hosts the table in use has, and its mark.
function routes.summary()
  routes.fresh()
  local count = 0
  for _ in pairs(decoded and decoded.hosts or {}) do count = count + 1 end
  return count, decoded and decoded.mark
end

return routes
