-- Which certificate a TLS handshake is answered with. Each worker parses a certificate once.
local ffi = require 'ffi'
local ssl = require 'ngx.ssl'
local parts = require 'parts'
local routes = require 'routes'

local lower = string.lower

local certificates = {}
local parsed = {} -- id → { chain, key }
local parsed_for = 0 -- the version of the table at which `parsed` was last tidied up

ffi.cdef [[
  void *OPENSSL_sk_value(const void *stack, int index);
  int X509_check_private_key(const void *certificate, const void *key);
  void ERR_clear_error(void);
]]

-- A chain and a key from one PEM text, or nil and what is wrong.
function certificates.parse(text)
  local chain, problem = ssl.parse_pem_cert(text)
  if not chain then return nil, 'the certificate cannot be read (' .. problem .. ')' end
  local key
  key, problem = ssl.parse_pem_priv_key(text)
  if not key then return nil, 'the key cannot be read (' .. problem .. ')' end
  local fits = ffi.C.X509_check_private_key(ffi.C.OPENSSL_sk_value(chain, 0), key) == 1
  ffi.C.ERR_clear_error()
  if not fits then return nil, 'the key does not belong to the certificate' end
  return { chain = chain, key = key }
end

-- Keys that no host is served with any more do not stay in memory.
local function tidy()
  local version = routes.version()
  if parsed_for == version then return end
  local kept = {}
  for _, host in pairs(routes.hosts()) do
    local id = host.certificate
    if id then kept[id] = parsed[id] end
  end
  parsed, parsed_for = kept, version
end

local function certificate_of(name)
  repeat
    local host = routes.host(name)
    local id = host and host.certificate
    if not id then return nil end
    tidy()
    local text = not parsed[id] and parts.certificate(id)
    if text then parsed[id] = certificates.parse(text) end
    if parsed[id] then return parsed[id] end
    -- It may have been forgotten since, because the table has changed.
  until routes.fresh()
end

-- Without a name, or without a certificate for it, there is no handshake.
function certificates.choose()
  local name = ssl.server_name()
  local certificate = name and certificate_of(lower(name))
  if not certificate then return ngx.exit(ngx.ERROR) end
  ssl.clear_certs()
  assert(ssl.set_cert(certificate.chain))
  assert(ssl.set_priv_key(certificate.key))
end

return certificates
