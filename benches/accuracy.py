"""Holds what Millicent says of simulated accounts against what the simulator knows, seed by seed.

    MILLICENT=target/release/millicent python benches/accuracy.py [--seeds 10] [--days 3] [--sampling 1.0]
        [--keep FOLDER] [--cases FILE]

Each seed is another account: it is simulated on loopback, collected and served by the same binary, and asked for every settled day. Of the
requests X-Ray records the first of each second and 5% of the others; --sampling is the share of those traces that is fetched. --keep
leaves each account's lake and truth in a folder, and asks what lies there already instead of simulating it again; --cases writes every
number that was compared, with its interval and the truth, as CSV.
Prints a line a seed and the sum of all:

    cost       entry points (routes and triggers): median of |said ÷ true - 1|; how many are within 1%; how many true costs are
               inside their stated 95% interval
    cold       cold-start rates of functions and of routes inside their 95% interval, of those with any
    p95, p99   of routes and from histograms, with ten requests or more above them: how many are within 2%
    bill       what is placed and what is left add up to the bill, exactly

Needs nothing but Python.
"""

import argparse
import csv
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

KINDS = {"queue": "sqs", "schedule": "direct"}
SEED = "{:>5}  {:>7.3f}%  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>5}"
CASE = ("seed", "day", "measure", "of", "said", "low", "high", "true")
HEAD = "{:>5}  {:>8}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>5}"


class Tally:
    """How often something held, and where it did not."""

    def __init__(self):
        self.held, self.missed = 0, []

    def see(self, holds, what):
        if holds:
            self.held += 1
        else:
            self.missed.append(what)

    def __str__(self):
        return f"{self.held}/{self.held + len(self.missed)}"

    def __iadd__(self, other):
        self.held += other.held
        self.missed += other.missed
        return self


class Account:
    """What was found of one account."""

    def __init__(self):
        self.errors = []
        self.close, self.inside, self.functions, self.routes, self.p95, self.p99 = (Tally() for _ in range(6))
        self.exact = True
        self.cases = []

    def row(self, name):
        tallies = (self.close, self.inside, self.functions, self.routes, self.p95, self.p99)
        median = 100 * statistics.median(self.errors)
        return SEED.format(name, median, *map(str, tallies), "exact" if self.exact else "WRONG")

    def __iadd__(self, other):
        self.errors += other.errors
        for name in ("close", "inside", "functions", "routes", "p95", "p99"):
            setattr(self, name, getattr(self, name).__iadd__(getattr(other, name)))
        self.exact &= other.exact
        self.cases += other.cases
        return self


ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def collect(folder):
    command = [os.environ["MILLICENT"], "collect", "--once"]
    run = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")


@contextmanager
def served(folder, *arguments):
    """The address of a role that serves, which ends with the block."""
    command = [os.environ["MILLICENT"], *arguments]
    with open(Path(folder) / f"{arguments[0]}.log", "w+") as said:
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=said, stderr=subprocess.STDOUT, text=True)
        try:
            while True:
                said.seek(0)
                text = said.read()
                if address := re.search(r"http://127\.0\.0\.1:\d+", text):
                    break
                if process.poll() is not None:
                    sys.exit(f"{' '.join(command)} failed:\n{text}")
                time.sleep(0.05)
            yield address[0]
        finally:
            process.terminate()
            process.wait(timeout=60)


def report(url, name, day):
    """The rows of a report of the day. The first one computes what all share, and may need more than the server's limit."""
    parameters = f"from={day}&to={day + timedelta(days=1)}&format=csv"
    for attempt in range(10):
        try:
            with urllib.request.urlopen(f"{url}/api/v1/reports/{name}?{parameters}", timeout=120) as answer:
                return list(csv.DictReader(io.StringIO(answer.read().decode())))
        except urllib.error.HTTPError as error:
            if error.code not in (503, 504) or attempt == 9:
                sys.exit(f"{error.url} answered {error.code}: {error.read().decode()}")


def number(text):
    return float(text) if text not in (None, "") else None


def bounded(row, prefix, unit=""):
    """A number of a report, and the bounds of its interval."""
    return tuple(number(row.get(f"{prefix}{part}{unit}")) for part in ("", "_low", "_high"))


def within(row, prefix, known):
    _, low, high = bounded(row, prefix)
    return low is not None and high is not None and low <= known <= high


