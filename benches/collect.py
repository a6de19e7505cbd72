"""Collects metrics of a simulated account with Millicent, and with what a user would write instead: boto3
and threads. Same endpoint, same time, same metrics and statistics, one after the other.

    MILLICENT=target/release/millicent python benches/collect.py [--estate shop] [--hours 24] [--longer 72]

Prints data points a second, CPU seconds and peak memory of each process and their ratios, and
Millicent's peak memory over a longer history. Needs boto3.
"""

import argparse
import csv
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

UTC = dt.timezone.utc
SOURCES = [
    "discovery",
    "lambda-metrics",
    "apigateway-metrics",
    "dynamodb-metrics",
    "s3-metrics",
    "states-metrics",
    "logs-metrics",
]
NAMESPACES = ["AWS/Lambda", "AWS/ApiGateway", "AWS/DynamoDB", "AWS/S3", "AWS/States", "AWS/Logs"]
LATENCY = ["SampleCount", "Sum", "p50", "p95", "p99"]
LATENCIES = {
    "Duration",
    "Latency",
    "IntegrationLatency",
    "SuccessfulRequestLatency",
    "FirstByteLatency",
    "TotalRequestLatency",
    "ExecutionTime",
    "AsyncEventAge",
}
# Levels that would count again, or that nobody asks for.
LEFT_OUT = [{"ApiName"}, {"ApiId"}, {"FunctionName", "Resource"}, set(), {"BucketName", "StorageType"}]
QUERIES = 500
POINTS = 100_800
THREADS = 8
# By the minute for so long, before that by five minutes.
FINE = dt.timedelta(hours=6)


def statistics(metric):
    if metric["MetricName"] in LATENCIES:
        return LATENCY
    if metric["MetricName"] in {"ConcurrentExecutions", "IteratorAge"}:
        return ["Maximum"]
    return ["Sum"]


def plain(url, hours, out):
    """The plain collector: lists metrics, asks for them in threads, writes rows as CSV."""
    now = dt.datetime.fromisoformat(about(url)["now"])
    hour = now.replace(minute=0, second=0, microsecond=0)
    start = hour - dt.timedelta(hours=hours)
    spans = [(start, hour - FINE, 300), (max(start, hour - FINE), now, 60)]
    lock = threading.Lock()
    count = 0

    with open(out, "w", newline="") as file:
        writer = csv.writer(file)

        def ask(job):
            nonlocal count
            cloudwatch, place, some, start, end, period = job
            asked = [
                {"Id": f"q{n}", "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}
                for n, (metric, statistic) in enumerate(some)
            ]
            pages = cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=asked, StartTime=start, EndTime=end
            )
            for page in pages:
                rows = []
                for result in page["MetricDataResults"]:
                    metric, statistic = some[int(result["Id"][1:])]
                    key = [*place, metric["Namespace"], metric["MetricName"], statistic]
                    key += [d["Value"] for d in metric["Dimensions"]]
                    rows += [[*key, t.isoformat(), v] for t, v in zip(result["Timestamps"], result["Values"])]
                with lock:
                    writer.writerows(rows)
                    count += len(rows)

        jobs = []
        for place, cloudwatch in clients(url):
            metrics = []
            for namespace in NAMESPACES:
                for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace):
                    for metric in page["Metrics"]:
                        if {d["Name"] for d in metric["Dimensions"]} not in LEFT_OUT:
                            metrics.append(metric)
            queries = [(metric, statistic) for metric in metrics for statistic in statistics(metric)]
            for start, end, period in spans:
                if start >= end:
                    continue
                size = min(QUERIES, max(1, POINTS // int((end - start).total_seconds() // period)))
                for at in range(0, len(queries), size):
                    jobs.append((cloudwatch, place, queries[at : at + size], start, end, period))
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(ask, jobs))
    print(count)


def clients(url):
    """A client of CloudWatch for every account and Region; other accounts than the first by a role."""
    import boto3
    from botocore.config import Config

    for n, account in enumerate(about(url)["accounts"]):
        keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "example"}
        if n > 0:
            sts = boto3.client("sts", endpoint_url=url, region_name=account["regions"][0], **keys)
            role = {"RoleArn": role_arn(account), "RoleSessionName": "bench"}
            if account["external_id"]:
                role["ExternalId"] = account["external_id"]
            given = sts.assume_role(**role)["Credentials"]
            keys = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        for region in account["regions"]:
            config = Config(max_pool_connections=THREADS, retries={"total_max_attempts": 5})
            client = boto3.client("cloudwatch", endpoint_url=url, region_name=region, config=config, **keys)
            yield (account["account_id"], region), client


