-- errors: lines of the last day that look like an error, by function
select "function", count(*) as lines, min("time") as first, max("time") as last, min("record") as example
from logs
where "type" = 'function' and regexp_like("record", '(?i)error|exception')
  and "date" >= date_format(current_timestamp - interval '1' day, '%Y-%m-%d')
group by "function"
order by lines desc;
