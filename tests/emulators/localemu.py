"""Collects inventory and metrics from LocalEmu, an emulator that others wrote, and checks the lake.

MILLICENT names the binary. LocalEmu wants Python 3.13, and is left out where there is none. Its CloudWatch, over CBOR, knows order and
paging; it sums over dimension sets, so that each metric is seeded under one, and has no percentiles, no Cost Explorer and no
whole X-Ray summaries.
"""

import datetime
import shutil
import subprocess
import tempfile
from pathlib import Path

from account import Seed, check, collect, free_port, installed, rows, serve, unread, wait_for

# Its tagging service knows APIs, but neither functions nor tables.
LACKING = ["tags"]
MINUTES = 3
FUNCTIONS = 55
# On a busy machine it was once seen to answer without the first functions' points.
ATTEMPTS = 3


def python():
    """A Python 3.13 that runs; None without one."""
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python3.13"))
    for found in filter(None, [shutil.which("python3.13"), *pyenv]):
        try:
            if subprocess.run([found, "-c", "import venv"], capture_output=True).returncode == 0:
                return str(found)
        except OSError:
            continue
    return None


def put_metrics(seed):
    """Three minutes of every function, two hours ago: what is settled is read once."""
    start = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0) - datetime.timedelta(hours=2)
    cloudwatch = seed.client("cloudwatch")
    for number in range(FUNCTIONS):
        dimensions = [{"Name": "FunctionName", "Value": f"f-{number:03}"}]
        data = [
            {
                "MetricName": "Invocations", "Dimensions": dimensions, "Value": number + minute + 1, "Unit": "Count",
                "Timestamp": start + datetime.timedelta(minutes=minute),
            }
            for minute in range(MINUTES)
        ]
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=data)


def invocations(lake):
    found = {}
    for row in rows(lake, "metrics"):
        if row["metric"] == "Invocations" and row["period_s"] == 60:
            found.setdefault(row["resource"], []).append((row["ts"], row["sum"]))
    return {name: [value for _, value in sorted(points)] for name, points in found.items()}


def main():
    interpreter = python()
    if interpreter is None:
        print("LocalEmu: left out, there is no Python 3.13")
        return
    program = installed("localemu", ["localemu==1.3.2"], "localemu", interpreter)
    if program is None:
        return
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    emulator = serve(
        [program, "start", "--host", "127.0.0.1", "--port", str(port)],
        GATEWAY_SERVER="hypercorn", GATEWAY_LISTEN=f"127.0.0.1:{port}",
    )
    try:
        wait_for(endpoint, 120)
        seed = Seed(endpoint, FUNCTIONS, without=LACKING)
        seed.all()
        put_metrics(seed)
        expected = {f"f-{n:03}": [n + minute + 1 for minute in range(MINUTES)] for n in range(FUNCTIONS)}
        for attempt in range(ATTEMPTS):
            with tempfile.TemporaryDirectory() as folder:
                lake, run = collect(endpoint, folder, ["discovery", "lambda-metrics"], 'history = "6h"\n')
                resources = check(lake, seed)
                assert unread(lake) == set(), unread(lake)
                told = invocations(lake)
            if told == expected:
                break
            print(f"LocalEmu gave the points of {len(told)} functions: {run.stdout}{run.stderr}")
        assert told == expected, told
    finally:
        emulator.terminate()
        try:
            emulator.wait(timeout=10)
        except subprocess.TimeoutExpired:
            emulator.kill()  # it stops its services, and then goes on
            emulator.wait()
    print(f"LocalEmu: {resources} resources and {FUNCTIONS * MINUTES} points of metrics as seeded")


if __name__ == "__main__":
    main()