def check(account, served_at, day, truth, seed):
    """Holds a day's reports against the truth."""
    known = {("route", f"{one['api']}/{one['stage']} {one['route']}"): one for one in truth["routes"]}
    known |= {(KINDS.get(one["kind"], one["kind"]), one["name"]): one for one in truth["entry_points"]}
    for row in report(served_at, "entry-points", day):
        one = known.pop((row["kind"], row["name"]), None)
        said = number(row["cost_usd"])
        if one is None:
            # Something that the simulator does not know: its whole cost is wrong.
            account.inside.see(not said, f"seed {seed}, {day}: there is no {row['kind']} {row['name']}")
            continue
        true = float(one["cost_usd"])
        low, high = number(row["cost_low_usd"]), number(row["cost_high_usd"])
        if said is None or true == 0:
            continue
        account.errors.append(abs(said / true - 1))
        what = f"seed {seed}, {day}, {row['kind']} {row['name']}: {said:.6f} in {low:.6f}..{high:.6f} for {true:.6f} USD ({said / true - 1:+.2%})"
        account.cases.append((seed, day, "cost", f"{row['kind']} {row['name']}", said, low, high, true))
        account.close.see(abs(said / true - 1) <= 0.01, what)
        account.inside.see(low <= true <= high, what)
    for (kind, name), one in known.items():
        account.inside.see(float(one["cost_usd"]) == 0, f"seed {seed}, {day}: {kind} {name} is not told")
    functions = {one["name"]: one for one in truth["functions"]}
    for row in report(served_at, "cold-starts-by-function", day):
        rate = functions[row["function"]]["cold_start_rate"] if row["function"] in functions else None
        if rate is not None:
            account.cases.append((seed, day, "cold function", row["function"], *bounded(row, "cold_start_rate"), rate))
            account.functions.see(within(row, "cold_start_rate", rate), f"seed {seed}, {day}, {row['function']}: cold {rate:.5f}")
    routes = {(one["api"], one["stage"], one["route"]): one for one in truth["routes"]}
    for row in report(served_at, "cold-starts-by-route", day):
        one = routes[row["api"], row["stage"], row["route"]]
        if one["cold_start_rate"] is not None and number(row["cold_start_rate"]) is not None:
            rate = one["cold_start_rate"]
            account.cases.append((seed, day, "cold route", row["route"], *bounded(row, "cold_start_rate"), rate))
            account.routes.see(within(row, "cold_start_rate", rate), f"seed {seed}, {day}, {row['route']}: cold {rate:.5f}")
    for row in report(served_at, "latency-by-route", day):
        one = routes[row["api"], row["stage"], row["route"]]
        for name, tally, above in [("p95", account.p95, 0.05), ("p99", account.p99, 0.01)]:
            true, said = one["latency_ms"][name], number(row[f"{name}_ms"])
            if true is None or one["requests"] * above < 10 or row["basis"] != "histograms":
                continue
            account.cases.append((seed, day, name, row["route"], *bounded(row, name, "_ms"), true))
            tally.see(abs(said / true - 1) <= 0.02, f"seed {seed}, {day}, {row['route']} {name}: {said:.2f} for {true:.2f} ms")
    placed = billed = Decimal(0)
    for row in report(served_at, "reconciliation", day):
        billed += Decimal(row["billed_usd"])
        placed += sum(Decimal(row[f"{part}_usd"]) for part in ("to_routes", "to_triggers", "not_split", "unexplained"))
    account.exact &= placed == billed == Decimal(truth["bill_usd"])


def simulate(folder, seed, days, sampling):
    """Collects an account's history into the folder, with the truth of each settled day beside it."""
    history = days + 3
    command = ["simulate", "--listen", "127.0.0.1:0", "--seed", str(seed), "--days", str(history + 1)]
    with served(folder, *command) as url:
        (folder / "millicent.toml").write_text(
            f'[lake]\npath = "./lake"\n[aws]\nregion = "eu-central-1"\nendpoint_url = "{url}"\n'
            f'[collect]\nhistory = "{history}d"\nhistograms = true\n'
            f"[traces]\nsampling_rate = {sampling}\nbackfill_sampling_rate = {sampling}\n"
            '[web]\nlisten = "127.0.0.1:0"\n'
        )
        collect(folder)
        today = datetime.now(timezone.utc).date()
        truths = {}
        for age in range(history - 1, 2, -1):
            day = today - timedelta(days=age)
            bounds = f"from={day}T00:00:00Z&to={day + timedelta(days=1)}T00:00:00Z"
            with urllib.request.urlopen(f"{url}/_simulator/truth?{bounds}") as answer:
                truths[str(day)] = json.load(answer)
    # Last, as it says that the folder is whole.
    (folder / "truth.json").write_text(json.dumps(truths))


def of_seed(seed, arguments):
    account = Account()
    keep = arguments.keep and arguments.keep / f"seed-{seed}-days-{arguments.days}-sampling-{arguments.sampling}"
    with nullcontext(keep) if keep else tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if not (folder / "truth.json").exists():
            # What a run that was ended has left is of no use.
            if keep:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            simulate(folder, seed, arguments.days, arguments.sampling)
        with served(folder, "serve") as served_at:
            for day, truth in json.loads((folder / "truth.json").read_text()).items():
                check(account, served_at, date.fromisoformat(day), truth, seed)
    return account


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="how many accounts, from seed 1")
    parser.add_argument("--days", type=int, default=3, help="settled days of each, from which today is three days away or more")
    parser.add_argument("--sampling", type=float, default=1.0, help="share of X-Ray's traces that is fetched")
    parser.add_argument("--keep", type=Path, help="folder for the accounts' lakes and truths, which are used again")
    parser.add_argument("--cases", type=Path, help="CSV file for every number that was compared")
    arguments = parser.parse_args()
    if "MILLICENT" not in os.environ:
        parser.error("MILLICENT does not name the binary")
    os.environ["MILLICENT"] = str(Path(os.environ["MILLICENT"]).resolve())
    print(HEAD.format("seed", "cost", "within 1%", "in 95%", "functions", "routes", "p95", "p99", "bill"))
    everything = Account()
    for seed in range(1, arguments.seeds + 1):
        account = of_seed(seed, arguments)
        print(account.row(seed), flush=True)
        everything += account
        if arguments.cases:
            with open(arguments.cases, "w", newline="") as file:
                csv.writer(file).writerows([CASE, *everything.cases])
    print(everything.row("all"))
    for title, tally in [
        ("cost of an entry point off by more than 1%", everything.close),
        ("true cost outside of the stated interval", everything.inside),
        ("cold-start rate of a function outside of its interval", everything.functions),
        ("cold-start rate of a route outside of its interval", everything.routes),
        ("percentile off by more than 2%", Tally().__iadd__(everything.p95).__iadd__(everything.p99)),
    ]:
        print(f"\n{title}: {len(tally.missed)}")
        for missed in tally.missed[:40]:
            print(f"  {missed}")


if __name__ == "__main__":
    main()
