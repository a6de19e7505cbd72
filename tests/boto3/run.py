"""Serves simulated accounts and drives them with boto3: see check.py and accounts.py for what must hold.

MILLICENT names the binary. With a URL as its argument it checks the one account that is served there.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def check(script, url):
    return subprocess.run([sys.executable, "-B", HERE / script, url]).returncode


def serve_and_check(script, estate):
    command = [os.environ["MILLICENT"], "simulate", "--listen", "127.0.0.1:0", "--estate", estate]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        # The first line is the address.
        return check(script, server.stdout.readline().strip())
    finally:
        server.terminate()
        server.wait(timeout=30)


def main():
    if len(sys.argv) > 1:
        return check("check.py", sys.argv[1])
    return serve_and_check("check.py", "shop") or serve_and_check("accounts.py", "shops")


if __name__ == "__main__":
    sys.exit(main())
