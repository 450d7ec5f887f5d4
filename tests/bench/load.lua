-- wrk posts AdmissionReviews in which each request has its own uid and pod name, so that nothing is answered by its bytes.
-- The template (environment variable REVIEW) holds @UID@ where the 12-digit number of the request goes, and @TAG@ where
-- the number of an image goes, the next one each time, of as many as IMAGES says.
local file = assert(io.open(os.getenv("REVIEW"), "rb"))
local template = file:read("*a")
file:close()
local images = tonumber(os.getenv("IMAGES") or "") or 1
local parts = {} -- texts, and between them what to write there: true for the number of the request, false for an image's
local from = 1
while true do
  local first, last, what = template:find("@(%u+)@", from)
  if not first then break end
  parts[#parts + 1] = template:sub(from, first - 1)
  parts[#parts + 1] = what == "UID"
  from = last + 1
end
parts[#parts + 1] = template:sub(from)
local headers = { ["Content-Type"] = "application/json" }
if (os.getenv("CLOSE") or "") ~= "" then headers["Connection"] = "close" end
local threads = 0
local number = 0
local image = 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

function init()
  number = thread_number * 1000000000
end

function request()
  number = number + 1
  local id = string.format("%012d", number)
  local body = {}
  for place, part in ipairs(parts) do
    if part == true then
      body[place] = id
    elseif part == false then
      image = (image + 1) % images
      body[place] = image
    else
      body[place] = part
    end
  end
  return wrk.format("POST", nil, headers, table.concat(body))
end


function done(summary, latency)
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %.0f, "p99": %.0f, "p999": %.0f, "max": %.0f, "status": %d, "socket": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    latency.max, summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
