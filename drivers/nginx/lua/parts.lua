-- Texts that a table only points to: certificates with their keys, pages. Under `certificate-<id>` and `page-<id>` in
-- shared memory.
local shared = ngx.shared.parts

local parts = {}

-- What the table points to: key → the host that does.
function parts.wanted_by(decoded)
  local wanted = {}
  local function look(name, route)
    if route.maintenance and route.maintenance ~= 'standard' then wanted['page-' .. route.maintenance] = name end
  end
  for _, hosts in ipairs { decoded.hosts, decoded.internal or {} } do
    for name, host in pairs(hosts) do
      look(name, host)
      if host.certificate then wanted['certificate-' .. host.certificate] = name end
      for path, route in pairs(host.paths or {}) do look(name .. path, route) end
    end
  end
  return wanted
end

-- Those that are wanted and not here: a list of { key, host }; nil when there are none.
function parts.missing(wanted)
  -- Asked for all at once: a thousand questions would cost more than to read the table.
  local there, missing = {}, {}
  for _, key in ipairs(shared:get_keys(0)) do there[key] = true end
  for key, host in pairs(wanted) do
    if not there[key] then missing[#missing + 1] = { key = key, host = host } end
  end
  return missing[1] and missing
end

-- Returns what is wrong.
function parts.put(key, text)
  local _, problem = shared:safe_set(key, text)
  return problem
end

function parts.certificate(id)
  return shared:get('certificate-' .. id)
end

function parts.page(id)
  return shared:get('page-' .. id)
end

function parts.forget_others(wanted)
  for _, key in ipairs(shared:get_keys(0)) do
    if not wanted[key] then shared:delete(key) end
  end
end

return parts
