"""Drives a simulated account with boto3, which has AWS's own models: python check.py http://127.0.0.1:PORT [check_…]

Every answer is checked against the model of its operation, paging is followed to the end, wrong
questions must fail with the code that AWS gives them, and what the services tell must agree with
the simulator's truth.
"""

import csv
import datetime as dt
import gzip
import json
import sys
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from decimal import Decimal

import boto3
import botocore.exceptions
from botocore.config import Config

from conformance import Conformance

URL = sys.argv[1]
UTC = dt.timezone.utc
conformance = Conformance()


def simulator(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{URL}/_simulator{path}", data) as answer:
        return json.load(answer)


ABOUT = simulator("")
REGION = ABOUT["region"]
NOW = dt.datetime.fromisoformat(ABOUT["now"])
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


def client(service, region=None, key="AKIDEXAMPLE", token=None):
    made = boto3.client(
        service,
        endpoint_url=URL,
        region_name=region or ("us-east-1" if service == "ce" else REGION),
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        aws_session_token=token,
        # The first to ask for a day of a debug build's account waits until it is computed.
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=600),
    )
    return conformance.watch(made)


def pages(service, operation, **arguments):
    return list(client(service).get_paginator(operation).paginate(**arguments))


def items(service, operation, key, **arguments):
    return [item for page in pages(service, operation, **arguments) for item in page.get(key, [])]


def equal(left, right, what=""):
    if left != right:
        raise AssertionError(f"{what}: {repr(left)[:300]} is not {repr(right)[:300]}")


