-- Basic authentication with passwords as crypt(3) writes them.
local ffi = require 'ffi'
local routes = require 'routes'

local match, format = string.match, string.format

local passwords = {}

ffi.cdef 'char *crypt_rn(const char *phrase, const char *setting, void *data, int size);'
local library = ffi.load 'libcrypt.so.1'
local size = 32768
local data = ffi.new('char[?]', size)

-- A password takes milliseconds to try, which all requests of the worker wait for: so one that was right is known until
-- the table changes, and those who guess the passwords of an app get a bounded share of the time.
local most_a_second = 20
local longest = 128 -- bytes of a password that anybody can have; the time that a try takes grows with them
local right = {}
local right_for = 0
local tried = {} -- app → { second, count }

local function known(hash, password)
  local version = routes.version()
  if right_for ~= version then right, right_for = {}, version end
  return right[format('%s:%s', hash, password)]
end

local function try(hash, password)
  local written = library.crypt_rn(password, hash, data, size)
  if written == nil or ffi.string(written) ~= hash then return false end
  right[format('%s:%s', hash, password)] = true
  return true
end

local function may_try(app)
  local second = math.floor(ngx.now())
  local of = tried[app]
  if not of or of.second ~= second then
    of = { second = second, count = 0 }
    tried[app] = of
  end
  of.count = of.count + 1
  return of.count <= most_a_second
end

-- Nil when these credentials are good, else the location that says what is wrong.
function passwords.refuse(route, authorization)
  local encoded = authorization and match(authorization, '^[Bb][Aa][Ss][Ii][Cc] +([%w+/=]+) *$')
  local user, password = match(encoded and ngx.decode_base64(encoded) or '', '^([^:]*):(.*)$')
  if not user or #password > longest or password:find('\0', 1, true) then return '@login' end
  local hash = route.users[user]
  if hash and known(hash, password) then return nil end
  if not may_try(route.app) then return '@guessing' end
  -- As long for a user that there is not, so that nobody learns which there are.
  local _, any = next(route.users)
  if any and try(hash or any, password) and hash then return nil end
  return '@login'
end

return passwords
