-- functions: invocations, durations, cold starts and memory of the last day, by function
select "function", count(*) as invocations,
  approx_percentile(cast(json_extract_scalar("record", '$.metrics.durationMs') as double), 0.5) as p50_ms,
  approx_percentile(cast(json_extract_scalar("record", '$.metrics.durationMs') as double), 0.95) as p95_ms,
  max(cast(json_extract_scalar("record", '$.metrics.durationMs') as double)) as max_ms,
  count(json_extract_scalar("record", '$.metrics.initDurationMs')) as cold_starts,
  max(cast(json_extract_scalar("record", '$.metrics.maxMemoryUsedMB') as double)) as memory_used_mb
from logs
where "type" = 'platform.report' and "date" >= date_format(current_timestamp - interval '1' day, '%Y-%m-%d')
group by "function"
order by "function";
