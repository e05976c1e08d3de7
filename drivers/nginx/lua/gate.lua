-- What happens to a request before it goes to its app. The order is what wins: where it should rather ask, maintenance, who
-- it is, and only then the app.
local networks = require 'networks'
local passwords = require 'passwords'
local routes = require 'routes'

local var = ngx.var

local gate = {}

-- The sizes of the locations for bodies that come without saying how long they are.
local sizes = { { 1, '1m' }, { 10, '10m' }, { 100, '100m' }, { 1024, '1g' }, { 10240, '10g' }, { 102400, '100g' } }

-- Who asks, and how, when a proxy before this one says so and is believed.
local function believe(trusted)
  local peer = var.remote_addr
  if not networks.contain(trusted, peer) then return end
  var.believed = networks.client(trusted, peer, var.http_x_forwarded_for or '')
  local scheme = var.http_x_forwarded_proto
  if scheme ~= 'http' and scheme ~= 'https' then return end
  var.client_scheme = scheme
  var.outer_port = var.client_port ~= '' and var.client_port:sub(2) or scheme == 'https' and '443' or '80'
end

local function location_of_body(route)
  local length = tonumber(var.content_length)
  if length then return length > route.largestBody and '@too-large' or nil end
  -- A GET has none as a rule; one that has is measured before it goes to a target, as all are.
  local open = var.http_transfer_encoding or var.server_protocol == 'HTTP/2.0' and var.request_method ~= 'GET'
  if not open then return nil end
  for _, size in ipairs(sizes) do
    if route.largestBody <= size[1] * 1024 * 1024 then return '@body-' .. size[2] end
  end
end

-- The location that a request to this route belongs to, or '' when it is where it should be.
function gate.pass(route, scheme)
  local host = route.host
  local trusted = routes.trusted()
  -- An app may well have an address that is trusted.
  local believing = trusted and not route.from
  if believing then
    believe(trusted)
    scheme = var.client_scheme
  end
  if route.from and not networks.contain(route.from, var.remote_addr) then return '@forbidden' end
  if host.redirect and route == host then return '@redirect' end
  if host.secure and scheme == 'http' then return '@secure' end
  if host.hsts and scheme == 'https' then var.hsts = host.hsts end
  if route.maintenance then return route.maintenance == 'standard' and '@maintenance' or '@own-page' end
  local refused = route.users and passwords.refuse(route, var.http_authorization)
  if refused then return refused end
  if not route.targets[1] then return route.held and '@held' or '@stopped' end
  local body = route.largestBody and location_of_body(route)
  if body == '@too-large' then return body end
  if route.unbuffered then return '@unbuffered' end
  if var.stream ~= '' then return '@stream' end
  return body or (believing or host.hsts) and '@again' or ''
end

-- What nginx accepts where nothing else is said: 1 GiB.
local usual = 1024 * 1024 * 1024

-- Whether so long a body may come at all; what is not buffered has no limit of its own.
function gate.admits(route, length)
  return route.unbuffered and not route.largestBody or length <= (route.largestBody or usual)
end

-- `scheme` and `port`: of this server's listeners.
local function url(scheme, name, port)
  local default = scheme == 'https' and '443' or '80'
  return scheme .. '://' .. name .. (port == default and '' or ':' .. port) .. var.request_uri
end

function gate.secure(https_port)
  return ngx.redirect(url('https', var.host, https_port), 308)
end

-- To https when it was asked so, or when the other host wants it; a port that the client named stays with its scheme. A host
-- of ours without a certificate would refuse the handshake of whoever is here over TLS: they are led there in plain. What
-- certificates a proxy before this one has is not known here.
function gate.redirect(http_port, https_port)
  local route = routes.find('hosts', var.host)
  local to = route and route.redirect
  if not to then return ngx.exec '@unknown' end
  local target = routes.host(to.to)
  local scheme = var.client_scheme
  if target and scheme == 'http' and target.secure then return ngx.redirect(url('https', to.to, https_port), to.status) end
  if target and var.scheme == 'https' and var.believed == '' and not target.certificate then
    return ngx.redirect(url('http', to.to, http_port), to.status)
  end
  local port = var.client_port ~= '' and var.client_port:sub(2) or scheme == 'https' and '443' or '80'
  return ngx.redirect(url(scheme, to.to, port), to.status)
end

return gate
