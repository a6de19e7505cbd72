-- title:   Units of a call by route
-- answers: How many units does a call of each route take, learnt from what its table used?
--          See `unit_solutions`.
-- stored:  per state
-- column:  account_id text      account
-- column:  region     text      region
-- column:  resource   text      table, or log group
-- column:  meter      text      dynamodb-reads, dynamodb-writes, or log-bytes
-- column:  week       timestamp start of the week for which it holds
-- column:  caller     text      operation and route, or others
-- column:  rate       double    units for one assumed unit of `operations`
-- column:  error      double    its standard error
-- column:  noise      double    variance of a call's units, relative to their square
-- column:  learnt     boolean   the data left less than two fifths of the variance that a route is assumed to have; else it is near what is assumed
select
    rates.account_id, rates.region, rates.resource, rates.meter, rates.week, rates.caller, rates.value as rate,
    sqrt(variances.value) as error, rates.noise, variances.value < 0.4 / 9 * power(rates.scale, 2) as learnt
from unit_solutions as rates
join unit_solutions as variances using (account_id, region, resource, meter, week, caller)
where rates.other = '' and variances.other = rates.caller