def fails(code, call, /, *, status=None, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        equal(error.response["Error"]["Code"], code)
        if status:
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        if not error.response["ResponseMetadata"].get("RequestId"):
            raise AssertionError(f"{code} without a request id")
        return
    raise AssertionError(f"{code} was expected")


def truth(start, end):
    return simulator("/truth?" + urllib.parse.urlencode({"from": start.isoformat(), "to": end.isoformat()}))


def check_identity():
    me = client("sts").get_caller_identity()
    equal(me["Account"], ABOUT["account_id"])
    fails("InvalidAction", client("sts").get_session_token, status=400)


def both_ways(service, operation, key, size, **arguments):
    """Every item of a list, which must be the same on pages of any size."""
    many = items(service, operation, key, **arguments)
    equal(items(service, operation, key, PaginationConfig={"PageSize": size}, **arguments), many, f"pages of {operation}")
    simulator("/faults", [{"service": FAULT_NAMES.get(service, service), "kind": "cut-pages", "page_size": 2}])
    equal(items(service, operation, key, **arguments), many, f"cut pages of {operation}")
    simulator("/faults", [])
    return many


FAULT_NAMES = {"stepfunctions": "states", "resourcegroupstaggingapi": "tagging"}


def check_functions():
    functions = both_ways("lambda", "list_functions", "Functions", 50)
    names = [function["FunctionName"] for function in functions]
    equal(len(names), len(set(names)))
    versions = both_ways("lambda", "list_functions", "Functions", 50, FunctionVersion="ALL")
    provisioned, urls = {}, []
    for function in functions:
        name = function["FunctionName"]
        one = client("lambda").get_function_configuration(FunctionName=function["FunctionArn"])
        equal(one["CodeSha256"], function["CodeSha256"])
        own = items("lambda", "list_versions_by_function", "Versions", FunctionName=name)
        equal(own, [version for version in versions if version["FunctionName"] == name])
        equal([version["Version"] for version in own][:2], ["$LATEST", "1"])
        [alias] = items("lambda", "list_aliases", "Aliases", FunctionName=name)
        equal(alias["FunctionVersion"], own[-1]["Version"], "the alias is of the newest version")
        equal(items("lambda", "list_aliases", "Aliases", FunctionName=name, FunctionVersion="99"), [])
        client("lambda").list_tags(Resource=function["FunctionArn"])
        for config in items("lambda", "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs", FunctionName=name):
            provisioned[name] = config["RequestedProvisionedConcurrentExecutions"]
            equal(config["FunctionArn"], alias["AliasArn"])
            one = client("lambda").get_provisioned_concurrency_config(FunctionName=name, Qualifier=alias["Name"])
            equal(one["Status"], "READY")
        urls += items("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name)
        client("lambda").get_function(FunctionName=name)
    equal(provisioned, {"shop-search": 2})
    equal([url["FunctionArn"].split(":")[-1] for url in urls], ["shop-payments"])
    fails("ProvisionedConcurrencyConfigNotFoundException", client("lambda").get_provisioned_concurrency_config,
          FunctionName="shop-cart", Qualifier="live", status=404)
    mappings = both_ways("lambda", "list_event_source_mappings", "EventSourceMappings", 100)
    equal(sorted(m["EventSourceArn"].split(":")[2] for m in mappings), ["dynamodb", "sqs"])
    for mapping in mappings:
        [again] = items("lambda", "list_event_source_mappings", "EventSourceMappings", FunctionName=mapping["FunctionArn"])
        equal(again["UUID"], mapping["UUID"])
    equal(client("lambda").get_account_settings()["AccountUsage"]["FunctionCount"], len(names))
    for call in ["list_aliases", "list_versions_by_function", "list_function_url_configs", "list_event_source_mappings"]:
        fails("ResourceNotFoundException", getattr(client("lambda"), call), FunctionName="nobody", status=404)
    fails("InvalidParameterValueException", client("lambda").list_functions, Marker="zz", status=400)


def function_arns():
    return [function["FunctionArn"] for function in items("lambda", "list_functions", "Functions")]


def check_rest_apis():
    functions = function_arns()
    apis = both_ways("apigateway", "get_rest_apis", "items", 1)
    for api in apis:
        few = items("apigateway", "get_resources", "items", restApiId=api["id"], limit=2, embed=["methods"])
        many = items("apigateway", "get_resources", "items", restApiId=api["id"], limit=500, embed=["methods"])
        equal(few, many, "pages of resources")
        for resource in many:
            for method in resource.get("resourceMethods", {}).values():
                arn = method["methodIntegration"]["uri"].split("/functions/")[1].split("/")[0]
                # What has provisioned concurrency is called by its alias.
                equal(arn.removesuffix(":live") in functions, True, arn)
        equal(len(client("apigateway").get_stages(restApiId=api["id"])["item"]), 1)
        equal(client("apigateway").get_rest_api(restApiId=api["id"])["name"], api["name"])
        arn = f"arn:aws:apigateway:{REGION}::/restapis/{api['id']}"
        equal(client("apigateway").get_tags(resourceArn=arn)["tags"], api["tags"])
    fails("NotFoundException", client("apigateway").get_stages, restApiId="nobody", status=404)
    fails("NotFoundException", client("apigateway").get_base_path_mappings, domainName="nobody", status=404)
    mapped = [
        (domain["domainName"], mapping["basePath"], mapping["restApiId"])
        for domain in both_ways("apigateway", "get_domain_names", "items", 1)
        for mapping in items("apigateway", "get_base_path_mappings", "items", domainName=domain["domainName"])
    ]
    equal(mapped, [("api.shop.example", "(none)", apis[0]["id"]), ("api.shop.example", "backoffice", apis[1]["id"])])


def check_http_and_websocket_apis():
    functions = function_arns()
    gateway = client("apigatewayv2")
    apis = both_ways("apigatewayv2", "get_apis", "Items", "1")
    equal({api["Name"]: api["ProtocolType"] for api in apis}, {"storefront": "HTTP", "live": "WEBSOCKET"})
    keys = {}
    for api in apis:
        equal(gateway.get_api(ApiId=api["ApiId"])["ApiEndpoint"], api["ApiEndpoint"])
        integrations = {
            integration["IntegrationId"]: integration["IntegrationUri"]
            for integration in both_ways("apigatewayv2", "get_integrations", "Items", "1", ApiId=api["ApiId"])
        }
        routes = both_ways("apigatewayv2", "get_routes", "Items", "1", ApiId=api["ApiId"])
        for route in routes:
            uri = integrations[route["Target"].removeprefix("integrations/")]
            equal(any(arn in uri for arn in functions), True, uri)
        keys[api["Name"]] = [route["RouteKey"] for route in routes]
        [stage] = items("apigatewayv2", "get_stages", "Items", ApiId=api["ApiId"])
        equal(stage["DefaultRouteSettings"]["DetailedMetricsEnabled"], True)
        arn = f"arn:aws:apigateway:{REGION}::/apis/{api['ApiId']}"
        equal(gateway.get_tags(ResourceArn=arn)["Tags"], api["Tags"])
    equal(keys, {
        "storefront": ["GET /stores", "GET /stores/{id}", "POST /feedback", "$default"],
        "live": ["$connect", "$disconnect", "track", "$default"],
    })
    mapped = {
        mapping["ApiId"]
        for domain in both_ways("apigatewayv2", "get_domain_names", "Items", "1")
        for mapping in gateway.get_api_mappings(DomainName=domain["DomainName"])["Items"]
    }
    equal({api["ApiId"] for api in apis} < mapped, True, "every API has a domain")
    fails("NotFoundException", gateway.get_routes, ApiId="nobody", status=404)
    fails("BadRequestException", gateway.get_apis, NextToken="zz", status=400)


def check_tables():
    tables = both_ways("dynamodb", "list_tables", "TableNames", 1)
    streams, indexes = [], []
    for table in tables:
        description = client("dynamodb").describe_table(TableName=table)["Table"]
        client("dynamodb").list_tags_of_resource(ResourceArn=description["TableArn"])
        streams += [description["LatestStreamArn"]] if "LatestStreamArn" in description else []
        indexes += [index["IndexName"] for index in description.get("GlobalSecondaryIndexes", [])]
    mappings = items("lambda", "list_event_source_mappings", "EventSourceMappings")
    equal(streams, [m["EventSourceArn"] for m in mappings if "/stream/" in m["EventSourceArn"]])
    equal(indexes, ["by-customer"])
    fails("ResourceNotFoundException", client("dynamodb").describe_table, TableName="nothing")


def check_buckets():
    buckets = client("s3").list_buckets()["Buckets"]
    equal(items("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 1})[0]["BucketRegion"], REGION)
    configured, told = {}, {}
    for bucket in buckets:
        name = bucket["Name"]
        equal(client("s3").get_bucket_location(Bucket=name)["LocationConstraint"], REGION)
        answer = client("s3").list_bucket_metrics_configurations(Bucket=name)
        configured[name] = [(c["Id"], c.get("Filter")) for c in answer.get("MetricsConfigurationList", [])]
        answer = client("s3").get_bucket_notification_configuration(Bucket=name)
        told[name] = [c["LambdaFunctionArn"] for c in answer.get("LambdaFunctionConfigurations", [])]
        client("s3").get_bucket_tagging(Bucket=name)
        client("s3").head_bucket(Bucket=name)
    equal(configured["shop-media-eu"], [("EntireBucket", None)])
    equal(configured["shop-invoices-eu"], [("archive", {"Prefix": "archive/"})])
    equal(told["shop-invoices-eu"], [arn for arn in function_arns() if arn.endswith(":shop-invoice-index")])
    fails("NoSuchBucket", client("s3").get_bucket_location, Bucket="nobody", status=404)


def check_state_machines():
    functions = function_arns()
    machines = both_ways("stepfunctions", "list_state_machines", "stateMachines", 1)
    equal({m["name"]: m["type"] for m in machines}, {"order-fulfilment": "STANDARD", "price-import": "EXPRESS"})
    for machine in machines:
        arn = machine["stateMachineArn"]
        described = client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        definition = json.loads(described["definition"])
        state, seen = definition["StartAt"], []
        while definition["States"][state]["Type"] != "Succeed":
            task = definition["States"][state]
            seen.append(task.get("Parameters", {}).get("FunctionName", task["Resource"]))
            state = task["Next"]
        equal(set(seen) <= set(functions), True, seen)
        bare = client("stepfunctions").describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")
        equal(bare["definition"], "")
        client("stepfunctions").list_tags_for_resource(resourceArn=arn)
    fails("StateMachineDoesNotExist", client("stepfunctions").describe_state_machine, stateMachineArn=f"{arn}x", status=400)
    fails("InvalidArn", client("stepfunctions").describe_state_machine, stateMachineArn="x", status=400)
    fails("InvalidToken", client("stepfunctions").list_state_machines, nextToken="zz", status=400)


def check_log_groups():
    groups = both_ways("logs", "describe_log_groups", "logGroups", 50)
    names = [group["logGroupName"] for group in groups]
    equal(names, sorted(set(names)))
    functions = {f"/aws/lambda/{arn.split(':')[-1]}" for arn in function_arns()}
    equal(functions <= set(names), True, "every function has a group")
    prefixed = items("logs", "describe_log_groups", "logGroups", logGroupNamePrefix="/aws/lambda/shop-")
    equal([group["logGroupName"] for group in prefixed], [name for name in names if name.startswith("/aws/lambda/shop-")])
    fails("InvalidParameterException", client("logs").describe_log_groups, nextToken="zz", status=400)


def check_reports():
    """Reports of a settled hour through Logs Insights are the invocations that CloudWatch counts."""
    logs = client("logs")
    end = NOW.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=1)
    start = end - dt.timedelta(hours=1)
    groups = [group["logGroupName"] for group in items("logs", "describe_log_groups", "logGroups", logGroupNamePrefix="/aws/lambda/")]
    window = {"startTime": int(start.timestamp()), "endTime": int(end.timestamp())}
    counted, scanned = Counter(), set()
    for query in [
        'filter @type = "REPORT" | stats count(*) as reports, count(@initDuration) as inits by @log, bin(5m)',
        'filter type = "platform.report" | stats count(*) as reports, count(record.metrics.initDurationMs) as inits by @log, bin(5m)',
    ]:
        query_id = logs.start_query(logGroupNames=groups, queryString=query, **window)["queryId"]
        equal(logs.get_query_results(queryId=query_id)["status"], "Running")
        answer = logs.get_query_results(queryId=query_id)
        equal(answer["status"], "Complete")
        scanned.add(answer["statistics"]["bytesScanned"])
        for row in answer["results"]:
            fields = {field["field"]: field["value"] for field in row}
            counted[fields["@log"].split("/")[-1]] += int(fields["reports"])
    equal(len(scanned), 1, "both scan everything")
    invocations = {function["name"]: function["invocations"] for function in truth(start, end)["functions"]}
    off = {name: (counted[name], count) for name, count in invocations.items() if abs(counted[name] - count) > 5 + count / 50}
    equal(off, {}, "reports come at the end of an invocation, which CloudWatch counts at its start")
    fails("MalformedQueryException", logs.start_query, logGroupNames=groups, queryString="fields @message", **window)
    fails("ResourceNotFoundException", logs.get_query_results, queryId="nothing")
    query_id = logs.start_query(logGroupNames=groups, queryString='filter @type = "REPORT" | stats count(*)', **window)["queryId"]
    equal(logs.stop_query(queryId=query_id)["success"], True)
    equal(logs.get_query_results(queryId=query_id)["status"], "Cancelled")


def check_tags():
    tagged = both_ways("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", 1)
    arns = [resource["ResourceARN"] for resource in tagged]
    equal(len(arns), len(set(arns)))
    equal(set(function_arns()) <= set(arns), True, "every function is tagged")
    ask = lambda **arguments: [  # noqa: E731
        r["ResourceARN"] for r in items("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", **arguments)
    ]
    equal(sorted(ask(ResourceTypeFilters=["lambda:function"])), sorted(function_arns()))
    equal(set(ask(ResourceTypeFilters=["dynamodb"])), {arn for arn in arns if ":dynamodb:" in arn})
    own = ask(TagFilters=[{"Key": "team", "Values": ["payments"]}])
    equal({arn.split(":")[-1] for arn in own}, {"shop-payments", "table/shop-payments"})
    equal(ask(ResourceARNList=arns[:2]), arns[:2])
    fails("InvalidParameterException", client("resourcegroupstaggingapi").get_resources, ResourcesPerPage=101, status=400)


def metric_sums(namespace, metric, dimension, names, start, end):
    queries = [
        {
            "Id": f"m{index}",
            "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": [{"Name": dimension, "Value": name}]},
                "Period": 300,
                "Stat": "Sum",
            },
        }
        for index, name in enumerate(names)
    ]
    sums = Counter()
    for page in pages("cloudwatch", "get_metric_data", MetricDataQueries=queries, StartTime=start, EndTime=end,
                      PaginationConfig={"PageSize": 500}):
        for result in page["MetricDataResults"]:
            sums[names[int(result["Id"][1:])]] += sum(result["Values"])
    return sums


def check_metrics():
    metrics = items("cloudwatch", "list_metrics", "Metrics")
    seen = Counter(json.dumps(metric, sort_keys=True) for metric in metrics)
    equal(max(seen.values()), 1, "a metric is listed once")
    start, end = TODAY - dt.timedelta(days=1), TODAY
    told = truth(start, end)
    requests = defaultdict(int)
    for route in told["routes"]:
        requests[route["api"]] += route["requests"]
    # REST APIs are counted by name, the others by id.
    ids = {api["Name"]: api["ApiId"] for api in items("apigatewayv2", "get_apis", "Items") if api["ProtocolType"] == "HTTP"}
    names = [api["name"] for api in items("apigateway", "get_rest_apis", "items")]
    sums = metric_sums("AWS/ApiGateway", "Count", "ApiName", names, start, end)
    equal({name: sums[name] for name in names}, {name: requests[name] for name in names}, "requests of yesterday")
    sums = metric_sums("AWS/ApiGateway", "Count", "ApiId", list(ids.values()), start, end)
    equal({name: sums[ids[name]] for name in ids}, {name: requests[name] for name in ids}, "requests of yesterday")
    invocations = {function["name"]: function["invocations"] for function in told["functions"]}
    sums = metric_sums("AWS/Lambda", "Invocations", "FunctionName", sorted(invocations), start, end)
    equal({name: sums[name] for name in invocations}, invocations, "invocations of yesterday")
    fails("InvalidParameterValue", client("cloudwatch").get_metric_data, MetricDataQueries=[
        {"Id": "a", "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"}, "Period": 7, "Stat": "Sum"}},
    ], StartTime=start, EndTime=end)


