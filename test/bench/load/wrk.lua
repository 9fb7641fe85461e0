-- What is asked for comes by the environment; one line of JSON is printed at the end. It defines no function that wrk would call per request.
local bodyBytes = tonumber(os.getenv('BENCH_BODY_BYTES') or '0')
if bodyBytes > 0 then
  wrk.method = 'POST'
  wrk.body = string.rep('x', bodyBytes)
end
if os.getenv('BENCH_CLOSE') == '1' then wrk.headers['Connection'] = 'close' end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"durationUs":%d,"bytes":%.0f,"p50Us":%d,"p99Us":%d,"failures":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
