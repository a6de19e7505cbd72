"""Drives several simulated accounts and Regions: python accounts.py http://127.0.0.1:PORT

The account of an assumed role, the Region of a signature and the Region of a bucket must lead to what is there, and to
nothing of another.
"""

from check import ABOUT, REGION, client, equal, fails, items, run, simulator

FIRST, SECOND = ABOUT["accounts"]


def check_roles():
    role = f"arn:aws:iam::{SECOND['account_id']}:role/reading/Millicent"
    ask = {"RoleArn": role, "RoleSessionName": "millicent"}
    fails("AccessDenied", client("sts").assume_role, status=403, **ask)
    fails("AccessDenied", client("sts").assume_role, status=403, ExternalId="wrong", **ask)
    elsewhere = dict(ask, RoleArn=role.replace(SECOND["account_id"], "000000000000"))
    fails("AccessDenied", client("sts").assume_role, status=403, **elsewhere)
    fails("ValidationError", client("sts").assume_role, status=400, RoleArn="arn:aws:iam::role/Millicent", RoleSessionName="millicent")
    got = client("sts").assume_role(ExternalId=SECOND["external_id"], DurationSeconds=900, **ask)["Credentials"]
    key, token = got["AccessKeyId"], got["SessionToken"]
    me = client("sts", key=key, token=token).get_caller_identity()
    equal(me["Account"], SECOND["account_id"])
    equal(me["Arn"], f"arn:aws:sts::{SECOND['account_id']}:assumed-role/Millicent/millicent")
    functions = client("lambda", key=key, token=token).list_functions()["Functions"]
    equal({function["FunctionArn"].split(":")[4] for function in functions}, {SECOND["account_id"]})
    fails("UnrecognizedClientException", client("lambda", key=key).list_functions)


def check_regions():
    seen = {}
    for region in [*FIRST["regions"], "ap-south-1"]:
        functions = client("lambda", region=region).list_functions()["Functions"]
        seen[region] = {function["FunctionArn"].split(":")[3] for function in functions}
        metrics = client("cloudwatch", region=region).list_metrics(Namespace="AWS/Lambda")["Metrics"]
        equal(bool(metrics), bool(functions), f"metrics of {region}")
        tables = client("dynamodb", region=region).list_tables()["TableNames"]
        equal(bool(tables), bool(functions), f"tables of {region}")
    equal(seen, {**{region: {region} for region in FIRST["regions"]}, "ap-south-1": set()})


def check_buckets():
    listed = items("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 2})
    equal({bucket["BucketRegion"] for bucket in listed}, set(FIRST["regions"]))
    for bucket in listed:
        name, region = bucket["Name"], bucket["BucketRegion"]
        told = client("s3").get_bucket_location(Bucket=name)["LocationConstraint"]
        equal(told, None if region == "us-east-1" else region)
        client("s3", region=region).get_bucket_tagging(Bucket=name)
        # botocore follows the answer of the wrong Region to the right one.
        other = next(other for other in FIRST["regions"] if other != region)
        equal(client("s3", region=other).head_bucket(Bucket=name)["BucketRegion"], region)


def check_one_account_fails_alone():
    key = f"AKIASIMA{SECOND['account_id']}"
    simulator("/faults", [{"account": SECOND["account_id"], "service": "lambda", "kind": "deny"}])
    fails("AccessDeniedException", client("lambda", key=key).list_functions, status=403)
    client("lambda").list_functions()
    simulator("/faults", [])
    equal(client("sts", key=key).get_caller_identity()["Account"], SECOND["account_id"])


if __name__ == "__main__":
    equal(REGION, FIRST["regions"][0])
    run(globals())