def role_arn(account):
    return f"arn:aws:iam::{account['account_id']}:role/millicent"


def about(url):
    with urllib.request.urlopen(f"{url}/_simulator") as answer:
        return json.load(answer)


def run(command, **options):
    """Runs to the end: output, wall seconds, CPU seconds, peak megabytes."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(command, stdout=out, stderr=said, text=True, **options)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        out.seek(0)
        said.seek(0)
        if child.returncode != 0:
            raise SystemExit(f"{command} ended with {child.returncode}: {out.read()}{said.read()}")
        return out.read(), wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def configuration(url, hours):
    sources = ", ".join(f'"{source}"' for source in SOURCES)
    lines = [
        "[aws]",
        f'region = "{about(url)["region"]}"',
        f'endpoint_url = "{url}"',
        "[collect]",
        f"sources = [{sources}]",
        f'history = "{hours}h"',
    ]
    for n, account in enumerate(about(url)["accounts"]):
        lines += ["[[accounts]]", f'name = "account-{n}"', f"regions = {json.dumps(account['regions'])}"]
        if n > 0:
            lines.append(f'role_arn = "{role_arn(account)}"')
            if account["external_id"]:
                lines.append(f'external_id = "{account["external_id"]}"')
    return "\n".join(lines) + "\n"


def millicent(binary, url, hours, folder):
    folder.mkdir()
    (folder / "millicent.toml").write_text(configuration(url, hours))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    options = {"cwd": folder, "env": environment}
    _, wall, cpu, peak = run([binary, "collect", "--once"], **options)
    columns = ["sample_count", "sum", "min", "max", "p50", "p95", "p99"]
    count = " + ".join(f'count("{column}")' for column in columns)
    told, *_ = run([binary, "sql", "--format", "csv", f"SELECT {count} FROM metrics"], **options)
    return int(told.splitlines()[1]), wall, cpu, peak


def line(name, points, wall, cpu, peak):
    print(
        f"{name:28} {points:>12,} {wall:>9.1f} {points / wall:>12,.0f} {cpu:>9.2f} "
        f"{1e6 * cpu / max(points, 1):>9.2f} {peak:>8.0f}",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--estate", default="shop", help="what `millicent simulate --estate` serves")
    options.add_argument("--hours", type=int, default=24)
    options.add_argument("--longer", type=int, default=72, help="hours of the run that shows whether memory grows")
    options.add_argument("--plain", nargs=3, metavar=("URL", "HOURS", "CSV"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.plain:
        url, hours, out = chosen.plain
        return plain(url, int(hours), out)

    binary = Path(os.environ.get("MILLICENT", "target/release/millicent")).resolve()
    command = [binary, "simulate", "--listen", "127.0.0.1:0", "--estate", chosen.estate]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        # The first line is the address.
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            # What the simulator has computed once it keeps, so nobody is measured on it: the first run is
            # thrown away.
            millicent(binary, url, chosen.hours, scratch / "first")
            print(f"{binary}, {chosen.estate}, {chosen.hours} hours")
            print(f"{'':28} {'points':>12} {'seconds':>9} {'points/s':>12} {'CPU s':>9} {'µs/point':>9} {'peak MB':>8}")
            ours = millicent(binary, url, chosen.hours, scratch / "ours")
            line("Millicent", *ours)
            # Its rows are made and thrown away: of a day they would be a gigabyte.
            command = [sys.executable, "-B", __file__, "--plain", url, str(chosen.hours), os.devnull]
            told, *used = run(command)
            theirs = (int(told), *used)
            line(f"boto3, {THREADS} threads", *theirs)
            cpu = (theirs[2] / theirs[0]) / (ours[2] / ours[0])
            speed = (ours[0] / ours[1]) / (theirs[0] / theirs[1])
            print(f"Millicent takes {cpu:.1f} times less CPU a point, at {speed:.1f} times the points a second")
            longer = millicent(binary, url, chosen.longer, scratch / "longer")
            line(f"Millicent, {chosen.longer} hours", *longer)
            print(f"peak memory over {chosen.longer / chosen.hours:.1f} times the history: {longer[3] / ours[3]:.2f} times")
    finally:
        server.terminate()
        server.wait(timeout=60)


if __name__ == "__main__":
    main()
