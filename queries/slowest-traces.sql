-- title:   Slowest traces
-- answers: Which requests were slowest, and did they wait for a cold start?
-- param:   from  timestamp required   inclusive, UTC
-- param:   to    timestamp required   exclusive, UTC
-- param:   api   text      optional   only this API
-- param:   stage text      optional   only this stage
-- param:   route text      optional   only this route, METHOD /template
-- param:   limit integer   default=20 how many
-- column:  trace_id    text      X-Ray's id
-- column:  ts          timestamp when API Gateway got the request
-- column:  api         text      name of the API
-- column:  stage       text      stage
-- column:  route       text      METHOD /template
-- column:  duration_ms double    what the client waited, milliseconds
-- column:  status      integer   HTTP status
-- column:  fault       boolean   server error
-- column:  function    text      function that served it
-- column:  cold_start  boolean   it waited for an initialisation
-- column:  init_ms     double    length of the initialisation, milliseconds
select trace_id, ts, api, stage, route, duration_ms, status, fault, function, cold_start, init_ms
from (
    select *, row_number() over (order by duration_ms desc, trace_id) as place
    from request_traces
    where ts >= $from and ts < $to and duration_ms is not null
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
)
where place <= $limit
order by place
