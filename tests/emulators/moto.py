"""Collects inventory and cost from moto, an emulator that others wrote, and checks the lake.

MILLICENT names the binary. moto has no CBOR CloudWatch and answers GetTraceSummaries with a shape that the Rust SDK
rejects, so metrics and traces are left out here.
"""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from decimal import Decimal
from pathlib import Path

import boto3
from deltalake import DeltaTable

REGION = "eu-central-1"
FUNCTIONS = 60  # more than one page of ListFunctions
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def seed_inventory(endpoint):
    """Functions, and a REST API with two routes on the first of them."""
    client = lambda name: boto3.client(name, endpoint_url=endpoint, **KEYS)
    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return 1")
    lam = client("lambda")
    arns = []
    for i in range(FUNCTIONS):
        created = lam.create_function(
            FunctionName=f"f-{i:03}", Runtime="python3.12", Role=role, Handler="index.handler",
            Code={"ZipFile": buffer.getvalue()}, MemorySize=128 + 64 * (i % 4), Tags={"team": "shop"},
        )
        arns.append(created["FunctionArn"])
    api = client("apigateway")
    rest = api.create_rest_api(name="shop")["id"]
    root = api.get_resources(restApiId=rest)["items"][0]["id"]
    orders = api.create_resource(restApiId=rest, parentId=root, pathPart="orders")["id"]
    order = api.create_resource(restApiId=rest, parentId=orders, pathPart="{id}")["id"]
    for resource, method in ((orders, "POST"), (order, "GET")):
        api.put_method(restApiId=rest, resourceId=resource, httpMethod=method, authorizationType="NONE")
        api.put_integration(
            restApiId=rest, resourceId=resource, httpMethod=method, type="AWS_PROXY", integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arns[0]}/invocations",
        )
        api.put_integration_response(restApiId=rest, resourceId=resource, httpMethod=method, statusCode="200")
    api.create_deployment(restApiId=rest, stageName="prod")


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
    moto = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "MOTO_LAMBDA_CONCURRENCY_QUOTA": "100000"},
    )
    try:
        wait_for(f"{endpoint}/moto-api/")
        seed_inventory(endpoint)
        usage = [
            group("AWS Lambda", "EUC1-Lambda-GB-Second", "12.3456789012", "740740.7"),
            group("Amazon API Gateway", "EUC1-ApiGatewayRequest", "3.5000000000", "1000000"),
            group("Amazon DynamoDB", "EUC1-WriteRequestUnits", "0.0000000001", "0.0000008"),
        ]
        other = [group("Tax", "Tax", "1.9000000000", "0"), group("AWS Lambda", "Credit", "-2.0000000000", "0")]
        seed_cost(endpoint, usage, other)
        with tempfile.TemporaryDirectory() as folder:
            lake = Path(folder) / "lake"
            config = Path(folder) / "millicent.toml"
            config.write_text(
                f'[lake]\npath = "{lake}"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{endpoint}"\n'
                '[collect]\nsources = ["discovery", "cost"]\nhistory = "1d"\n'
            )
            env = {**os.environ, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
            subprocess.run(
                [os.environ["MILLICENT"], "collect", "--once", "--config", str(config)], check=True, env=env, timeout=300
            )
            resources = DeltaTable(str(lake / "resources")).to_pyarrow_table().to_pylist()
            functions = {r["name"]: dict(r["configuration"]) for r in resources if r["kind"] == "function"}
            assert len(functions) == FUNCTIONS, len(functions)
            assert functions["f-001"]["memory_mb"] == "192", functions["f-001"]
            routes = {r["name"]: dict(r["configuration"]) for r in resources if r["kind"] == "route"}
            assert set(routes) == {"POST /orders", "GET /orders/{id}"}, routes
            assert all(r["integration_target"] == "f-000" for r in routes.values()), routes
            costs = DeltaTable(str(lake / "costs")).to_pyarrow_table().to_pylist()
            amounts = sorted(r["cost_usd"] for r in costs)
            expected = sorted(
                Decimal(g["Metrics"]["UnblendedCost"]["Amount"]) for g in usage + other
            )
            assert amounts == expected, (amounts, expected)
            assert {r["record_type"] for r in costs} >= {"Tax", "Credit"}, costs
            print(f"moto: {len(functions)} functions, {len(routes)} routes, {len(costs)} cost lines, "
                  f"{sum(amounts)} USD: as seeded")
    finally:
        moto.terminate()
        moto.wait()


if __name__ == "__main__":
    main()