def check_traces():
    xray = client("xray")
    equal(xray.get_trace_segment_destination()["Destination"], "XRay")
    end = NOW - dt.timedelta(minutes=10)
    window = {"StartTime": end - dt.timedelta(minutes=30), "EndTime": end, "TimeRangeType": "TraceId"}
    summaries = items("xray", "get_trace_summaries", "TraceSummaries", **window)
    ids = [summary["Id"] for summary in summaries]
    equal(len(ids), len(set(ids)), "a trace is listed once")
    starts = [summary["StartTime"] for summary in summaries]
    # A trace's start is that of its first segment, which is a little after the request's.
    late = max(later - earlier for earlier, later in zip(starts, starts[1:]))
    equal(late < dt.timedelta(seconds=1), True, f"newest first, within a second: {late}")
    sampled = items("xray", "get_trace_summaries", "TraceSummaries", Sampling=True,
                    SamplingStrategy={"Name": "FixedRate", "Value": 0.5}, **window)
    share = len(sampled) / len(ids)
    equal(0.3 < share < 0.7, True, f"share of a fixed rate {share}")
    faults = items("xray", "get_trace_summaries", "TraceSummaries", FilterExpression="fault", **window)
    equal([s["Id"] for s in faults], [s["Id"] for s in summaries if s["HasFault"]], "faults")
    for at in range(0, min(len(ids), 400), 5):
        answer = xray.batch_get_traces(TraceIds=ids[at:at + 5])
        equal(sorted(trace["Id"] for trace in answer["Traces"]), sorted(ids[at:at + 5]))
        equal(answer["UnprocessedTraceIds"], [])
        for trace in answer["Traces"]:
            for segment in trace["Segments"]:
                document = json.loads(segment["Document"])
                equal((document["id"], document["trace_id"]), (segment["Id"], trace["Id"]))
    missing = "1-5fbcfc1f-4d2e9bed6dc0c41c39dfdb2f"
    equal(xray.batch_get_traces(TraceIds=[missing])["UnprocessedTraceIds"], [missing])
    fails("InvalidRequestException", xray.batch_get_traces, TraceIds=[missing] * 2, status=400)
    fails("InvalidRequestException", xray.batch_get_traces, TraceIds=ids[:6], status=400)
    fails("InvalidRequestException", xray.get_trace_summaries, StartTime=end - dt.timedelta(hours=7), EndTime=end)
    fails("InvalidRequestException", xray.get_trace_summaries, FilterExpression="speed > 1", **window)


