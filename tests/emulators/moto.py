"""Collects inventory and cost from moto, an emulator that others wrote, and checks the lake.

MILLICENT names the binary. moto has no CBOR CloudWatch and answers GetTraceSummaries with a shape that the Rust SDK
rejects, so metrics and traces are left out here.
"""

import json
import sys
import tempfile
import time
import urllib.request
from decimal import Decimal
from pathlib import Path

from account import Seed, check, collect, free_port, rows, serve, unread, wait_for

FUNCTIONS = 60  # more than one page of ListFunctions
# What moto has no call for. The collector must say so, and read all the rest.
LACKING = ["urls", "bucket-metrics"]
UNREAD = {
    "lambda:ListProvisionedConcurrencyConfigs", "lambda:ListFunctionUrlConfigs", "s3:GetMetricsConfiguration",
}


def group(service, detail, amount, quantity):
    return {
        "Keys": [service, detail],
        "Metrics": {
            "UnblendedCost": {"Amount": amount, "Unit": "USD"},
            "UsageQuantity": {"Amount": quantity, "Unit": "N/A"},
        },
    }


def seed_cost(endpoint, usage_groups, other_groups):
    """moto hands out queued results, one for each new request body, in order."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    period = {"TimePeriod": {"Start": yesterday, "End": today}, "Total": {}, "Estimated": True}
    results = [{"ResultsByTime": [{**period, "Groups": groups}]} for groups in (usage_groups, other_groups)]
    body = json.dumps({"results": results}).encode()
    request = urllib.request.Request(
        f"{endpoint}/moto-api/static/ce/cost-and-usage-results", data=body,
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()


def main():
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).with_name("moto_server")
    moto = serve([program, "-H", "127.0.0.1", "-p", port], MOTO_LAMBDA_CONCURRENCY_QUOTA="100000")
    try:
        wait_for(f"{endpoint}/moto-api/")
        with tempfile.TemporaryDirectory() as folder:
            # An account without anything is an account, too.
            lake, run = collect(endpoint, folder, ["discovery"])
            assert run.returncode == 0, run.stderr
            assert rows(lake, "resources") == [], rows(lake, "resources")
        seed = Seed(endpoint, FUNCTIONS, without=LACKING)
        seed.all()
        usage = [
            group("AWS Lambda", "EUC1-Lambda-GB-Second", "12.3456789012", "740740.7"),
            group("Amazon API Gateway", "EUC1-ApiGatewayRequest", "3.5000000000", "1000000"),
            group("Amazon DynamoDB", "EUC1-WriteRequestUnits", "0.0000000001", "0.0000008"),
        ]
        other = [group("Tax", "Tax", "1.9000000000", "0"), group("AWS Lambda", "Credit", "-2.0000000000", "0")]
        seed_cost(endpoint, usage, other)
        with tempfile.TemporaryDirectory() as folder:
            lake, run = collect(endpoint, folder, ["discovery", "cost"], 'history = "1d"\n')
            resources = check(lake, seed)
            assert unread(lake) == UNREAD, unread(lake)
            costs = rows(lake, "costs")
            amounts = sorted(r["cost_usd"] for r in costs)
            expected = sorted(
                Decimal(g["Metrics"]["UnblendedCost"]["Amount"]) for g in usage + other
            )
            assert amounts == expected, (amounts, expected)
            assert {r["record_type"] for r in costs} >= {"Tax", "Credit"}, costs
    finally:
        moto.terminate()
        moto.wait()
    print(f"moto: {resources} resources and {len(costs)} bill lines as seeded")


if __name__ == "__main__":
    main()
