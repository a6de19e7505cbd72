-- title:   Deploys and changes of configuration
-- answers: What changed when? A change has its deploy's time where discovery tells it, else the time when it was found.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  ts     timestamp when it changed
-- column:  kind   text      function, rest-api, stage or route
-- column:  name   text      of what changed
-- column:  change text      what changed
select ts, kind, name, change
from changes
where ts >= $from and ts < $to
order by ts, kind, name
