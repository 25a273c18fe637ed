-- failed: invocations of the last day that Lambda calls an error, a failure or a timeout
select "time", "function", "requestid", json_extract_scalar("record", '$.status') as status
from logs
where "type" = 'platform.report' and json_extract_scalar("record", '$.status') <> 'success'
  and "date" >= date_format(current_timestamp - interval '1' day, '%Y-%m-%d')
order by "time";