def costs(start, end, **more):
    """Every page of the question, as (start, keys) -> amount."""
    found, token = defaultdict(Decimal), {}
    while True:
        answer = client("ce").get_cost_and_usage(
            TimePeriod={"Start": start.date().isoformat(), "End": end.date().isoformat()},
            Metrics=["UnblendedCost", "UsageQuantity"], **{"Granularity": "DAILY", **more}, **token)
        for period in answer["ResultsByTime"]:
            rows = period["Groups"] or ([{"Keys": [], "Metrics": period["Total"]}] if period["Total"] else [])
            for row in rows:
                found[period["TimePeriod"]["Start"], *row["Keys"]] += Decimal(row["Metrics"]["UnblendedCost"]["Amount"])
        if "NextPageToken" not in answer:
            return found
        token = {"NextPageToken": answer["NextPageToken"]}


def check_costs():
    start, end = TODAY - dt.timedelta(days=9), TODAY - dt.timedelta(days=4)
    told = truth(start, end)
    by_line = costs(start, end, GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}])
    equal(sum(by_line.values()), Decimal(told["bill_usd"]), "the bill of settled days")
    lines = defaultdict(Decimal)
    for line in told["bill"]:
        lines[line["date"], line["service"], line["usage_type"]] += Decimal(line["cost_usd"])
    equal(dict(by_line), dict(lines), "lines of the bill")
    equal(sum(costs(start, end).values()), Decimal(told["bill_usd"]), "totals of days")
    usage = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}}
    by_kind = costs(start, end, GroupBy=[{"Type": "DIMENSION", "Key": "RECORD_TYPE"}])
    equal(sum(costs(start, end, Filter=usage).values()), sum(v for k, v in by_kind.items() if k[1] == "Usage"))
    simulator("/faults", [{"service": "ce", "kind": "cut-pages", "page_size": 3}])
    again = costs(start, end, GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}])
    simulator("/faults", [])
    equal(again, by_line, "short pages")
    ask = client("ce").get_cost_and_usage
    period = {"Start": start.date().isoformat(), "End": end.date().isoformat()}
    fails("ValidationException", ask, TimePeriod={"Start": period["End"], "End": period["Start"]},
          Granularity="DAILY", Metrics=["UnblendedCost"])
    fails("DataUnavailableException", ask, TimePeriod=period, Granularity="HOURLY", Metrics=["UnblendedCost"])
    fails("InvalidNextTokenException", ask, TimePeriod=period, Granularity="DAILY", Metrics=["UnblendedCost"], NextPageToken="x")


