"""Opens every page of the demo in headless Chromium, wide and narrow, light and dark.

MILLICENT names the binary. With SCREENSHOTS=<folder> it keeps what it saw. Checked: no script error, nothing asked of
another host, no page wider than its window, charts that have marks in them, working links, a hostile URL.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

WIDTHS = (1440, 390)
THEMES = ("light", "dark")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return response.read().decode()


def wait_until_collected(base, seconds):
    """Waits for the page, then until routes have cost."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            now = time.time()
            span = "from={}&to={}".format(
                *(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (now - 86_400, now))
            )
            rows = json.loads(get(f"{base}/api/v1/reports/routes?{span}"))["rows"]
            if rows and all(row["cost_usd"] is not None for row in rows):
                return rows
        except (OSError, KeyError, ValueError):
            pass
        time.sleep(1)
    raise SystemExit("the demo collected nothing in time")


def browser(theme):
    options = Options()
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                 f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )
    return driver


def opened(driver, url, seconds=180):
    """Opens a page, and again while it says that its numbers are still being counted."""
    deadline = time.monotonic() + seconds
    while True:
        driver.get(url)
        text = driver.find_element(By.TAG_NAME, "body").text
        if "Still coming in" not in text:
            return text
        assert time.monotonic() < deadline, f"{url} is still coming in after {seconds} s"
        time.sleep(1)


def check(driver, base, path, width):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
    text = opened(driver, base + path)
    overflow = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"{path} at {width} px is {overflow} px too wide"
    assert not re.search(r"\b(NaN|inf|null|None|undefined)\b", text), f"{path} shows a raw missing value: {text[:400]}"
    for entry in driver.get_log("browser"):
        assert entry["level"] != "SEVERE", f"{path}: {entry['message']}"
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            assert url.startswith((base, "data:", "about:", "chrome:")), f"{path} asks {url}"
    return text


def keep(driver, name, width):
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        height = driver.execute_script("return document.documentElement.scrollHeight")
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        Path(folder).mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(f"{folder}/{name}.png")


def main():
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    started = time.monotonic()
    demo = subprocess.Popen(
        [os.environ["MILLICENT"], "demo", "--days", os.environ.get("DAYS", "2"), "--listen", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                get(f"{base}/")
                break
            except OSError:
                assert demo.poll() is None, "the demo ended"
                assert time.monotonic() - started < 60, "no page within a minute"
                time.sleep(0.1)
        print(f"first page after {time.monotonic() - started:.1f} s")
        rows = wait_until_collected(base, 300)
        dearest = max(rows, key=lambda row: float(row["cost_usd"]))
        route = "/route?" + urllib.parse.urlencode({k: dearest[k] for k in ("api", "stage", "route")})
        pages = {"overview": "/", "routes": "/routes", "route": route, "status": "/status"}
        for theme in THEMES:
            driver = browser(theme)
            try:
                for name, path in pages.items():
                    for width in WIDTHS:
                        text = check(driver, base, path, width)
                        keep(driver, f"{name}-{theme}-{width}", width)
                        if name in ("overview", "route"):
                            marks = driver.find_elements(By.CSS_SELECTOR, "svg path, svg polyline, svg rect, svg circle")
                            assert len(marks) > 20, f"{path} has an empty chart"
                        if name == "routes":
                            assert dearest["route"] in text, f"{dearest['route']} is not on {path}"
                hostile = "/route?" + urllib.parse.urlencode(
                    {"api": "shop", "stage": "prod", "route": "GET /<script>document.title='owned'</script>"}
                )
                driver.get(base + hostile)
                assert "owned" not in driver.title, "a route's name ran as a script"
                opened(driver, base + "/routes")
                driver.find_element(By.CSS_SELECTOR, "tbody a[href*='route?']").click()
                assert "/route?" in driver.current_url, driver.current_url
            finally:
                driver.quit()
        print(f"browser: {len(pages)} pages, {len(THEMES)} themes, {len(WIDTHS)} widths: as they should be")
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(timeout=60)
        assert code == 0, f"Ctrl-C ended the demo with {code}"


if __name__ == "__main__":
    main()
