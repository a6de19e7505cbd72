-- title:   Critical paths of traces
-- answers: Where does the time of every trace go, microsecond by microsecond, each counted once?
--          A path covers a span from its start to its end; at each moment it is in what was waited for last. What ran beside something
--          longer is not on it, nor what X-Ray inferred. The parts of a path add up to the duration of what it begins with.
--          `root` is the trace's own path. What nobody waited for has a path of its own: an asynchronous `tail`; and what a caller
--          called that is not in the trace, an `orphan`. The rules stand in analyzer/src/critical_path.rs.
-- column:  date       date      UTC day of the trace's start
-- column:  account_id text      account
-- column:  region     text      region
-- column:  trace_id   text      X-Ray's id
-- column:  trace_ts   timestamp start of the trace
-- column:  path       text      root, tail or orphan
-- column:  root_id    text      span that the path begins with
-- column:  span_id    text      span whose own time it is
-- column:  kind       text      gateway, placement, init, handler, call, overhead, waiting, state machine, other; function where its segment is missing
-- column:  part       text      API, function, or what was called: DynamoDB orders GetItem
-- column:  own_us     integer   microseconds, more than zero
select
    date, account_id, region, trace_id, trace_ts, step['path'] as path, step['root_id'] as root_id,
    step['span_id'] as span_id, step['kind'] as kind, step['part'] as part, step['own_us'] as own_us
from (
    select
        date, account_id, region, trace_id, trace_ts,
        -- As analyzer/src/critical_path/function.rs reads a span.
        unnest(critical_path(array_agg(concat(
            span_id, chr(31), coalesce(parent_id, ''), chr(31), kind = 'segment', chr(31), inferred, chr(31),
            name, chr(31), coalesce(origin, ''), chr(31), coalesce(namespace, ''), chr(31),
            case when kind = 'segment' then coalesce(resource, name) else concat_ws(' ', name, resource, operation) end,
            chr(31), cast(ts as bigint), chr(31), cast(ts as bigint) + cast(round(duration_ms * 1000) as bigint)
        )))) as step
    from spans
    group by date, account_id, region, trace_id, trace_ts
)
