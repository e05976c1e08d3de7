-- What happens once, in the master process, before nginx opens its listening sockets.
local start = {}

-- A master that was killed leaves its control socket behind, and nginx cannot bind to a path that exists. This runs
-- before it tries. A configuration test or a reload runs it too, beside a living master whose socket must stay.
local function remove_left_over_socket(paths)
  local file = io.open(paths.pid)
  local pid = file and file:read '*l'
  if file then file:close() end
  local words = pid and io.open('/proc/' .. pid .. '/cmdline')
  local command = words and words:read '*a'
  if words then words:close() end
  if not (command and command:find(paths.config, 1, true)) then os.remove(paths.socket) end
end

-- The last table, if it was written since the machine booted: after a boot its addresses mean nothing.
local function read_table(path)
  local file = io.open(path)
  if not file then return nil end
  local boot, text = file:read '*l', file:read '*a'
  file:close()
  local ids = assert(io.open '/proc/sys/kernel/random/boot_id')
  local this_boot = ids:read '*l'
  ids:close()
  return boot == this_boot and text or nil
end

-- They were looked at when they came.
local function read_parts(folder, text)
  local parts = require 'parts'
  local decoded = require('cjson.safe').decode(text)
  for _, part in ipairs(decoded and parts.missing(parts.wanted_by(decoded)) or {}) do
    local file = io.open(folder .. '/' .. part.key)
    if file then
      parts.put(part.key, file:read '*a')
      file:close()
    end
  end
end

function start.run(paths)
  remove_left_over_socket(paths)
  local text = read_table(paths.table)
  if text then read_parts(paths.parts, text) end
  local routes = require 'routes'
  if text then
    local problem = routes.replace(text)
    if problem then ngx.log(ngx.ERR, 'the last table is not used: ', problem) end
  end
  -- Loaded here, as root, as `phases` is: workers may not read this folder.
  require 'control'
end

return start
