-- Memory that all workers share, for what each request looks at: in a dictionary each look would take a lock.
local ffi = require 'ffi'

local shared = ngx.shared.routes
local memory = {}

ffi.cdef 'void *mmap(void *address, size_t length, int protection, int flags, int file, long offset);'
local readable_and_writable = 3
local shared_anonymous_unreserved = 0x4021

-- A pointer to so many numbers of a type of C, which are 0 at first. It is mapped before the first worker is forked, and is
-- where it was after a reload: more of them, or of another type, need another name. Pages that nobody has touched are none.
function memory.numbers(name, type, count)
  local at = shared:get(name .. ' at')
  if not at then
    local mapped = ffi.C.mmap(nil, count * ffi.sizeof(type), readable_and_writable, shared_anonymous_unreserved, -1, 0)
    at = tonumber(ffi.cast('intptr_t', mapped))
    assert(at ~= -1, 'there is no memory for ' .. name)
    shared:set(name .. ' at', at)
  end
  return ffi.cast('volatile ' .. type .. ' *', at)
end

return memory
