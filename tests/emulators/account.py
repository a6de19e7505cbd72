"""A serverless account of every kind of resource, seeded with boto3 alone, and what Millicent must find of it.

The names hold spaces, quotes and other scripts wherever AWS allows them. An emulator that lacks a service is seeded
without it: give its name in `without`.
"""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from deltalake import DeltaTable

REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}

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
        except urllib.error.HTTPError:
            return  # it answers, if not this
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class Seed:
    """Makes the account, piece by piece."""

    def __init__(self, endpoint, count=5, without=()):
        self.endpoint = endpoint
        self.count = count
        self.without = set(without)
        self.account = self.client("sts").get_caller_identity()["Account"]

    def client(self, name, region=REGION):
        return boto3.client(name, endpoint_url=self.endpoint, region_name=region, **KEYS)

    def has(self, piece):
        return piece not in self.without

    def all(self):
        for piece in (
            "functions", "aliases", "urls", "queue", "rest", "http", "websocket", "domain", "tables", "buckets",
            "machines", "logs",
        ):
            if self.has(piece):
                getattr(self, piece)()

    def arn(self, number):
        return f"arn:aws:lambda:{REGION}:{self.account}:function:f-{number:03}"

    def invocation(self, number):
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{self.arn(number)}/invocations"

    def functions(self):
        lets = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [lets]})
        role = self.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", "def handler(event, context): return 1")
        for number in range(self.count):
            self.client("lambda").create_function(
                FunctionName=f"f-{number:03}", Runtime="python3.12", Role=role, Handler="index.handler",
                Code={"ZipFile": code.getvalue()}, MemorySize=128 + 64 * (number % 4), Tags={"team": "shop"},
            )

    def aliases(self):
        lam = self.client("lambda")
        version = lam.publish_version(FunctionName="f-000")["Version"]
        lam.create_alias(FunctionName="f-000", Name="live", FunctionVersion=version)

    def urls(self):
        self.client("lambda").create_function_url_config(FunctionName="f-001", AuthType="AWS_IAM")

    def queue(self):
        queue = self.client("sqs").create_queue(QueueName="emails")["QueueUrl"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.client("lambda").create_event_source_mapping(
            FunctionName="f-003", EventSourceArn=attributes["Attributes"]["QueueArn"], BatchSize=7
        )

    def rest(self):
        api = self.client("apigateway")
        rest = api.create_rest_api(name='the "shop" ☕', tags={"team": "shop"})["id"]
        root = api.get_resources(restApiId=rest)["items"][0]["id"]
        orders = api.create_resource(restApiId=rest, parentId=root, pathPart="orders")["id"]
        order = api.create_resource(restApiId=rest, parentId=orders, pathPart="{id}")["id"]
        for resource, method in ((orders, "POST"), (order, "GET")):
            api.put_method(restApiId=rest, resourceId=resource, httpMethod=method, authorizationType="NONE")
            api.put_integration(
                restApiId=rest, resourceId=resource, httpMethod=method, type="AWS_PROXY", integrationHttpMethod="POST",
                uri=self.invocation(0),
            )
            api.put_integration_response(restApiId=rest, resourceId=resource, httpMethod=method, statusCode="200")
        api.create_deployment(restApiId=rest, stageName="prod")
        self.rest_id = rest

    def http(self):
        api = self.client("apigatewayv2")
        http = api.create_api(Name="store front", ProtocolType="HTTP", Tags={"team": "web"})["ApiId"]
        one = api.create_integration(
            ApiId=http, IntegrationType="AWS_PROXY", IntegrationUri=self.arn(1), PayloadFormatVersion="2.0"
        )["IntegrationId"]
        for key in ("GET /stores/{id}", "$default"):
            api.create_route(ApiId=http, RouteKey=key, Target=f"integrations/{one}")
        api.create_stage(ApiId=http, StageName="$default", DefaultRouteSettings={"DetailedMetricsEnabled": True})
        self.http_id = http

    def websocket(self):
        api = self.client("apigatewayv2")
        live = api.create_api(
            Name="live", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        one = api.create_integration(
            ApiId=live, IntegrationType="AWS_PROXY", IntegrationUri=self.invocation(2), IntegrationMethod="POST"
        )["IntegrationId"]
        for key in ("$connect", "track"):
            api.create_route(ApiId=live, RouteKey=key, Target=f"integrations/{one}")
        api.create_stage(ApiId=live, StageName="prod")

    def domain(self):
        api = self.client("apigateway")
        api.create_domain_name(domainName="api.shop.example", certificateName="c", certificateBody="b",
                               certificatePrivateKey="k", certificateChain="n")
        api.create_base_path_mapping(domainName="api.shop.example", restApiId=self.rest_id, basePath="v1", stage="prod")

    def tables(self):
        dynamodb = self.client("dynamodb")
        for number in range(3):
            dynamodb.create_table(
                TableName=f"table.{number}", BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"},
                                      {"AttributeName": "day", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                GlobalSecondaryIndexes=[{
                    "IndexName": "by-day", "Projection": {"ProjectionType": "ALL"},
                    "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}]}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
                Tags=[{"Key": "team", "Value": "data"}],
            )
        dynamodb.create_table(
            TableName="old_table",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 2},
        )

    def buckets(self):
        s3 = self.client("s3")
        place = {"LocationConstraint": REGION}
        for name in ("invoices", "plain.bucket"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        self.client("s3", "us-east-1").create_bucket(Bucket="elsewhere")
        s3.put_bucket_tagging(Bucket="invoices", Tagging={"TagSet": [{"Key": "team", "Value": "orders"}]})
        if self.has("notifications"):
            s3.put_bucket_notification_configuration(
                Bucket="invoices", SkipDestinationValidation=True, NotificationConfiguration={
                    "LambdaFunctionConfigurations": [{
                        "LambdaFunctionArn": self.arn(4), "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "pdf/"}]}}}]})
        if self.has("bucket-metrics"):
            s3.put_bucket_metrics_configuration(
                Bucket="invoices", Id="EntireBucket", MetricsConfiguration={"Id": "EntireBucket"}
            )

    def machines(self):
        pick = {"Type": "Task", "End": True, "Resource": self.arn(1)}
        ship = {
            "Type": "Task", "End": True, "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f-002:live", "Payload.$": "$"},
        }
        branches = [{"StartAt": "A", "States": {"A": state}} for state in (pick, ship)]
        both = {"Type": "Parallel", "End": True, "Branches": branches}
        definition = {"StartAt": "Both", "States": {"Both": both}}
        self.client("stepfunctions").create_state_machine(
            name="fulfil", definition=json.dumps(definition), roleArn=f"arn:aws:iam::{self.account}:role/r", type="EXPRESS"
        )

    def logs(self):
        logs = self.client("logs")
        logs.create_log_group(logGroupName="/aws/lambda/f-000")
        logs.put_retention_policy(logGroupName="/aws/lambda/f-000", retentionInDays=14)
        logs.create_log_group(logGroupName="other")


def collect(endpoint, folder, sources, more=""):
    """Runs the collector once, and gives the lake and what it printed."""
    lake = Path(folder) / "lake"
    config = Path(folder) / "millicent.toml"
    config.write_text(
        f'[lake]\npath = "{lake}"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{endpoint}"\n'
        f"[collect]\nsources = {json.dumps(sources)}\n{more}"
    )
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    command = [os.environ["MILLICENT"], "collect", "--once", "--config", str(config)]
    run = subprocess.run(command, env=env, timeout=300, capture_output=True, text=True)
    return lake, run


def rows(lake, table):
    return DeltaTable(str(lake / table)).to_pyarrow_table().to_pylist()


def serve(command, **environment):
    """Starts an emulator that says nothing."""
    return subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def installed(name, requirement, program, python=sys.executable):
    """The program in an environment of its own, where its dependencies disturb nobody's; None if it can't be had."""
    venv = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "millicent" / f"venv-{name}"
    if not (venv / "bin" / program).exists():
        pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([python, "-m", "venv", venv], [*pip, *requirement]):
            made = subprocess.run([str(part) for part in command], capture_output=True, text=True)
            if made.returncode != 0:
                print(f"{name}: skipped, it can't be installed: {made.stderr.strip().splitlines()[-1:]}")
                return None
    return venv / "bin" / program


def check(lake, seed):
    """Holds what was found against what was seeded."""
    found = rows(lake, "resources")

    def of(kind):
        return {r["name"]: dict(r["configuration"]) for r in found if r["kind"] == kind}

    def tags(kind, name):
        return next(dict(r["tags"]) for r in found if r["kind"] == kind and r["name"] == name)

    functions = of("function")
    assert len(functions) == seed.count, len(functions)
    assert functions["f-001"]["memory_mb"] == "192", functions["f-001"]
    if seed.has("tags"):
        assert tags("function", "f-002") == {"team": "shop"}, tags("function", "f-002")
    if seed.has("aliases"):
        assert of("alias")["f-000:live"]["version"] == "1", of("alias")
    if seed.has("urls"):
        assert of("function-url")["f-001"]["auth_type"] == "AWS_IAM", of("function-url")
    if seed.has("queue"):
        (mapping,) = of("event-source-mapping").values()
        told = [mapping[key] for key in ("function", "source_kind", "source", "batch_size")]
        assert told == ["f-003", "sqs", "emails", "7"], mapping
    routes = of("route")
    if seed.has("rest"):
        assert 'the "shop" ☕/prod' in of("stage"), of("stage")
        for name in ("POST /orders", "GET /orders/{id}"):
            assert routes[name]["integration_target"] == "f-000", routes[name]
            assert routes[name]["protocol"] == "REST", routes[name]
        assert tags("rest-api", 'the "shop" ☕') == {"team": "shop"}
    if seed.has("http"):
        assert of("http-api")["store front"]["api_id"] == seed.http_id
        assert of("stage")["store front/$default"]["detailed_metrics"] == "true", of("stage")
        for name in ("GET /stores/{id}", "$default"):
            assert routes[name]["integration_target"] == "f-001", routes[name]
            assert routes[name]["protocol"] == "HTTP", routes[name]
    if seed.has("websocket"):
        assert set(of("websocket-api")) == {"live"}
        for name in ("$connect", "track"):
            assert routes[name]["integration_target"] == "f-002", routes[name]
    if seed.has("domain"):
        (domain,) = of("domain").values()
        assert (domain["base_path"], domain["api_id"], domain["stage"]) == ("v1", seed.rest_id, "prod"), domain
    if seed.has("tables"):
        tables = of("table")
        assert set(tables) == {"table.0", "table.1", "table.2", "old_table"}, tables
        assert tables["table.1"]["billing_mode"] == "PAY_PER_REQUEST", tables["table.1"]
        assert "/stream/" in tables["table.1"]["stream_arn"], tables["table.1"]
        assert (tables["old_table"]["billing_mode"], tables["old_table"]["read_capacity"]) == ("PROVISIONED", "5")
        assert set(of("index")) == {f"table.{n}/index/by-day" for n in range(3)}, of("index")
        if seed.has("tags"):
            assert tags("table", "table.0") == {"team": "data"}, tags("table", "table.0")
    if seed.has("buckets"):
        buckets = of("bucket")
        assert set(buckets) == {"invoices", "plain.bucket"}, buckets
        assert buckets["invoices"]["bucket_region"] == REGION
        if seed.has("notifications"):
            events = json.loads(buckets["invoices"]["notifications"])
            assert events == [{"event": "s3:ObjectCreated:*", "function": "f-004", "prefix": "pdf/"}], events
        if seed.has("bucket-metrics"):
            assert buckets["invoices"]["metrics_filter"] == "EntireBucket", buckets["invoices"]
        if seed.has("tags"):
            assert tags("bucket", "invoices") == {"team": "orders"}, tags("bucket", "invoices")
    if seed.has("machines"):
        machine = of("state-machine")["fulfil"]
        assert (machine["type"], machine["invokes"]) == ("EXPRESS", "f-001,f-002"), machine
    if seed.has("logs"):
        groups = of("log-group")
        assert groups["/aws/lambda/f-000"]["function"] == "f-000", groups
        assert groups["/aws/lambda/f-000"]["retention_days"] == "14", groups
        assert "function" not in groups["other"], groups
    return len(found)


def unread(lake):
    """The operations that the inventory says it could not do; none if it is whole."""
    (row,) = [row for row in rows(lake, "collections") if row["source"] == "discovery"]
    if row["outcome"] == "complete":
        assert row["error"] is None, row
        return set()
    assert row["outcome"] == "partial", row
    return set(re.findall(r"[a-z0-9]+:[A-Z][A-Za-z]+", row["error"]))
