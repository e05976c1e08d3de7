-- Whether an address belongs to one of some networks.
local ffi = require 'ffi'
local rshift = require('bit').rshift

local find, sub, byte, match = string.find, string.sub, string.byte, string.match

local networks = {}

ffi.cdef 'int inet_pton(int family, const char *text, void *bytes);'
local ipv4, ipv6 = 2, 10
local buffer = ffi.new 'unsigned char[16]'

-- Four bytes or sixteen; nil when it is not an address.
local function bytes_of(address)
  local long = find(address, ':', 1, true)
  if ffi.C.inet_pton(long and ipv6 or ipv4, address, buffer) ~= 1 then return nil end
  return ffi.string(buffer, long and 16 or 4)
end

-- Of addresses and `address/bits`; nil and the text that is neither.
function networks.parse(list)
  local parsed = {}
  for index, text in ipairs(list) do
    local address, bits = match(text, '^([%x.:]+)/?(%d*)$')
    local bytes = address and bytes_of(address)
    bits = bytes and (tonumber(bits) or #bytes * 8)
    if not bytes or bits > #bytes * 8 then return nil, text end
    parsed[index] = { bytes = bytes, bits = bits }
  end
  return parsed
end

local function covers(network, bytes)
  if #network.bytes ~= #bytes then return false end
  local whole, rest = math.floor(network.bits / 8), network.bits % 8
  if sub(network.bytes, 1, whole) ~= sub(bytes, 1, whole) then return false end
  if rest == 0 then return true end
  return rshift(byte(network.bytes, whole + 1), 8 - rest) == rshift(byte(bytes, whole + 1), 8 - rest)
end

function networks.contain(parsed, address)
  local bytes = bytes_of(address)
  if not bytes then return false end
  for _, network in ipairs(parsed) do
    if covers(network, bytes) then return true end
  end
  return false
end

-- The client behind proxies that are believed. Each of them has appended who asked it, so what counts is the last one
-- that is not one of them: whatever stands before it anybody may have made up.
function networks.client(parsed, peer, forwarded)
  local addresses = {}
  for address in string.gmatch(forwarded, '[^%s,]+') do addresses[#addresses + 1] = address end
  local client = peer
  for index = #addresses, 1, -1 do
    if not bytes_of(addresses[index]) then return client end
    client = addresses[index]
    if not networks.contain(parsed, client) then return client end
  end
  return client
end

return networks
