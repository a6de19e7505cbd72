"""The attribution, computed again from the lake's tables in plain Python.

Written from "The attribution, step by step" in ARCHITECTURE.md, whose numbers the functions carry, and not from the SQL.

Taken as given, from `millicent sql`: the data tables `meters`, `operations` and `region_prefixes`. Everything else is from the
tables `metrics`, `spans`, `costs`, `resources` and `collections`.
"""

import json
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace

import pyarrow as pa
from deltalake import DeltaTable

from learnt import RESTORED, initialisations, restorations, unit_rates

SECOND = 1_000_000
BIN, HOUR, DAY = 300 * SECOND, 3600 * SECOND, 86400 * SECOND
PLACES = Decimal("1e-12")
NOBODY = (None, None, None, None)
CALLS = {"DynamoDB": "DynamoDB", "DynamoDBv2": "DynamoDB", "Amazon DynamoDB": "DynamoDB", "S3": "S3", "Amazon S3": "S3"}
CLASSES = {
    "StandardStorage": "s3-storage-standard",
    "StandardIAStorage": "s3-storage-ia",
    "OneZoneIAStorage": "s3-storage-one-zone-ia",
    "GlacierInstantRetrievalStorage": "s3-storage-glacier-instant",
    "DeepArchiveStorage": "s3-storage-deep-archive",
}


