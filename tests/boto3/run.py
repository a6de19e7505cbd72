"""Serves a simulated account and drives it with boto3: see check.py for what must hold.

MILLICENT names the binary. With a URL as its argument it checks the account that is served there.
"""

import os
import subprocess
import sys
from pathlib import Path

CHECK = Path(__file__).with_name("check.py")


def check(url):
    return subprocess.run([sys.executable, "-B", CHECK, url]).returncode


def main():
    if len(sys.argv) > 1:
        return check(sys.argv[1])
    command = [os.environ["MILLICENT"], "simulate", "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        # The first line is the address.
        return check(server.stdout.readline().strip())
    finally:
        server.terminate()
        server.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main())
