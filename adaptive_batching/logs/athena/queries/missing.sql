-- missing: environments of the last week whose numbers have gaps
select "function", "environment", max("sequence") - min("sequence") + 1 - count(distinct "sequence") as missing
from logs
where "date" >= date_format(current_timestamp - interval '7' day, '%Y-%m-%d')
group by "function", "environment"
having max("sequence") - min("sequence") + 1 > count(distinct "sequence")
order by missing desc;
