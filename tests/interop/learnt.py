"""What the attribution learns before it shares anything out: how long functions were initialised, and what a call takes of a table.

Steps 4 and 5 of "The attribution, step by step" in ARCHITECTURE.md, in plain Python; see attribution.py.
"""

import statistics
from collections import defaultdict

import numpy

SECOND = 1_000_000
BIN, HOUR, DAY = 300 * SECOND, 3600 * SECOND, 86400 * SECOND
WEEK = 7 * DAY
RESTORED = 0.25
MOST_CALLERS = 11


def restorations(place):
    """(trace, segment) of the functions that were restored from a snapshot."""
    return {(s.trace_id, s.parent_id) for s in place.spans if s.kind == "subsegment" and s.name == "Restore"}


def initialisations(place, invocations, of_traces, snapshots):
    """(function, bin) → [invocations, duration, initialisations, what is billed of them, all that is billed], milliseconds.

    `snapshots` is function → [(valid from, starts from a snapshot)], in order.
    """
    bins = defaultdict(lambda: defaultdict(float))
    for m in place.metrics:
        key = (m.resource, m.ts // BIN * BIN)
        if m.service == "lambda" and m.metric in ("Invocations", "Duration", "Errors", "Throttles"):
            bins[key][m.metric] += m.sum or 0.0
        elif m.service == "lambda-reports":
            if m.metric == "ColdStarts":
                bins[key]["reports"] += m.sample_count or 0.0
            elif m.metric in ("InitDuration", "RestoreDuration"):
                bins[key]["reported"] += m.sum or 0.0
            elif m.metric == "BilledDuration":
                bins[key]["billed"] += m.sum or 0.0
            else:
                bins[key]["other"] += 0.0
    waits(place, bins)
    restored, cold = restorations(place), defaultdict(lambda: [0.0, 0.0])
    for span, function, date, start, _, _, weight in invocations:
        if span.cold_start:
            init = span.init_ms or 0.0
            bins[function, start]["traced"] += weight * init
            cold[function, date][0] += init
            cold[function, date][1] += init * (RESTORED if (span.trace_id, span.span_id) in restored else 1.0)
    of_day = defaultdict(list)
    for function, start in bins:
        of_day[function, start // DAY * DAY].append(start)
    handlers = over_handlers(invocations, of_traces)
    placements = means_of_placements(handlers)
    result = {}
    for (function, day), starts in of_day.items():
        own = {start: bins[function, start] for start in starts}
        each = cold_start(handlers.get((function, day)), placements.get(day), own)
        asked = sum(b["requests"] - b["Invocations"] for b in own.values())
        ran = sum(b["Invocations"] for b in own.values())
        only_requests = abs(asked) <= 2 + 0.02 * ran
        if each:
            overs = {start: b["latency"] - b["Duration"] - b["requests"] * each[0] for start, b in own.items()}
            whole, above = sum(overs.values()), sum(max(0.0, over) for over in overs.values())
        traced, traced_billed = cold[function, day]
        hours = defaultdict(lambda: [0.0, 0.0])
        for start, b in own.items():
            hours[start // HOUR][0] += b["reports"]
            hours[start // HOUR][1] += b["Invocations"]
        for start, b in own.items():
            reports, of_hour = hours[start // HOUR]
            valid = [snapshot for since, snapshot in snapshots[function] if since <= start]
            part = traced_billed / traced if traced > 0 else RESTORED if valid and valid[-1] else 1.0
            if reports > 0 and reports >= 0.95 * of_hour:
                initialised = b["reported"]
                billed = b["billed"]
            else:
                initialised = b["traced"]
                if only_requests and each:
                    _, place_ms, init_ms = each
                    over = max(0.0, whole) * max(0.0, overs[start]) / above if above > 0 else 0.0
                    initialised = over / (place_ms + init_ms) * init_ms
                billed = b["Duration"] + initialised * part + 0.5 * b["Invocations"]
            result[function, start] = [b["Invocations"], b["Duration"], initialised, initialised * part, billed]
    return result


def waits(place, bins):
    """Adds the requests to the REST routes of each function and their Latency."""
    routes = {}
    for row in place.newest({"route"}):
        c = row.configuration
        if c.get("integration_target") is not None and c.get("protocol", "REST") == "REST":
            routes[c.get("api_name"), c.get("stage"), row.name] = c["integration_target"]
    alone = defaultdict(set)
    for api, stage, route in routes:
        alone[api, stage].add(route)
    levels = defaultdict(lambda: [0.0, 0.0])
    for m in place.metrics:
        if m.service == "apigateway" and m.metric == "Latency":
            level = levels[m.resource, m.stage, m.route, m.ts // BIN * BIN]
            level[0] += m.sample_count or 0.0
            level[1] += m.sum or 0.0
    for (api, stage, route), function in routes.items():
        starts = {at for a, s, r, at in levels if (a, s) == (api, stage) and (r == route or r is None)}
        for start in starts:
            own = levels.get((api, stage, route, start), [0.0, 0.0])
            if own[0] <= 0:
                own = levels.get((api, stage, None, start), [0.0, 0.0]) if len(alone[api, stage]) == 1 else None
            if own:
                bins[function, start]["requests"] += own[0]
                bins[function, start]["latency"] += own[1]


def over_handlers(invocations, of_traces):
    """(function, day) → [(weight, cold, initialisation, what the request took over the handler)]."""
    began = {}
    for trace, nth, _, _, _, _, root, duration in of_traces:
        if nth == 1 and root == "gateway":
            began[trace] = duration
    first = {}
    for span, function, *_ in invocations:
        key = (span.ts, span.span_id)
        if span.trace_id not in first or key < first[span.trace_id][0]:
            first[span.trace_id] = (key, function)
    found = defaultdict(list)
    for span, function, date, _, _, _, weight in invocations:
        duration = began.get(span.trace_id)
        serves = first[span.trace_id][1] == function
        if duration is not None and span.duration_ms is not None and serves and duration > span.duration_ms:
            found[function, date].append((weight, bool(span.cold_start), span.init_ms, duration - span.duration_ms))
    return found


def warm_mean(handlers):
    warm = [(weight, over) for weight, cold, _, over in handlers or () if not cold]
    return sum(w * over for w, over in warm) / sum(w for w, _ in warm) if len(warm) >= 5 else None


def colds(handlers, warm):
    return [(init, over - warm - init) for _, cold, init, over in handlers if cold and init is not None and over > warm]


def means_of_placements(handlers):
    """day → mean of what cold traces waited beside their initialisation."""
    found = defaultdict(list)
    for (_, day), own in handlers.items():
        warm = warm_mean(own)
        if warm is not None:
            found[day] += [placed for _, placed in colds(own, warm)]
    return {day: statistics.fmean(placed) for day, placed in found.items() if placed}


def cold_start(handlers, placement, own):
    """What a warm request waits over its handler, and of a cold one the mean placement and initialisation; None if not known."""
    warm = warm_mean(handlers)
    if warm is None or placement is None:
        return None
    seen = colds(handlers, warm)
    place_ms = (sum(placed for _, placed in seen) + 3 * placement) / (len(seen) + 3)
    if seen:
        init_ms = statistics.fmean(init for init, _ in seen)
    else:
        long = [over for b in own.values() if (over := b["latency"] - b["Duration"] - b["requests"] * warm) > 100]
        if not long:
            return None
        init_ms = max(0.0, statistics.median(long) - placement)
    return (warm, place_ms, init_ms) if place_ms > 0 else None


def unit_rates(made, units, operations):
    """(table, meter, week, caller) → units of a call for one that is assumed.

    `made` is (date, table, operation, bin, caller) → calls, `units` (table, meter, bin) → units that AWS counted, and
    `operations` operation → (meter, units assumed of a call).
    """
    of_day = defaultdict(lambda: defaultdict(lambda: defaultdict(lambda: [0.0, 0.0])))
    named, loops = {}, set()
    for (date, table, operation, start, caller), count in made.items():
        if operation.removesuffix(" repeated") in operations and count > 0:
            meter, weight = operations[operation.removesuffix(" repeated")]
            own = of_day[table, meter, date][start][caller]
            own[0] += count * weight
            own[1] += count * weight * weight
            named[caller] = operation
            if operation.endswith(" repeated"):
                loops.add((table, meter, start))
    weeks = defaultdict(lambda: [defaultdict(float), defaultdict(float), False, 0, [0.0, 0.0]])
    for (table, meter, date), bins in of_day.items():
        counted = {at: units.get((table, meter, at)) for at in bins}
        products, amounts = sums_of_a_day(bins, counted)
        for later in (0, 1):
            week = weeks[table, meter, date // WEEK * WEEK + later * WEEK]
            week[2] |= later == 0
            week[3] += sum(count is not None for count in counted.values())
            steady = [start for start in bins if (table, meter, start) not in loops]
            week[4][0] += sum(counted[start] or 0.0 for start in steady)
            week[4][1] += sum(amount for start in steady for amount, _ in bins[start].values())
            for key, value in products.items():
                week[0][key] += value
            for key, value in amounts.items():
                week[1][key] += value
    rates = {}
    for (table, meter, week), (products, amounts, own, bins, steady) in weeks.items():
        if own:
            for caller, rate in solved(products, amounts, named, bins, steady).items():
                rates[table, meter, week, caller] = rate
    return rates


def largest(amounts):
    ranked = sorted((c for c in amounts if c not in ("", "others")), key=lambda c: (-amounts[c], c))
    return set(ranked[:MOST_CALLERS])


def sums_of_a_day(bins, units):
    sizes = defaultdict(float)
    for callers in bins.values():
        for caller, (amount, _) in callers.items():
            sizes[caller] += amount
    large = largest(sizes)
    products, amounts = defaultdict(float), defaultdict(float)
    for start, callers in bins.items():
        terms = defaultdict(float)
        for caller, (amount, _) in callers.items():
            terms[caller if caller in large else "others"] += amount
        called = sum(terms.values())
        variance = sum(v for _, v in callers.values()) + (0.05 * called) ** 2
        if units[start] is not None:
            terms[""] = units[start]
        for one, amount in terms.items():
            amounts[one] += amount
            for two, other in terms.items():
                products[one, two] += amount * other / variance
    return products, amounts


def solved(products, amounts, named, bins, steady):
    """The least squares of a week, with what is assumed before the data is seen: caller → rate."""
    large = largest(amounts)
    merge = lambda caller: caller if caller == "" or caller in large else "others"
    merged, sizes = defaultdict(float), defaultdict(float)
    for (one, two), value in products.items():
        merged[merge(one), merge(two)] += value
    for caller, value in amounts.items():
        sizes[merge(caller)] += value
    callers = sorted(caller for caller in sizes if caller != "")
    called = sum(sizes[caller] for caller in callers)
    scale = sizes.get("", 0.0) / called if called > 0 else 0.0
    if steady[0] > 0 and steady[1] > 0:
        scale = steady[0] / steady[1]
    if scale <= 0:
        return {}
    operation = {caller: named.get(caller, "others") for caller in callers}
    alike = {one: sum(operation[two] == operation[one] for two in callers) for one in callers}
    observed = numpy.array([[merged[one, two] for two in callers] for one in callers])
    towards = numpy.array([merged[one, ""] / scale for one in callers])
    share = numpy.array([1 / (1 / 9 + alike[one]) for one in callers])
    assumed = numpy.array(
        [
            [9 * ((one == two) - share[i]) if operation[one] == operation[two] else 0.0 for two in callers]
            for i, one in enumerate(callers)
        ]
    )
    units = lambda noise: numpy.linalg.solve(observed / noise + assumed, towards / noise + share)
    left = merged["", ""] / scale**2 / 0.4 + share.sum() - (towards / 0.4 + share) @ units(0.4)
    noise = min(4.0, max(0.01, 0.4 * float(left) / bins))
    return {caller: scale * max(0.02, float(rate)) for caller, rate in zip(callers, units(noise))}
