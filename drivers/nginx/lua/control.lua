-- What the kernel says through the control socket.
local cjson = require 'cjson.safe'
local certificates = require 'certificates'
local inflight = require 'inflight'
local parts = require 'parts'
local routes = require 'routes'

local control = {}

local function body()
  ngx.req.read_body()
  return ngx.req.get_body_data() or ''
end

local function answer(status, text)
  ngx.status = status
  ngx.print(text)
end

function control.table()
  local problem, status = routes.replace(body())
  if problem then return answer(status, problem) end
  return answer(200, 'ok')
end

-- A list of { key, host, text }; what cannot be used is refused, with the host that it was for.
function control.parts()
  for _, part in ipairs(cjson.decode(body()) or {}) do
    local problem
    if part.key:match '^certificate' then _, problem = certificates.parse(part.text) end
    if problem then return answer(422, part.host .. ': ' .. problem) end
    problem = parts.put(part.key, part.text)
    if problem then return answer(507, 'a certificate or a page does not fit: ' .. problem) end
  end
  return answer(200, 'ok')
end

function control.inflight()
  local counts = inflight.of(cjson.decode(body()) or {})
  return answer(200, next(counts) and cjson.encode(counts) or '{}')
end

function control.status()
  local statistics = ngx.location.capture('/statistics').body
  local requests = tonumber(statistics:match '%s%d+ %d+ (%d+)')
  local ours = ngx.shared.routes:get 'control' or 0
  local hosts, mark = routes.summary()
  return answer(200, cjson.encode { hosts = hosts, table = mark, requests = math.max(0, requests - ours - 1) })
end

-- nginx counts these requests like any other.
function control.log()
  ngx.shared.routes:incr('control', 1, 0)
end

return control
