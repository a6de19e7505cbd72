"""Computes three days' attribution again, from the lake's tables and without the SQL, and holds the answers against it.

    recompute.py               collects a simulated account with the binary that MILLICENT names, with and without a bill by
                               resource, and checks it
    recompute.py --lake PATH   checks a lake that stands

attribution.py has the rules and says what it takes as given. Held against it, each within 1e-9: every part of every line of the
bill that `millicent export` writes, read by DuckDB from Parquet and by Polars from CSV, which add up to the lake's own bill
exactly; and what `cost-by-route-and-service` answers of the last day. Prints what was found as JSON.
"""

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars

from attribution import DAY, SECOND, attribute, read

CLOSE = Decimal("1e-9")
GIVEN = """
select 'meters' as kind, service as a, usage_type as b, meter as c, reason as d, cast(counted as varchar) as e, 0.0 as x
from meters
union all select 'operations', service, operation, meter, null, null, weight from operations
union all select 'prefixes', prefix, region, null, null, null, 0.0 from region_prefixes
"""


def millicent(folder, *arguments):
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    run = subprocess.run([os.environ["MILLICENT"], *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, f"{arguments}: {run.stdout}{run.stderr}"
    return run.stdout


def collect(folder, exports):
    """A week of the simulated shop in `folder`/lake, with the bill of its export too if asked for."""
    command = [os.environ["MILLICENT"], "simulate", "--listen", "127.0.0.1:0", "--days", "7"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        export = '[[exports]]\npath = "s3://millicent-exports/cur"\n' if exports else ""
        (folder / "millicent.toml").write_text(
            f'[aws]\nregion = "eu-central-1"\nendpoint_url = "{url}"\n[collect]\nhistory = "6d"\n'
            f"[traces]\nsampling_rate = 0.1\nbackfill_sampling_rate = 0.1\n{export}"
        )
        millicent(folder, "collect", "--once", "--lake", str(folder / "lake"))
    finally:
        server.terminate()
        server.wait(timeout=30)
    return folder / "lake"


def ask(folder, lake, sql):
    rows = json.loads(millicent(folder, "sql", "--lake", str(lake), "--format", "json", sql))
    return [SimpleNamespace(**row) for row in rows]


def given(folder, lake):
    """What attribution.py does not compute itself."""
    rows = ask(folder, lake, GIVEN)
    assert len(rows) < 100_000, "an answer has no more rows than that"
    of = lambda kind: [row for row in rows if row.kind == kind]
    return SimpleNamespace(
        meters={(row.a, row.b): (row.c, row.e == "true", row.d) for row in of("meters")},
        calls={(row.a, row.b): (row.c, row.x) for row in of("operations")},
        dynamodb={row.b: (row.c, row.x) for row in of("operations") if row.a == "DynamoDB"},
        prefixes={row.a for row in of("prefixes")},
    )


def three_days(lake):
    """The last three days that are settled and have metrics of the whole day."""
    billed = {row.date for row in read(lake, "costs", ["date"])}
    first = min(row.ts for row in read(lake, "metrics", ["ts"]))
    last = max(row.collected_at for row in read(lake, "collections", ["collected_at"])) - 3 * DAY
    days = sorted(day for day in billed if first <= day <= last)[-3:]
    assert len(days) == 3, f"the lake has {len(days)} settled days"
    return days


def day_of(micros):
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)).date()


def exported(folder, lake, days):
    """(day, account, region, service, usage type, record type) → {(place, api, stage, route, trigger): cost}, as exported."""
    bounds = ["--from", str(day_of(days[0])), "--to", str(day_of(days[-1] + DAY)), "--lake", str(lake), "--output"]
    parquet, text = folder / "bill.parquet", folder / "bill.csv.gz"
    millicent(folder, "export", *bounds, str(parquet))
    millicent(folder, "export", *bounds, str(text))
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    source = f"read_parquet('{parquet}')"
    kinds = {name: kind for name, kind, *_ in con.execute(f"describe select * from {source}").fetchall()}
    assert kinds["BilledCost"] == "DECIMAL(38,12)" and kinds["ChargePeriodStart"] == "TIMESTAMP WITH TIME ZONE", kinds
    columns = "SubAccountId, RegionId, ServiceName, x_UsageType, x_RecordType, x_Place, x_Api, x_Stage, x_Route, x_Trigger"
    rows = con.execute(f"select epoch_us(ChargePeriodStart), {columns}, BilledCost from {source}").fetchall()
    other = polars.read_csv(text, infer_schema=False).select(["ChargePeriodStart", *columns.split(", "), "BilledCost"]).rows()
    result, again = (defaultdict(lambda: defaultdict(Decimal)) for _ in range(2))
    for day, account, region, service, usage_type, record_type, *part, cost in rows:
        result[day, account, region, service, usage_type, record_type][tuple(part)] += cost
    for day, account, region, service, usage_type, record_type, *part, cost in other:
        start = round(datetime.fromisoformat(day).timestamp()) * SECOND
        again[start, account, region, service, usage_type, record_type][tuple(part)] += Decimal(cost)
    # Two runs: fractions are summed in another order, and may differ in the twelfth place; the bill does not.
    sums = [sum(cost for line in one.values() for cost in line.values()) for one in (result, again)]
    assert sums[0] == sums[1], f"Parquet adds up to {sums[0]}, CSV to {sums[1]}"
    problems = [problem for line in result.keys() | again.keys() for problem in differences(str(line), again[line], result[line])]
    assert not problems, "Parquet and CSV differ:\n" + "\n".join(problems[:20])
    return result, len(rows)


def by_route_and_service(folder, lake, day):
    answer = millicent(
        folder, "report", "cost-by-route-and-service", "--lake", str(lake), "--format", "csv",
        "-p", f"from={day_of(day)}", "-p", f"to={day_of(day + DAY)}",
    )
    result = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(answer)):
        result[*(row[name] or None for name in ("api", "stage", "route", "trigger", "service"))] += Decimal(row["cost_usd"])
    return result