def check_exports():
    """The export in the bucket has the bill that Cost Explorer tells of settled days."""
    s3, bucket = client("s3"), "millicent-exports"
    objects = both_ways("s3", "list_objects_v2", "Contents", 2, Bucket=bucket)
    keys = [listed["Key"] for listed in objects]
    equal(keys, sorted(keys))
    folders = s3.list_objects_v2(Bucket=bucket, Prefix="cur/shop-bill/", Delimiter="/")
    equal([folder["Prefix"] for folder in folders["CommonPrefixes"]], ["cur/shop-bill/data/", "cur/shop-bill/metadata/"])
    by_day = defaultdict(Decimal)
    named = []
    for key in (key for key in keys if key.endswith("-Manifest.json")):
        for path in json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["dataFiles"]:
            named.append(path.removeprefix(f"s3://{bucket}/"))
            text = gzip.decompress(s3.get_object(Bucket=bucket, Key=named[-1])["Body"].read()).decode()
            for line in csv.DictReader(text.splitlines()):
                by_day[line["line_item_usage_start_date"][:10]] += Decimal(line["line_item_unblended_cost"])
    start, end = TODAY - dt.timedelta(days=9), TODAY - dt.timedelta(days=4)
    settled = {day[0]: cost for day, cost in costs(start, end).items()}
    equal({day: by_day[day] for day in settled}, settled, "the bill of settled days")
    size = next(listed["Size"] for listed in objects if listed["Key"] == named[0])
    head = s3.head_object(Bucket=bucket, Key=named[0])
    equal(head["ContentLength"], size)
    part = s3.get_object(Bucket=bucket, Key=named[0], Range="bytes=2-9")
    equal((part["ContentRange"], len(part["Body"].read())), (f"bytes 2-9/{size}", 8))
    fails("NoSuchKey", s3.get_object, Bucket=bucket, Key="nothing", status=404)
    fails("404", s3.head_object, Bucket=bucket, Key="nothing", status=404)
    fails("InvalidRange", s3.get_object, Bucket=bucket, Key=named[0], Range=f"bytes={size}-", status=416)
    fails("NoSuchBucket", s3.list_objects_v2, Bucket="nobody", status=404)


