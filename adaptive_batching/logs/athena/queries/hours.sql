-- hours: invocations and lines of the last week, by hour
select "function", substr("time", 1, 13) as "hour", count_if("type" = 'platform.report') as invocations, count(*) as lines
from logs
where "date" >= date_format(current_timestamp - interval '7' day, '%Y-%m-%d')
group by "function", substr("time", 1, 13)
order by "function", substr("time", 1, 13);
