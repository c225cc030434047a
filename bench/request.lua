-- What wrk sends, and what it tells afterwards. Arguments after `--`, each as name=value:
--   method, body, type, authorization, run (with it, every request gets an Idempotency-Key of its
--   own: run, thread and a number), accept (a header of its own).
-- All threads share one `setup`; each has its own `init` and `request`.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local function arguments(list)
  local found = {}
  for _, word in ipairs(list) do
    local name, value = word:match("^(%w+)=(.*)$")
    if name then found[name] = value end
  end
  return found
end

function init(list)
  local given = arguments(list)
  wrk.method = given.method or "GET"
  wrk.body = given.body
  wrk.headers["Content-Type"] = given.type
  wrk.headers["Authorization"] = given.authorization
  if not given.run then return end
  -- Put together once: formatting it anew for each request would cost wrk a core of its own.
  wrk.headers["Idempotency-Key"] = "@key@"
  local before, after = wrk.format():match("^(.*)@key@(.*)$")
  before = before .. given.run .. "-" .. number .. "-"
  local sent = 0
  function request()
    sent = sent + 1
    return before .. sent .. after
  end
end

-- The histogram whole, in microseconds: bench/latencies.py takes wrk's own correction out again.
function done(summary, latency)
  local counts = {}
  for at = 1, #latency do
    local value, count = latency(at)
    counts[at] = string.format("[%d,%d]", tonumber(value), tonumber(count))
  end
  local errors = summary.errors
  io.write(string.format(
    '\nresult {"requests":%d,"duration_us":%d,"refused":%d,"broken":%d,"timeouts":%d,"latency":[%s]}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout, table.concat(counts, ",")))
end