def differences(what, found, expected):
    """Every difference beyond 1e-9; a part that is not there is one of nothing."""
    for key in found.keys() | expected.keys():
        one, other = found.get(key, Decimal(0)), expected.get(key, Decimal(0))
        if abs(one - other) > CLOSE * max(1, abs(other)):
            yield f"{what} {key}: {one}, computed again {other}"


def check(folder, lake):
    days = three_days(lake)
    computed = attribute(lake, given(folder, lake), set(days))
    written, rows = exported(folder, lake, days)
    problems, parts = [], 0
    for line in computed.keys() | written.keys():
        free = not any(written[line].values()) and not any(computed.get(line, {}).values())
        if not free:
            parts += len(computed.get(line, {}))
            problems += differences(str(line), written[line], computed.get(line, {}))
    bill = sum(row.cost_usd for row in read(lake, "costs", ["date", "cost_usd", "source"]) if row.date in days and row.source == "cost-explorer")
    total = sum(cost for line in written.values() for cost in line.values())
    if {row.source for row in read(lake, "costs", ["source"])} == {"cost-explorer"}:
        assert total == bill, f"exported {total}, billed {bill}"
    of_lines = sum(cost for line in computed.values() for cost in line.values())
    assert total == of_lines, f"exported {total}, the lines come to {of_lines}"
    last, expected = days[-1], defaultdict(Decimal)
    for line, costs in computed.items():
        for (_, *entry), cost in costs.items():
            expected[*entry, line[3]] += cost if line[0] == last else 0
    problems += differences(f"report of {day_of(last)}", by_route_and_service(folder, lake, last), expected)
    assert not problems, f"{len(problems)} differences:\n" + "\n".join(sorted(problems)[:40])
    places = defaultdict(Decimal)
    for costs in computed.values():
        for (place, *_), cost in costs.items():
            places[place] += cost
    return {"days": [str(day_of(day)) for day in days], "lines": len(computed), "parts": parts, "rows": rows, "usd": total} | places


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", type=Path, help="a lake that stands, instead of one that is collected now")
    lake = parser.parse_args().lake
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if lake:
            result = check(folder, lake.resolve())
        else:
            result = {}
            # A bill that says for whom, and one that doesn't.
            for name, exports in (("cost explorer", False), ("export", True)):
                (folder / name).mkdir()
                result[name] = check(folder / name, collect(folder / name, exports))
    json.dump(result, sys.stdout, indent=2, default=str)
    print()


if __name__ == "__main__":
    main()
