"""Collects inventory and metrics from MiniStack, an emulator that others wrote, and checks the lake.

MILLICENT names the binary. Unlike moto, MiniStack speaks the CBOR that the Rust SDK sends to CloudWatch. It sums over
dimension sets and has neither X-Ray nor Cost Explorer, so each metric is seeded under one set, and the rest left out.
"""

import datetime
import tempfile

from account import Seed, check, collect, free_port, installed, rows, serve, unread, wait_for

# MiniStack has no call for metrics configurations, and refuses notifications to functions.
LACKING = ["bucket-metrics", "notifications"]


def put_metrics(seed):
    """Three minutes of one function, two hours ago: what is settled is read once."""
    start = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0) - datetime.timedelta(hours=2)
    dimensions = [{"Name": "FunctionName", "Value": "f-000"}]
    data = []
    for minute, (count, durations) in enumerate([(2, [10.0, 30.0]), (1, [20.0]), (4, [1.0, 2.0, 3.0, 4.0])]):
        ts = start + datetime.timedelta(minutes=minute)
        data.append({"MetricName": "Invocations", "Dimensions": dimensions, "Timestamp": ts, "Value": count})
        for value in durations:
            data.append({"MetricName": "Duration", "Dimensions": dimensions, "Timestamp": ts, "Value": value,
                         "Unit": "Milliseconds"})
    seed.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=data)


def main():
    program = installed("ministack", ["ministack==1.5.33", "cbor2"], "ministack")
    if program is None:
        return
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    emulator = serve([program], BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port))
    try:
        wait_for(endpoint)
        seed = Seed(endpoint, 55, without=LACKING)
        seed.all()
        put_metrics(seed)
        with tempfile.TemporaryDirectory() as folder:
            lake, run = collect(endpoint, folder, ["discovery", "lambda-metrics"], 'history = "6h"\n')
            resources = check(lake, seed)
            assert unread(lake) == {"s3:GetMetricsConfiguration"}, unread(lake)
            points = [r for r in rows(lake, "metrics") if r["resource"] == "f-000" and r["period_s"] == 60]
            told = {
                metric: [r[column] for r in sorted(points, key=lambda r: r["ts"]) if r["metric"] == metric]
                for metric, column in (("Invocations", "sum"), ("Duration", "sample_count"))
            }
            assert told == {"Invocations": [2, 1, 4], "Duration": [2, 1, 4]}, told
            sums = [r["sum"] for r in sorted(points, key=lambda r: r["ts"]) if r["metric"] == "Duration"]
            assert sums == [40, 20, 10], sums
    finally:
        emulator.terminate()
        emulator.wait()
    print(f"MiniStack: {resources} resources and {len(points)} points of metrics as seeded")


if __name__ == "__main__":
    main()
