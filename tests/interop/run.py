"""Reads a lake as other programs do: Python's deltalake (delta-rs), DuckDB and Polars.

    run.py               writes a sample lake with the project's own writer, and checks it
    run.py --lake PATH   reads any lake, and checks that the engines agree on it

Prints what was found as JSON. DuckDB's delta extension cannot be had everywhere, so DuckDB reads the files that the Delta
log names.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parents[2]
TABLES = ["metrics", "spans", "costs", "resources", "collections", "alert_events", "latency_histograms"]
MONEY = {"costs": ["cost_usd", "quantity"], "collections": ["cost_usd"]}
MAPS = {"spans": ["annotations"], "costs": ["tags"], "resources": ["configuration", "tags"], "alert_events": ["labels"]}


def write_sample(folder):
    """The writer is an example of the lake's crate. Building the whole workspace keeps what is built already."""
    command = ["cargo", "build", "--quiet", "--workspace", "--example", "write_sample"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    writer = target / "debug" / "examples" / "write_sample"
    return json.loads(subprocess.run([writer, folder], check=True, capture_output=True, text=True).stdout)


def types(table, schema):
    """The column types that another engine has to see."""
    want = {"date": pa.date32()}
    want |= {column: pa.decimal128(38, 12) for column in MONEY.get(table, [])}
    for time in ("ts", "trace_ts", "window_end", "collected_at", "since"):
        if time in schema.names:
            want[time] = pa.timestamp("us", tz="UTC")
    for column, expected in want.items():
        assert schema.field(column).type == expected, f"{table}.{column} is {schema.field(column).type}, not {expected}"
    for column in MAPS.get(table, []):
        assert pa.types.is_map(schema.field(column).type), f"{table}.{column} is {schema.field(column).type}"


def by_deltalake(table, rows):
    window = "trace_ts" if table == "spans" else "ts"
    found = {"rows": rows.num_rows, "first": str(pc.min(rows[window])), "last": str(pc.max(rows[window]))}
    found["decimals"] = {c: pc.sum(rows[c]).as_py() or Decimal(0) for c in MONEY.get(table, [])}
    found["entries"] = {c: sum(len(m) for m in rows[c].to_pylist() if m) for c in MAPS.get(table, [])}
    found["nulls"] = {c: rows[c].null_count for c in rows.column_names}
    if table == "metrics":
        found["sums"] = {"sum": pc.sum(rows["sum"]).as_py()}
    return found


def by_duckdb(table, files):
    if not files:
        return {"rows": 0}
    files = [unquote(file.removeprefix("file://")) for file in files]
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    source = "read_parquet($files, hive_partitioning = true)"
    ask = lambda sql: con.execute(f"select {sql} from {source}", {"files": files}).fetchone()
    described = con.execute(f"describe select * from {source}", {"files": files}).fetchall()
    kinds = {name: kind for name, kind, *_ in described}
    found = {"rows": ask("count(*)")[0]}
    for column in MONEY.get(table, []):
        assert kinds[column] == "DECIMAL(38,12)", f"DuckDB has {table}.{column} as {kinds[column]}"
    found["decimals"] = {c: ask(f"sum({c})")[0] or Decimal(0) for c in MONEY.get(table, [])}
    for column in MAPS.get(table, []):
        assert kinds[column] == "MAP(VARCHAR, VARCHAR)", f"DuckDB has {table}.{column} as {kinds[column]}"
    found["entries"] = {c: ask(f"coalesce(sum(cardinality({c})), 0)::bigint")[0] for c in MAPS.get(table, [])}
    assert kinds["date"] == "DATE" and kinds["ts"] == "TIMESTAMP WITH TIME ZONE", kinds
    window = "trace_ts" if table == "spans" else "ts"
    assert ask(f"count(*) filter (date <> ({window} at time zone 'UTC')::date)")[0] == 0, f"{table}: wrong partition"
    found["nulls"] = {c: ask(f'count(*) - count("{c}")')[0] for c in kinds}
    if table == "metrics":
        found["sums"] = {"sum": ask("sum(sum)")[0]}
    return found


def by_polars(table, path):
    """Polars reads maps as lists of structs, and money as decimals."""
    frame = polars.scan_delta(str(path))
    kinds = frame.collect_schema()
    asked = [polars.len().alias("rows")]
    asked += [polars.col(c).null_count().alias(f"nulls {c}") for c in kinds.names()]
    for column in MONEY.get(table, []):
        assert kinds[column] == polars.Decimal(38, 12), f"Polars has {table}.{column} as {kinds[column]}"
        asked.append(polars.col(column).sum().alias(f"decimals {column}"))
    if table == "metrics":
        asked.append(polars.col("sum").sum().alias("sums sum"))
    row = frame.select(asked).collect().row(0, named=True)
    found = {"rows": row.pop("rows")}
    for name, value in row.items():
        kind, column = name.split(" ", 1)
        found.setdefault(kind, {})[column] = value
    return found


def agree(what, found, expected):
    for key, value in expected.items():
        if isinstance(value, dict):
            agree(f"{what}.{key}", found[key], value)
        elif isinstance(found[key], Decimal):
            assert found[key] == Decimal(value), f"{what}.{key}: {found[key]}, not {value}"
        else:
            assert found[key] == value, f"{what}.{key}: {found[key]}, not {value}"


def check(lake, expected):
    result = {}
    for table in TABLES:
        path = lake / table
        delta = DeltaTable(str(path))
        assert delta.metadata().partition_columns == ["date"], table
        dataset = delta.to_pyarrow_dataset()
        types(table, dataset.schema)
        rows = dataset.to_table()
        found = by_deltalake(table, rows)
        agree(f"DuckDB's {table}", found, by_duckdb(table, delta.file_uris()))
        agree(f"Polars' {table}", found, by_polars(table, path))
        if expected:
            agree(table, found, expected[table])
        if found["rows"]:
            day = pc.max(rows["date"])
            of_day = dataset.to_table(filter=pc.field("date") == day).num_rows
            assert of_day == pc.sum(pc.equal(rows["date"], day)).as_py(), f"{table} of {day}"
        result[table] = {k: v for k, v in found.items() if k != "nulls"}
        result[table] |= {"version": delta.version(), "files": len(delta.file_uris())}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", type=Path, help="a lake that stands, instead of a sample")
    lake = parser.parse_args().lake
    if lake:
        result = check(lake, None)
    else:
        with tempfile.TemporaryDirectory() as folder:
            expected = write_sample(folder)
            result = check(Path(folder), expected)
    json.dump(result, sys.stdout, indent=2, default=str)
    print()


if __name__ == "__main__":
    main()
