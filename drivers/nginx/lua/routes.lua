-- The routing table. Its text is one value in shared memory, so every change is whole and seen by all workers at once;
-- each worker decodes it once a version.
local cjson = require 'cjson.safe'

local shared = ngx.shared.routes
local find, sub, match = string.find, string.sub, string.match

local routes = {}
local hosts -- the decoded table of this worker, host → { targets }
local by_key = {} -- its targets, by the name that they are counted under
local version = 0 -- which one it is; 0: none was pushed since the machine booted
local mark -- what the kernel knows it by

-- Only when a host is first asked for: a table of a thousand hosts is in use the sooner.
local function prepare(route)
  local worker = ngx.worker.id()
  for index, address in ipairs(route.targets) do
    local host, port = match(address, '^(.+):(%d+)$')
    local target = { host = host, port = tonumber(port), key = address .. '/' .. worker, skip_until = 0 }
    by_key[target.key] = target
    route.targets[index] = target
  end
  route.last = math.random(0, #route.targets)
end

local function use(decoded, new)
  hosts, by_key, version, mark = decoded.hosts, {}, new, decoded.mark
end

-- True when this worker's table is the one in use; otherwise it is now.
-- The text of a version goes when the next one is in use; whoever comes too late for it reads the next one.
function routes.fresh()
  local wanted = shared:get 'version'
  if wanted == version then return true end
  repeat
    local text = shared:get('table:' .. wanted)
    if text then use(assert(cjson.decode(text)), wanted) end
    wanted = shared:get 'version'
  until wanted == version
  return false
end

-- Returns what is wrong, and the HTTP status that says so; the old table then stays.
function routes.replace(text)
  local decoded = cjson.decode(text)
  if type(decoded) ~= 'table' or type(decoded.hosts) ~= 'table' then return 'the table cannot be read', 400 end
  local new = shared:incr('sequence', 1, 0)
  local stored, problem = shared:safe_set('table:' .. new, text)
  if not stored then return 'the table does not fit: ' .. problem, 507 end
  local old = shared:get 'version'
  shared:set('version', new)
  shared:delete('table:' .. old)
  use(decoded, new)
end

local function find_wildcard(host)
  local dot = find(host, '.', 1, true)
  while dot do
    local route = hosts['*' .. sub(host, dot)]
    if route then return route end
    dot = find(host, '.', dot + 1, true)
  end
end

local function route_of(host)
  local route = hosts[host] or find_wildcard(host)
  if route and not route.last then prepare(route) end
  return route
end

-- The route of the host if the table of this worker, which may be an old one, has targets for it.
function routes.known(host)
  local route = hosts and route_of(host)
  return route and route.targets[1] and route
end

-- The route of a host, as nginx normalises it. An exact name beats a wildcard, a longer wildcard a shorter one.
-- Nil and false when the host is unknown, nil and true when there is no table yet.
function routes.find(host)
  routes.fresh()
  if not hosts then return nil, true end
  return route_of(host), false
end

-- The next target in turn that has not just failed; when all have, the next in turn. Nil when there is none.
-- The caller asks afterwards whether the table is still fresh.
function routes.pick(host)
  local route = route_of(host)
  local count = route and #route.targets or 0
  if count == 0 then return nil end
  if count == 1 then return route.targets[1] end
  local now = ngx.now()
  for _ = 1, count do
    route.last = route.last % count + 1
    if route.targets[route.last].skip_until <= now then break end
  end
  return route.targets[route.last], count
end

-- Other requests leave it alone for a second, if there is another one.
function routes.failed(key)
  local target = by_key[key]
  if target then target.skip_until = ngx.now() + 1 end
end

-- How many hosts the table in use has, and its mark.
function routes.summary()
  routes.fresh()
  local count = 0
  for _ in pairs(hosts or {}) do count = count + 1 end
  return count, mark
end

return routes