def read(lake, table, columns):
    """Rows of a table; times and dates are microseconds since 1970, maps are dicts."""
    rows = DeltaTable(str(lake / table)).to_pyarrow_dataset().to_table(columns=columns)
    lists = []
    for name in columns:
        column = rows[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        values = column.to_pylist()
        if pa.types.is_map(column.type):
            values = [dict(value or []) for value in values]
        lists.append(values)
    return [SimpleNamespace(**dict(zip(columns, row))) for row in zip(*lists)]


def triggered(source):
    """An entry point that is no route; a route's are its API, stage and route."""
    return (None, None, None, source)


@dataclass(frozen=True)
class Part:
    """Usage of a meter in an hour, by a resource for an entry point: (api, stage, route, trigger)."""

    hour: int
    resource: str | None
    route: tuple
    quantity: float
    certain: bool = True
    measured: bool = True


class Place:
    """What the lake has of one account in one region."""

    def __init__(self):
        self.metrics, self.spans, self.resources = [], [], []
        # Traces that X-Ray is expected to have recorded, by what samples them.
        self.recorded = []

    def newest(self, kinds):
        found = {}
        for row in sorted((r for r in self.resources if r.kind in kinds), key=lambda r: r.ts):
            found[row.arn] = row
        return [row for row in found.values() if not row.deleted]


def places(lake):
    """The lake's rows by account and region."""
    all_places = defaultdict(Place)
    common = ["account_id", "region", "ts"]
    columns = ["date", "service", "resource", "stage", "route", "operation", "metric", "period_s", "sample_count", "sum", "max"]
    for row in read(lake, "metrics", common + columns):
        all_places[row.account_id, row.region].metrics.append(row)
    columns = ["date", "trace_id", "trace_ts", "span_id", "parent_id", "segment_id", "kind", "name", "origin", "namespace"]
    columns += ["resource", "stage", "operation", "route", "duration_ms", "error", "fault", "throttle", "inferred", "cold_start"]
    for row in read(lake, "spans", common + columns + ["init_ms"]):
        all_places[row.account_id, row.region].spans.append(row)
    for row in read(lake, "resources", common + ["kind", "name", "arn", "configuration", "deleted"]):
        all_places[row.account_id, row.region].resources.append(row)
    return all_places


def totals(pairs):
    sums = defaultdict(float)
    for key, value in pairs:
        sums[key] += value
    return sums


def shared(weights):
    """Each one's part of the whole; nothing where there is no whole."""
    whole = sum(weights.values())
    return {key: value / whole for key, value in weights.items()} if whole > 0 else {}


# 2. Requests.


def requests(place):
    """(api, stage, route, ts, period_s) → requests, units, connects, bytes; and each stage's protocol by day."""
    levels = defaultdict(lambda: defaultdict(float))
    kinds = defaultdict(int)
    websocket = {"ConnectCount", "MessageCount", "ClientError", "IntegrationError", "ExecutionError"}
    http = {"4xx", "5xx", "DataProcessed"}
    for row in place.metrics:
        if row.service != "apigateway" or row.stage is None:
            continue
        if row.metric not in websocket | http | {"Count", "4XXError", "5XXError"}:
            continue
        levels[row.resource, row.stage, row.route, row.ts, row.period_s][row.metric] += row.sum or 0.0
        kind = 3 if row.metric in websocket else 2 if row.metric in http else 1
        stage = (row.resource, row.stage, row.ts // DAY)
        kinds[stage] = max(kinds[stage], kind)
    detailed = {(api, stage, ts // HOUR) for api, stage, route, ts, _ in levels if route is not None}
    known = defaultdict(set)
    for row in place.newest({"route"}):
        known[row.configuration.get("api_name"), row.configuration.get("stage")].add(row.name)
    of_hour, of_day = defaultdict(lambda: defaultdict(float)), defaultdict(lambda: defaultdict(float))
    for span in place.spans:
        if span.kind == "segment" and span.origin == "AWS::ApiGateway::Stage" and span.route is not None:
            of_hour[span.resource, span.stage, span.ts // HOUR][span.route] += 1
            of_day[span.resource, span.stage, span.date][span.route] += 1
    counted = []
    for (api, stage, route, ts, period_s), metric in levels.items():
        count, connects, messages = metric["Count"], metric["ConnectCount"], metric["MessageCount"]
        sent = metric["DataProcessed"]
        row = (count + connects + messages, max(count, sent / 524288) + messages, connects, sent)
        if route is not None:
            split = {route: 1.0}
        elif (api, stage, ts // HOUR) in detailed:
            continue
        elif len(known[api, stage]) == 1:
            split = {next(iter(known[api, stage])): 1.0}
        else:
            split = shared(of_hour[api, stage, ts // HOUR]) or shared(of_day[api, stage, ts // DAY * DAY])
            split = split or {"(all routes)": 1.0}
        counted += [((api, stage, r, None), ts, period_s, *(part * value for value in row)) for r, part in split.items()]
    return counted, {stage: ["REST", "HTTP", "WEBSOCKET"][kind - 1] for stage, kind in kinds.items()}


# 3. Weights.


def weights(traced, counted):
    """(what, date, bin) → weight, from the number of traces and of what they stand for by the same key."""
    strata = defaultdict(lambda: [0.0, 0.0])
    for key, count in traced.items():
        strata[key][0] += count
    for key, count in counted.items():
        strata[key][1] += count
    hours, days = defaultdict(lambda: [0.0, 0.0]), defaultdict(lambda: [0.0, 0.0])
    for (what, date, start), (n, count) in strata.items():
        hours[what, date, start // HOUR][0] += n
        hours[what, date, start // HOUR][1] += count if n == 0 else 0.0
    silent = {hour for hour, (n, _) in hours.items() if n == 0}
    for (what, date, start), (n, count) in strata.items():
        days[what, date][0] += n
        days[what, date][1] += count if (what, date, start // HOUR) in silent else 0.0
    result = {}
    for (what, date, start), (n, count) in strata.items():
        if n > 0:
            hour, day = hours[what, date, start // HOUR], days[what, date]
            result[what, date, start] = (count / n if count > 0 else 1.0) + hour[1] / hour[0] + day[1] / day[0]
    return result


def traced_requests(place, counted):
    """Traced requests as (trace, nth, route, date, ts, weight, root, duration)."""
    serves = defaultdict(list)
    for row in place.newest({"route"}):
        c = row.configuration
        if c.get("integration_target") is not None:
            found = (c.get("api_name"), c.get("stage"), row.name, c.get("protocol", "REST"))
            if found not in serves[c["integration_target"]]:
                serves[c["integration_target"]].append(found)
    polled = {function for function, found in sources(place).items() if any(kind != "state-machine" for kind, _ in found)}
    alone = {}
    for function, routes in serves.items():
        if len(routes) == 1 and routes[0][3] != "REST" and function not in polled:
            alone[function] = (*routes[0][:3], None)
    roots = defaultdict(list)
    for span in place.spans:
        if span.kind != "segment" or span.inferred:
            continue
        if span.origin == "AWS::ApiGateway::Stage" and None not in (span.resource, span.stage, span.route):
            route = (span.resource, span.stage, span.route, None)
            roots[span.trace_id].append((span.ts, span.span_id, route, span.date, "gateway", span.duration_ms))
        elif span.origin == "AWS::Lambda" and span.parent_id is None and span.resource in alone:
            roots[span.trace_id].append((span.ts, span.span_id, alone[span.resource], span.date, "function", None))
    seen = totals(((route, date, ts // BIN * BIN), 1.0) for found in roots.values() for ts, _, route, date, *_ in found)
    of_bins = totals(((route, ts // DAY * DAY, ts // BIN * BIN), count) for route, ts, _, count, *_ in counted)
    weight = weights(seen, of_bins)
    return [
        (trace, nth, route, date, ts, weight[route, date, ts // BIN * BIN], root, duration)
        for trace, found in roots.items()
        for nth, (ts, _, route, date, root, duration) in enumerate(sorted(found, key=lambda r: (r[0], r[1])), 1)
    ]


def sources(place):
    """function → what starts it by the newest inventory, besides routes: {(kind, name)}."""
    found = defaultdict(set)
    for row in place.newest({"event-source-mapping", "bucket", "state-machine"}):
        c = row.configuration
        if row.kind == "event-source-mapping":
            name = c.get("source", c.get("source_arn", row.name))
            found[c.get("function")].add((c.get("source_kind", "event source"), name))
        elif row.kind == "bucket":
            for event in json.loads(c.get("notifications") or "[]"):
                found[event.get("function")].add(("s3-event", row.name))
        else:
            for function in (c.get("invokes") or "").split(","):
                found[function.strip()].add(("state-machine", row.name))
    return {function: kinds for function, kinds in found.items() if function}


def triggers(place, of_traces):
    """trace → what started it, of traces that no route began."""
    routed = {trace for trace, *_ in of_traces}
    first, own = {}, set()
    for span in place.spans:
        if span.kind != "segment":
            continue
        if span.origin == "AWS::ApiGateway::Stage":
            own.add((span.date, "route", f"{span.resource}/{span.stage}"))
        if span.origin == "AWS::StepFunctions::StateMachine":
            own.add((span.date, "state-machine", span.resource or span.name))
        if span.parent_id is None and not span.inferred:
            if span.trace_id not in first or (span.ts, span.span_id) < (first[span.trace_id].ts, first[span.trace_id].span_id):
                first[span.trace_id] = span
    starts = defaultdict(set)
    for row in place.newest({"route"}):
        c = row.configuration
        starts[c.get("integration_target")].add(("route", f"{c.get('api_name')}/{c.get('stage')}", row.name))
    for function, found in sources(place).items():
        starts[function] |= {(kind, name, None) for kind, name in found}
    result = {}
    for trace, span in first.items():
        name = span.resource or span.name
        if trace in routed:
            continue
        if span.origin == "AWS::StepFunctions::StateMachine":
            result[trace] = triggered(f"state-machine/{name}")
        elif span.origin in ("AWS::Lambda", "AWS::Lambda::Function"):
            silent = [start for start in starts[name] if (span.date, *start[:2]) not in own]
            if not silent:
                result[trace] = triggered(f"direct/{name}")
            elif len(silent) == 1 and silent[0][0] != "route":
                result[trace] = triggered("/".join(silent[0][:2]))
    return result


def traced_invocations(place, of_traces):
    """Traced invocations as (span, function, date, bin, route, stand, weight)."""
    began = {trace: (route, weight) for trace, nth, route, _, _, weight, *_ in of_traces if nth == 1}
    started = triggers(place, of_traces)
    found = []
    for span in place.spans:
        if span.kind == "segment" and span.origin == "AWS::Lambda::Function" and span.resource is not None:
            ts = span.ts if span.ts // DAY * DAY == span.date else span.trace_ts
            found.append((span, span.resource, span.date, ts // BIN * BIN))
    seen = totals(((function, date, start), 1.0) for _, function, date, start in found)
    counted = totals(
        ((m.resource, m.ts // DAY * DAY, m.ts // BIN * BIN), m.sum or 0.0)
        for m in place.metrics
        if m.service == "lambda" and m.metric == "Invocations"
    )
    weight = weights(seen, counted)
    result = []
    for span, function, date, start in found:
        own = weight[function, date, start]
        route, stand = began.get(span.trace_id, (started.get(span.trace_id, NOBODY), own))
        result.append((span, function, date, start, route, stand, own))
    return result


# 4. Functions.


def memories(place):
    """function → [(valid from, memory, architecture, modified, first, found, starts from a snapshot)], in order."""
    by_name = defaultdict(list)
    for row in sorted((r for r in place.resources if r.kind == "function" and not r.deleted), key=lambda r: r.ts):
        modified = instant(row.configuration.get("last_modified"))
        valid = row.ts
        if not by_name[row.name]:
            valid = -math.inf
        elif modified is not None and by_name[row.name][-1][5] < modified <= row.ts:
            valid = modified
        memory = row.configuration.get("memory_mb")
        architecture = row.configuration.get("architecture", "x86_64")
        first = not by_name[row.name]
        snapshot = row.configuration.get("snap_start") == "PublishedVersions"
        by_name[row.name].append((valid, float(memory) if memory else None, architecture, modified, first, row.ts, snapshot))
    return by_name


def instant(text):
    return round(datetime.fromisoformat(text).timestamp() * SECOND) if text else None


def functions(place, invocations, of_traces):
    """(function, hour, architecture) → [GB-seconds, those of initialisations, invocations, certain]; (function, hour) →
    [(route, share, call share)]; and (function, bin) → invocations."""
    by_name = memories(place)
    worked = defaultdict(lambda: [0.0, 0.0, 0.0, True])
    snapshots = defaultdict(list, {name: [(m[0], m[6]) for m in found] for name, found in by_name.items()})
    ran = initialisations(place, invocations, of_traces, snapshots)
    for (function, start), (count, _, _, billed_init_ms, billed_ms) in ran.items():
        valid = [m for m in by_name[function] if m[0] <= start]
        memory, architecture, certain = None, "x86_64", False
        if valid:
            _, memory, architecture, modified, first, *_ = valid[-1]
            certain = memory is not None and not (first and modified is not None and modified > start)
        used = worked[function, start // HOUR * HOUR, architecture]
        gb = (128.0 if memory is None else memory) / 1024
        used[0] += billed_ms / 1000 * gb
        used[1] += billed_init_ms / 1000 * gb
        used[2] += count
        used[3] &= certain
    levels = [defaultdict(lambda: defaultdict(lambda: [0.0, 0.0])) for _ in range(3)]
    callers = defaultdict(set)
    restored = restorations(place)
    for span, function, date, start, route, stand, _ in invocations:
        billed = RESTORED if (span.trace_id, span.span_id) in restored else 1.0
        work = stand * max(0.0, (span.duration_ms or 0.0) + ((span.init_ms or 0.0) * billed if span.cold_start else 0.0))
        for level, key in zip(levels, [(function, start // HOUR * HOUR), (function, date), function]):
            level[key][route][0] += work
            level[key][route][1] += stand
        callers[function].add(route)
    for row in place.newest({"route"}):
        c = row.configuration
        if c.get("integration_target") is not None:
            callers[c["integration_target"]].add((c.get("api_name"), c.get("stage"), row.name, None))
    for function, found in sources(place).items():
        callers[function] |= {triggered("/".join(source)) for source in found}
    shares = {}
    for function, hour, _ in worked:
        if len(callers[function]) == 1 and NOBODY not in callers[function]:
            shares[function, hour] = [(next(iter(callers[function])), 1.0, 1.0)]
            continue
        for level, key in zip(levels, [(function, hour), (function, hour // DAY * DAY), function]):
            work = shared({route: w for route, (w, _) in level[key].items()})
            if work:
                calls = shared({route: k for route, (_, k) in level[key].items()})
                shares[function, hour] = [(route, work[route], calls[route]) for route in work]
                break
        else:
            shares[function, hour] = [(NOBODY, 1.0, 1.0)]
    return worked, shares, {key: count for key, (count, *_) in ran.items()}


# 5. Calls to tables, buckets and functions.


def traced_calls(place, invocations):
    """Traced calls as (date, hour, service, resource, operation, function, route, stand, trace)."""
    callers = {(span.trace_id, span.span_id): (function, route, stand) for span, function, _, _, route, stand, _ in invocations}
    calls = []
    for span in place.spans:
        service = CALLS.get(span.name)
        if span.kind != "subsegment" or span.inferred or span.namespace != "aws" or service is None:
            continue
        if service == "DynamoDB" and (span.error or span.fault or span.throttle):
            continue
        ts = span.ts if span.ts // DAY * DAY == span.date else span.trace_ts
        caller = callers.get((span.trace_id, span.segment_id), (None, NOBODY, 1.0))
        calls.append((span.date, ts // HOUR * HOUR, service, span.resource, span.operation, *caller, span.trace_id))
    return calls


def table_calls(place, runs, calls):
    """(date, table, operation, bin, route, repeated) → calls; those that no trace shows are nobody's; and what is shown."""
    bins = totals(
        ((m.ts // DAY * DAY, m.resource, m.operation, m.ts // BIN * BIN), m.sample_count or 0.0)
        for m in place.metrics
        if m.service == "dynamodb" and m.operation is not None and m.metric == "SuccessfulRequestLatency"
    )
    to_tables = (
        (date, table, operation, hour, (function, route), stand, trace)
        for date, hour, service, table, operation, function, route, stand, trace in calls
        if service == "DynamoDB" and table is not None
    )
    return split_calls(bins, to_tables, runs)


def function_calls(runs, invocations):
    """(date, function, Invoke, bin, route, repeated) → invocations of functions that several entry points share."""
    shared_by = {key for key, routes in runs.routes.items() if len(routes) > 1}
    bins = {
        (start // DAY * DAY, function, "Invoke", start): count
        for (function, start), count in runs.ran.items()
        if (start // DAY * DAY, function) in shared_by
    }
    of_functions = (
        (date, function, "Invoke", start // HOUR * HOUR, (None, route), stand, span.trace_id)
        for span, function, date, start, route, stand, _ in invocations
        if (date, function) in shared_by
    )
    return split_calls(bins, of_functions, runs)[0]


class Runs:
    """What a traced call is one of: an invocation of a function that has one entry point, or a route's request."""

    def __init__(self, counted, of_traces, invocations, ran):
        self.ran = ran
        self.routes = defaultdict(set)
        self.weight, self.number = defaultdict(float), defaultdict(float)
        for _, function, date, start, route, stand, _ in invocations:
            self.routes[date, function].add(route)
            self.weight[date, function, route, start // HOUR * HOUR] += stand
            self.weight[date, function, route] += stand
            self.number[date, function, route] += 1
        for _, nth, route, date, ts, weight, *_ in of_traces:
            if nth == 1:
                self.weight[date, None, route, ts // HOUR * HOUR] += weight
                self.weight[date, None, route] += weight
                self.number[date, None, route] += 1
        self.asked = totals(((route, ts // BIN * BIN), count) for route, ts, _, count, *_ in counted)

    def of(self, date, caller):
        """Whose runs a caller's calls are counted by."""
        function, route = caller
        return (date, function if self.routes.get((date, function)) == {route} else None, route)

    def count(self, run, start):
        _, function, route = run
        return self.ran.get((function, start), 0.0) if function is not None else self.asked.get((route, start), 0.0)


def split_calls(bins, traced, runs):
    hours, days, seen = defaultdict(float), defaultdict(lambda: defaultdict(float)), defaultdict(lambda: defaultdict(float))
    for date, resource, operation, hour, caller, stand, trace in traced:
        what = (date, resource, operation)
        hours[(*what, hour, caller)] += stand
        days[what][caller] += stand
        seen[what][trace, hour, caller] += 1
    bins = {key: count for key, count in bins.items() if count > 0}
    whole = totals(((date, resource, operation), count) for (date, resource, operation, _), count in bins.items())
    number, squares = defaultdict(float), defaultdict(float)
    for what, found in seen.items():
        for (_, _, caller), times in found.items():
            number[what, caller] += times
            squares[what, caller] += times * times
    result, shown_days = defaultdict(float), set()
    for (date, resource, operation, start), count in bins.items():
        what, hour = (date, resource, operation), start // HOUR * HOUR
        if what not in days:
            result[(*what, start, NOBODY, False)] += count
            continue
        shown_days.add(what)
        expected, variance = {}, {}
        for caller, d in days[what].items():
            h, m, square = hours.get((*what, hour, caller), 0.0), number[what, caller], squares[what, caller]
            run = runs.of(date, caller)
            t = runs.number.get(run, 0.0)
            if t > 0:
                x = runs.count(run, start)
                of_hour = runs.weight.get((*run, hour), 0.0)
                expected[caller] = 1e-9 * d + x * (h + 10 * d / t) / (of_hour + 10 * runs.weight[run] / t)
                scatter = max(0.0, square / t - (m / t) ** 2) + (0.001 + 1 / t) * square / t
                variance[caller] = 1e-9 * d + x * (1 + x / t) * scatter
            else:
                expected[caller] = 1e-9 * d + h / 12
                variance[caller] = 1e-9 * d + h / 12 * square / m
        traced_calls = sum(days[what].values())
        short = traced_calls < whole[what] * (1 - max(0.1, 3 / math.sqrt(len(seen[what]))))
        part = traced_calls / whole[what] if short else 1.0
        more, scattered = count * part - sum(expected.values()), sum(variance.values())
        likely = {c: max(1e-9 * e, e + more * variance[c] / scattered) for c, e in expected.items()}
        of_routes = totals((route, share) for (_, route), share in shared(likely).items())
        for route, share in of_routes.items():
            made = count * part * share
            asked = runs.asked.get((route, start), 0.0)
            result[(*what, start, route, asked > 0 and made >= 8 * asked)] += made
        if part < 1:
            result[(*what, start, NOBODY, None)] += count * (1 - part)
    return result, shown_days


def named(operation, route, repeated):
    caller = operation + (" repeated" if repeated else "")
    return caller + (f" {route[0]}/{route[1]} {route[2]}" if route[2] is not None else f" {route[3]}" if route[3] else "")


def table_usage(place, given, counted, made, shown_days):
    """(table, meter, hour) → {route: units}."""
    by_bin = defaultdict(float)
    for m in place.metrics:
        meter = {"ConsumedReadCapacityUnits": "dynamodb-reads", "ConsumedWriteCapacityUnits": "dynamodb-writes"}.get(m.metric)
        if m.service == "dynamodb" and m.operation is None and meter:
            by_bin[m.resource.split("/index/")[0], meter, m.ts // BIN * BIN] += m.sum or 0.0
    units = totals(((table, meter, start // HOUR * HOUR), count) for (table, meter, start), count in by_bin.items())
    both = [(table, meter, start) for table, _, start in by_bin for meter in ("dynamodb-reads", "dynamodb-writes")]
    calls = totals(
        ((date, table, operation + (" repeated" if repeated else ""), start, named(operation, route, repeated)), count)
        for (date, table, operation, start, route, repeated), count in made.items()
    )
    rates = unit_rates(calls, {key: by_bin.get(key, 0.0) for key in both}, given.dynamodb)
    made = totals(((*key[:3], key[3] // HOUR * HOUR, *key[4:]), count) for key, count in made.items())
    usual, asked, in_hour = defaultdict(lambda: defaultdict(float)), defaultdict(float), defaultdict(lambda: defaultdict(float))
    for (date, table, operation, _, route, repeated), count in made.items():
        if (date, table, operation) in shown_days and repeated is not None:
            usual[table, operation][route] += count
    for route, ts, _, count, *_ in counted:
        asked[route] += count
        in_hour[ts // HOUR * HOUR][route] += count
    callers = defaultdict(list)
    for (date, table, operation, hour, route, repeated), count in made.items():
        callers_of = {route: count}
        if (date, table, operation) not in shown_days:
            likely = {
                r: k / asked[r] * in_hour[hour][r]
                for r, k in usual[table, operation].items()
                if r != NOBODY and asked[r] > 0 and in_hour[hour].get(r, 0.0) > 0
            }
            callers_of = {r: count * part for r, part in shared(likely).items()} or callers_of
        if operation in given.dynamodb:
            meter, w = given.dynamodb[operation]
            for r, k in callers_of.items():
                callers[table, meter, hour].append((operation, r, bool(repeated), k, w))
    result = {}
    for (table, meter, hour), whole in units.items():
        if whole <= 0:
            continue
        week = hour // (7 * DAY) * 7 * DAY
        expected = []
        for operation, route, repeated, k, w in callers[table, meter, hour]:
            others = rates.get((table, meter, week, "others"), 1.0)
            rate = rates.get((table, meter, week, named(operation, route, repeated)), others)
            if k > 0:
                expected.append((route, k * w * rate, k * (w * rate) ** 2))
        result[table, meter, hour] = by_variance(whole, expected) or {NOBODY: whole}
    return result


def by_variance(whole, expected):
    """route → its part of what was counted; `expected` is [(route, amount, variance)]."""
    short = whole - sum(x for _, x, _ in expected)
    variance = sum(v for _, _, v in expected)
    parts = totals((route, max(x / 4, x + short * v / variance)) for route, x, v in expected)
    return {route: whole * part for route, part in shared(parts).items()}


def log_usage(taken, function_of, made):
    """(group, hour) → {route: bytes}, of shared functions whose bytes of an invocation are learnt; `taken` is (group, bin) → bytes."""
    groups, writing = defaultdict(list), {(group, start // DAY * DAY) for group, start in taken}
    for group, function in function_of.items():
        groups[function].append(group)
    calls, hours = defaultdict(float), defaultdict(lambda: defaultdict(float))
    for (date, function, operation, start, route, _), count in made.items():
        for group in groups[function]:
            if (group, date) in writing:
                calls[date, group, operation, start, named(operation, route, False)] += count
                hours[group, start // HOUR * HOUR][route] += count
    in_bins = {(group, "log-bytes", start): count for (group, start), count in taken.items()}
    rates = unit_rates(calls, in_bins, {"Invoke": ("log-bytes", 1.0)})
    by_hour = totals(((group, start // HOUR * HOUR), count) for (group, start), count in taken.items())
    result = {}
    for (group, hour), whole in by_hour.items():
        week, expected = hour // (7 * DAY) * 7 * DAY, []
        for route, k in hours[group, hour].items():
            others = rates.get((group, "log-bytes", week, "others"))
            rate = rates.get((group, "log-bytes", week, named("Invoke", route, False)), others)
            if k > 0 and rate is not None:
                expected.append((route, k * rate, k * rate * rate))
        if expected:
            result[group, hour] = by_variance(whole, expected)
    return result


# 6. Usage.


def sampled(count, period_s):
    return count * 0.05 + 0.95 * period_s * (1 - math.exp(-count / period_s)) if count > 0 else 0.0


def usage(place, given, as_of):
    """meter → parts."""
    counted, protocols = requests(place)
    of_traces = traced_requests(place, counted)
    invocations = traced_invocations(place, of_traces)
    worked, shares, ran = functions(place, invocations, of_traces)
    calls = traced_calls(place, invocations)
    runs = Runs(counted, of_traces, invocations, ran)
    made, shown_days = table_calls(place, runs, calls)
    parts = defaultdict(list)
    ahead = provisioned(place)
    for (function, hour, architecture), (gb_seconds, init_gb_seconds, count, certain) in worked.items():
        ready = (gb_seconds - init_gb_seconds) * ahead.get((function, hour), 0.0)
        for route, work, called in shares[function, hour]:
            on_demand = Part(hour, function, route, (gb_seconds - ready) * work, certain)
            parts[f"lambda-gb-seconds-{architecture}"].append(on_demand)
            parts[f"lambda-provisioned-gb-seconds-{architecture}"].append(Part(hour, function, route, ready * work, certain))
            parts[f"lambda-requests-{architecture}"].append(Part(hour, function, route, count * called))
    apis(parts, place, counted, protocols, of_traces)
    tables(parts, place, table_usage(place, given, counted, made, shown_days), as_of)
    buckets(parts, place, as_of)
    measured = {
        (m.resource.split("/index/")[0], m.ts // DAY * DAY)
        for m in place.metrics
        if m.service == "dynamodb" and m.operation is None and m.metric in UNITS
    }
    for date, hour, service, resource, operation, _, route, stand, _ in calls:
        meter, weight = given.calls.get((service, operation), (None, 0.0))
        if meter and not (service == "DynamoDB" and (resource, date) in measured):
            parts[meter].append(Part(hour, resource, route, stand * weight, measured=False))
    environments(parts, place, by_name=memories(place), as_of=as_of)
    machines(parts, place)
    traced_functions(parts, place, ran, shares)
    parts["xray-traces"] = list(corrected(place.recorded, found_traces(place, of_traces)))
    logs(parts, place, worked, shares, function_calls(runs, invocations))
    return parts


def provisioned(place):
    """(function, hour) → share of the invocations that ran in provisioned environments."""
    counts = defaultdict(lambda: defaultdict(float))
    for m in place.metrics:
        if m.service == "lambda" and m.metric in ("Invocations", "ProvisionedConcurrencyInvocations"):
            counts[m.resource, m.ts // HOUR * HOUR][m.metric] += m.sum or 0.0
    return {
        key: min(1.0, count["ProvisionedConcurrencyInvocations"] / count["Invocations"])
        for key, count in counts.items()
        if count["Invocations"] > 0
    }


UNITS = {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"}


def apis(parts, place, counted, protocols, of_traces):
    meters = {"REST": "rest-requests", "HTTP": "http-requests", "WEBSOCKET": "messages"}
    traced = {route[:2] for _, _, route, _, _, _, root, _ in of_traces if root == "gateway"}
    together = totals(((ts, period), count) for route, ts, period, count, *_ in counted if route[:2] in traced)
    kinds = defaultdict(set)
    for (api, stage, *_), ts, _, count, *_ in counted:
        if count > 0:
            kinds[ts // DAY].add(protocols[api, stage, ts // DAY])
    for route, ts, period_s, count, units, connects, sent in counted:
        api, stage, _, _ = route
        hour, resource = ts // HOUR * HOUR, f"{api}/{stage}"
        meter = meters[protocols[api, stage, ts // DAY]]
        parts[f"apigateway-{meter}"].append(Part(hour, resource, route, units))
        minutes = Part(hour, resource, (api, stage, "$connect", None), connects, measured=False)
        parts["apigateway-connection-minutes"].append(minutes)
        if kinds[ts // DAY] <= {"HTTP"}:
            parts["apigateway-bytes"].append(Part(hour, resource, route, sent, measured=False))
        whole = together[ts, period_s]
        if route[:2] in traced and count > 0:
            kept = sampled(whole, period_s) * count / whole
            place.recorded.append(("stage", Part(hour, resource, route, kept, measured=False)))


def tables(parts, place, used, as_of):
    known = {}
    for row in place.newest({"table", "index"}):
        table = known.setdefault(row.name.split("/index/")[0], SimpleNamespace(size=0.0, provisioned=False, rare=False, dynamodb={}))
        c = row.configuration
        table.size += float(c.get("size_bytes") or 0)
        table.provisioned |= c.get("billing_mode") == "PROVISIONED"
        table.rare |= c.get("table_class") == "STANDARD_INFREQUENT_ACCESS"
        for meter, key in [("dynamodb-reads", "read_capacity"), ("dynamodb-writes", "write_capacity")]:
            table.dynamodb[meter] = table.dynamodb.get(meter, 0.0) + float(c.get(key) or 0)
    for (name, meter, hour), routes in used.items():
        table = known.get(name)
        kind = "provisioned-" if table and table.provisioned else "ia-" if table and table.rare else ""
        for route, units in routes.items():
            units = units / 3600 if kind == "provisioned-" else units
            parts[meter.replace("dynamodb-", f"dynamodb-{kind}")].append(Part(hour, name, route, units))
    for name, table in known.items():
        if table.size <= 0:
            continue
        for hour in hours_of(place, as_of):
            meter = "dynamodb-ia-storage" if table.rare else "dynamodb-storage"
            parts[meter].append(Part(hour, name, NOBODY, table.size / 2**30, measured=False))
            for kind, capacity in table.dynamodb.items() if table.provisioned else []:
                left = capacity - sum(used.get((name, kind, hour), {}).values()) / 3600
                parts[kind.replace("dynamodb-", "dynamodb-provisioned-")].append(Part(hour, name, NOBODY, left))


def hours_of(place, as_of):
    return range(place.first_day, as_of // HOUR * HOUR + (HOUR if as_of % HOUR else 0), HOUR)


def buckets(parts, place, as_of):
    measures = defaultdict(dict)
    for m in place.metrics:
        if m.service == "s3" and m.metric == "BucketSizeBytes" and m.operation in CLASSES and m.max is not None:
            days = measures[m.resource, CLASSES[m.operation]]
            days[m.ts // DAY] = max(days.get(m.ts // DAY, 0.0), m.max)
    for (bucket, meter), days in measures.items():
        for hour in hours_of(place, as_of):
            before = [day for day in days if day <= hour // DAY]
            size = days[max(before) if before else min(days)]
            parts[meter].append(Part(hour, bucket, NOBODY, size / 2**30, measured=False))


def environments(parts, place, by_name, as_of):
    asked = defaultdict(float)
    for row in place.newest({"alias", "version"}):
        asked[row.configuration.get("function")] += float(row.configuration.get("provisioned_concurrency") or 0)
    for function, count in asked.items():
        for hour in hours_of(place, as_of) if count > 0 else []:
            valid = [m for m in by_name[function] if m[0] <= hour]
            memory, architecture = valid[-1][1:3] if valid else (None, "x86_64")
            ready = count * (128.0 if memory is None else memory) / 1024 * 3600
            meter = f"lambda-provisioned-concurrency-{architecture}"
            parts[meter].append(Part(hour, function, NOBODY, ready, measured=False))


def machines(parts, place):
    kinds = {}
    for row in place.resources:
        if row.kind == "state-machine":
            kinds[row.name] = max(kinds.get(row.name, ""), row.configuration.get("type") or "")
    hours = defaultdict(lambda: defaultdict(float))
    for m in place.metrics:
        if m.service == "states":
            hours[m.resource, m.ts // HOUR * HOUR][m.metric] += m.sum or 0.0
            hours[m.resource, m.ts // HOUR * HOUR]["timed"] += (m.sample_count or 0.0) if m.metric == "ExecutionTime" else 0.0
    traced = {
        s.name
        for s in place.spans
        if s.kind == "segment" and s.origin == "AWS::StepFunctions::StateMachine" and s.parent_id is None
    }
    for (name, hour), metric in hours.items():
        started, billed_ms = metric["ExecutionsStarted"], metric["ExpressExecutionBilledDuration"]
        express = kinds[name] == "EXPRESS" if name in kinds else billed_ms > 0
        here = lambda quantity, measured=False: Part(hour, name, triggered(f"state-machine/{name}"), quantity, measured=measured)
        if express:
            parts["states-express-requests"].append(here(started, measured=True))
        else:
            parts["states-transitions"].append(here(started))
        memory = metric["ExpressExecutionBilledMemory"] / max(metric["timed"], started, 1.0) / 2**30
        parts["states-express-gb-seconds"].append(here(billed_ms / 1000 * memory))
        if name in traced:
            place.recorded.append(("state-machine", here(sampled(started, 3600))))


def traced_functions(parts, place, ran, shares):
    root = defaultdict(lambda: True)
    for s in place.spans:
        if s.kind == "segment" and s.origin == "AWS::Lambda" and not s.inferred:
            root[s.resource] &= s.parent_id is None
    kept = totals(
        ((function, start // HOUR * HOUR), sampled(count, 300)) for (function, start), count in ran.items() if root.get(function)
    )
    for (function, hour), count in kept.items():
        for route, _, called in shares[function, hour]:
            place.recorded.append(("function", Part(hour, function, route, count * called, measured=False)))


def found_traces(place, of_traces):
    """(kind, resource, route of a stage, hour) → traces that it began."""
    found = defaultdict(float)
    for _, nth, route, _, ts, _, root, _ in of_traces:
        if nth == 1 and root == "gateway":
            found["stage", f"{route[0]}/{route[1]}", route[2], ts // HOUR * HOUR] += 1
    for s in place.spans:
        if s.kind == "segment" and s.parent_id is None and not s.inferred:
            if s.origin == "AWS::Lambda":
                found["function", s.resource, None, s.ts // HOUR * HOUR] += 1
            elif s.origin == "AWS::StepFunctions::StateMachine":
                found["state-machine", s.name, None, s.ts // HOUR * HOUR] += 1
    return found


def corrected(recorded, found):
    """The parts, by how many traces of each origin were found beside the others'."""
    origin_of = lambda kind, part: (kind, part.resource, part.route[2] if kind == "stage" else None)
    expected = totals(((*origin_of(kind, part), part.hour), part.quantity) for kind, part in recorded)
    in_hour = totals((hour, q) for (*_, hour), q in expected.items())
    in_day = totals((hour // DAY, q) for (*_, hour), q in expected.items())
    found_in_hour = totals((key[3], found.get(key, 0.0)) for key in expected)
    found_in_day = totals((key[3] // DAY, found.get(key, 0.0)) for key in expected)
    n, m = defaultdict(float), defaultdict(float)
    for (*origin, hour), q in expected.items():
        n[(*origin, hour // DAY)] += found.get((*origin, hour), 0.0)
        m[(*origin, hour // DAY)] += q * found_in_hour[hour] / in_hour[hour] if in_hour[hour] > 0 else 0.0
    for kind, part in recorded:
        day = part.hour // DAY
        origin = (*origin_of(kind, part), day)
        fetched = min(1.0, found_in_day[day] / in_day[day]) if in_day[day] > 0 else 0.0
        more = (1 - fetched) / ((0.0025 if kind == "function" else 0.0009) + fetched / m[origin]) if m[origin] > 0 else 0.0
        factor = (n[origin] + more) / (m[origin] + more) if m[origin] + more > 0 else 1.0
        yield replace(part, quantity=part.quantity * factor)


def logs(parts, place, worked, shares, made):
    writers = defaultdict(set)
    for row in place.resources:
        if row.kind == "log-group" and row.configuration.get("function"):
            writers[row.name].add(row.configuration["function"])
        if row.kind == "function" and row.configuration.get("log_group"):
            writers[row.configuration["log_group"]].add(row.name)
    taken, days = defaultdict(float), set()
    for m in place.metrics:
        if m.service == "logs" and m.metric in ("IncomingBytes", "IncomingLogEvents"):
            days.add(m.ts // DAY)
            if m.metric == "IncomingBytes":
                taken[m.resource, m.ts // BIN * BIN] += m.sum or 0.0
    function_of = {}
    for group, _ in taken:
        named_after = group.removeprefix("/aws/lambda/") if group.startswith("/aws/lambda/") else None
        function_of[group] = next(iter(writers[group])) if len(writers[group]) == 1 else named_after
    learnt = log_usage(taken, function_of, made)
    for (group, hour), count in totals(((group, start // HOUR * HOUR), count) for (group, start), count in taken.items()).items():
        if (group, hour) in learnt:
            parts["log-bytes"] += [Part(hour, group, route, part) for route, part in learnt[group, hour].items()]
            continue
        for route, _, called in shares.get((function_of[group], hour), [(NOBODY, 1.0, 1.0)]):
            parts["log-bytes"].append(Part(hour, group, route, count * called))
    for (function, hour, _), (_, _, count, _) in worked.items():
        if hour // DAY not in days:
            for route, _, called in shares[function, hour]:
                written = Part(hour, f"/aws/lambda/{function}", route, count * called, measured=False)
                parts["log-bytes"].append(written)


# 1. The bill.


def bill(lake, given):
    """Lines by (day, account, region, service, usage type, record type), several of one with a resource each: cost, quantity, meter,
    counted, reason, resource."""
    apis = {}
    for row in read(lake, "resources", ["account_id", "region", "kind", "name", "configuration"]):
        if row.kind in ("rest-api", "http-api", "websocket-api"):
            key = (row.account_id, row.region, row.configuration.get("api_id"))
            apis[key] = max(row.name, apis.get(key, ""))
    columns = ["resource_id", "date", "ts", "granularity", "account_id", "region", "service", "usage_type", "record_type", "cost_usd", "quantity", "source"]
    rows = [row for row in read(lake, "costs", columns) if row.granularity != "monthly"]
    charges, last_usage = defaultdict(lambda: defaultdict(float)), defaultdict(lambda: -math.inf)
    for row in rows:
        extra = row.record_type in ("Tax", "Credit", "Refund")
        charges[row.account_id, row.date][row.source] += 0.0 if extra else float(row.cost_usd)
        if row.record_type == "Usage":
            last_usage[row.account_id, row.source] = max(last_usage[row.account_id, row.source], row.ts)
    chosen = {}
    for (account, date), sources in charges.items():
        most = max(sources.values())

        def rank(source, charge):
            if source == "cost-explorer":
                return (2, source)
            enough = charge + 0.01 + 0.01 * abs(charge) >= most
            whole = enough and last_usage[account, source] >= date + 3 * DAY
            return (1 if whole else 3, ["cur", "focus"].index(source))

        chosen[account, date] = min(sources, key=lambda source: rank(source, sources[source]))
    lines = defaultdict(lambda: [Decimal(0), None])
    for row in rows:
        if chosen[row.account_id, row.date] == row.source:
            resource = resource_of(row.service, row.resource_id)
            resource = apis.get((row.account_id, row.region, resource), resource)
            key = (row.date, row.account_id, row.region, row.service, row.usage_type, row.record_type, resource)
            lines[key][0] += row.cost_usd
            if row.quantity is not None:
                lines[key][1] = (lines[key][1] or Decimal(0)) + row.quantity
    for key, (cost, quantity) in lines.items():
        *_, service, usage_type, record_type, resource = key
        prefix, _, rest = (usage_type or "").partition("-")
        kind = rest if prefix in given.prefixes else usage_type
        meter, counted, why = given.meters.get((service, kind), (None, False, None))
        meter = meter if record_type == "Usage" else None
        quantity = None if quantity is None else float(quantity)
        yield key[:-1], SimpleNamespace(cost=cost, quantity=quantity, meter=meter, counted=counted, why=why, resource=resource)


def resource_of(service, identifier):
    """Name of the resource that a line names, of an API its id; None for what is not known."""
    marks = {
        "AWS Lambda": (":function:", ":"),
        "Amazon DynamoDB": (":table/", "/"),
        "AWS Step Functions": (":stateMachine:", ":"),
        "AmazonCloudWatch": (":log-group:", ":"),
        "Amazon API Gateway": ("apis/", "/"),
    }
    if not identifier:
        return None
    if service == "Amazon Simple Storage Service":
        return identifier.removeprefix("arn:aws:s3:::")
    before, after = marks.get(service, (None, None))
    return identifier.split(before)[1].split(after)[0] if before and before in identifier else None


# 7. Lines to usage.


def money(value):
    return Decimal(repr(value)).quantize(PLACES, ROUND_HALF_UP)


def split(line, parts):
    """What each (place, api, stage, route, trigger) has of the line; adds up to it exactly."""
    parts = [part for part in parts if part.quantity > 0]
    counted = line.counted and line.resource is None and all(part.measured for part in parts)
    known = sum(part.quantity for part in parts if part.certain)
    unknown = sum(part.quantity for part in parts if not part.certain)
    factor = (line.quantity - known) / unknown if counted and unknown > 0 and line.quantity is not None else 1.0
    factor = factor if 0.02 <= factor <= 50 else 1.0
    used = [part.quantity * (1.0 if part.certain else factor) for part in parts]
    seen = sum(used)
    costs = [Decimal(0) for _ in parts]
    if parts and not (counted and (line.quantity is None or line.quantity <= 0)):
        whole = max(line.quantity, seen) if counted else seen
        costs = [money(float(line.cost) * quantity / whole) for quantity in used]
        if not (counted and line.quantity > seen * 1.000000001):
            costs[max(range(len(used)), key=used.__getitem__)] += line.cost - sum(costs)
    result = defaultdict(Decimal)
    for part, cost in zip(parts, costs):
        where = "route" if part.route[2] is not None else "trigger" if part.route[3] is not None else "not split"
        result[where, *part.route] += cost
    rest = line.cost - sum(costs)
    if rest or not parts:
        place = "not split" if line.meter is None or (not parts and line.why) else "unexplained"
        result[place, *NOBODY] += rest
    return result


def attribute(lake, given, days):
    """(day, account, region, service, usage type, record type) → {(place, api, stage, route, trigger): cost} of the days' lines."""
    all_places = places(lake)
    collected = [row.collected_at for row in read(lake, "collections", ["collected_at"])]
    first_day = min(m.ts // DAY * DAY for place in all_places.values() for m in place.metrics)
    meters = {}
    for key, place in all_places.items():
        place.first_day = first_day
        meters[key] = usage(place, given, max(collected))
    lines = [(key, line) for key, line in bill(lake, given) if key[0] in days]
    named = {(*key[:3], line.meter, line.resource) for key, line in lines if line.meter and line.resource is not None}
    result = defaultdict(lambda: defaultdict(Decimal))
    for key, line in lines:
        date, account, region = key[:3]
        parts = meters.get((account, region), {}).get(line.meter, []) if line.meter and region else []

        def whose(part):
            own = part.route[0] if line.meter.startswith("apigateway-") else part.resource
            return own if (*key[:3], line.meter, own) in named else None

        own = [part for part in parts if part.hour // DAY * DAY == date and whose(part) == line.resource]
        for part, cost in split(line, own).items():
            result[key][part] += cost
    return result