def check_signatures():
    calls = {
        "sts": ("get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        "lambda": ("list_functions", "UnrecognizedClientException", "InvalidSignatureException"),
        "xray": ("get_trace_segment_destination", "UnrecognizedClientException", "InvalidSignatureException"),
        "dynamodb": ("list_tables", "UnrecognizedClientException", "InvalidSignatureException"),
        "cloudwatch": ("list_metrics", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        "s3": ("list_buckets", "InvalidAccessKeyId", "AuthorizationHeaderMalformed"),
    }
    for service, (operation, unknown, elsewhere) in calls.items():
        fails(unknown, getattr(client(service, key="AKIAUNKNOWN1"), operation))
        fails(elsewhere, getattr(client(service, region="nowhere-1"), operation))


def check_faults():
    calls = {
        "cloudwatch": ("cloudwatch", "list_metrics", "Throttling", "AccessDenied", "InternalServiceError"),
        "xray": ("xray", "get_trace_segment_destination", "ThrottledException", "AccessDeniedException", "InternalFailure"),
        "lambda": ("lambda", "list_functions", "TooManyRequestsException", "AccessDeniedException", "ServiceException"),
        "apigateway": ("apigateway", "get_rest_apis", "TooManyRequestsException", "AccessDeniedException", "InternalFailure"),
        "dynamodb": ("dynamodb", "list_tables", "ThrottlingException", "AccessDeniedException", "InternalServerError"),
        "s3": ("s3", "list_buckets", "SlowDown", "AccessDenied", "InternalError"),
        "sts": ("sts", "get_caller_identity", "Throttling", "AccessDenied", "InternalFailure"),
        "apigatewayv2": ("apigatewayv2", "get_apis", "TooManyRequestsException", "AccessDeniedException", "InternalFailure"),
        "states": ("stepfunctions", "list_state_machines", "ThrottlingException", "AccessDeniedException", "InternalFailure"),
        "logs": ("logs", "describe_log_groups", "ThrottlingException", "AccessDeniedException", "ServiceUnavailableException"),
        "tagging": ("resourcegroupstaggingapi", "get_resources", "ThrottledException", "AccessDeniedException",
                    "InternalServiceException"),
    }
    for name, (service, operation, *codes) in calls.items():
        for kind, code in zip(["throttle", "deny", "server-error"], codes):
            simulator("/faults", [{"service": name, "kind": kind}])
            fails(code, getattr(client(service), operation))
    simulator("/faults", [{"service": "lambda", "kind": "truncate"}])
    # botocore takes a body that breaks off for one without members.
    equal("Functions" in client("lambda").list_functions(), False, "half a body")
    simulator("/faults", [])


def run(names):
    wanted = sys.argv[2:]
    checks = [check for name, check in sorted(names.items()) if name.startswith("check_") and (not wanted or name in wanted)]
    failed = 0
    for check in checks:
        try:
            check()
            print(f"ok    {check.__name__}")
        except Exception as error:  # noqa: BLE001: every check is to run
            failed += 1
            print(f"FAIL  {check.__name__}: {type(error).__name__}: {error}")
            simulator("/faults", [])
    for breach, times in Counter(conformance.breaches).most_common():
        print(f"model {breach} ({times} times)")
    print(f"{len(conformance.operations)} operations, {len(conformance.breaches)} breaches of their models, {failed} failed checks")
    sys.exit(1 if failed or conformance.breaches else 0)


if __name__ == "__main__":
    run(globals())
