"""Opens every page of the demo in headless Chromium, wide and narrow, light and dark.

MILLICENT names the binary. With SCREENSHOTS=<folder> it keeps what it saw. Checked: what `checks.py` holds every page to,
charts that have marks in them, what is not counted, working links and keys, mistaken and hostile addresses.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import checks

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
    checks.page(driver, base, path, width, text)
    return text


def keep(driver, name, width):
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        height = driver.execute_script("return document.documentElement.scrollHeight")
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        Path(folder).mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(f"{folder}/{name}.png")


def route_path(row):
    return "/route?" + urllib.parse.urlencode({k: row[k] for k in ("api", "stage", "route")})


def mistakes(driver, base):
    """A wrong address is answered with a status of its own, what is wrong, and a way on."""
    for path, status, says in (
        ("/nowhere", 404, "Nothing is kept under this address"),
        ("/reports/none-such", 404, "none-such"),
        ("/route?api=shop&stage=prod&route=GET+%2Forder", 404, "Perhaps you meant"),
        ("/route?api=shop", 400, "stage"),
        ("/?range=yesterday", 400, "24h, 7d and 14d"),
        ("/?from=2026-11-24&to=2026-11-20", 400, "from must lie before to"),
        ("/routes?sort=magic", 400, "magic"),
    ):
        try:
            urllib.request.urlopen(base + path, timeout=60)
            raise AssertionError(f"{path} was answered as if it were right")
        except urllib.error.HTTPError as error:
            assert error.code == status, f"{path}: {error.code}"
        text = opened(driver, base + path)
        assert says in text, f"{path} does not say {says}: {text}"
        wrong = driver.execute_script(checks.CONTRAST) + driver.execute_script(checks.NAMES)
        assert not wrong, f"{path}: {wrong}"
        assert driver.find_elements(By.CSS_SELECTOR, "main a[href]"), f"{path} leads nowhere"
    driver.get_log("browser")


def hostile(driver, base):
    name = "GET /<script>document.title='owned'</script>\"><img src=x onerror=alert(1)>"
    for path in (
        "/route?" + urllib.parse.urlencode({"api": "shop", "stage": "prod", "route": name}),
        "/routes?" + urllib.parse.urlencode({"q": name}),
        "/reports/explain-route?" + urllib.parse.urlencode({"route": name}),
    ):
        text = opened(driver, base + path)
        assert "owned" not in driver.title, f"{path}: a route's name ran as a script"
        assert not driver.find_elements(By.CSS_SELECTOR, "img"), f"{path}: a route's name became an element"
        assert "<script>" in text or path.startswith("/reports"), f"{path} does not show the name that was asked for"
    driver.get_log("browser")


def uncounted(driver, base, rows):
    """CloudWatch counts no disconnects of a WebSocket API: a dash, and never a zero."""
    row = next(row for row in rows if row["route"] == "$disconnect")
    assert row["requests"] is None and row["cost_per_1000_usd"] is None, row
    opened(driver, base + "/routes?q=%24disconnect")
    headers = [th.text for th in driver.find_elements(By.CSS_SELECTOR, "#routes thead th")]
    cells = [td.text for td in driver.find_elements(By.CSS_SELECTOR, "#routes tbody tr > *")]
    shown = {header.rstrip("↓↑"): cell for header, cell in zip(headers, cells, strict=True)}
    assert shown["Requests"] == shown["Per 1,000"] == shown["Errors"] == "—", shown


def estimates(driver, base, dearest):
    """Cold starts are estimates: every bar, an empty one too, has its interval."""
    for path in ("/", route_path(dearest)):
        opened(driver, base + path)
        assert "95% interval" in driver.find_element(By.CSS_SELECTOR, "#cold").text, path
        whiskers = driver.find_elements(By.CSS_SELECTOR, "#cold .drawing polyline.s-text")
        assert len(whiskers) >= 3 * 12, f"{path}: {len(whiskers)} lines of whiskers in the last day"


def keys(driver, base):
    """The first Tab offers to skip the navigation; a chart is read with the arrow keys."""
    opened(driver, base + "/")
    driver.switch_to.active_element.send_keys(Keys.TAB)
    assert driver.switch_to.active_element.get_attribute("class") == "skip"
    chart = driver.find_element(By.CSS_SELECTOR, "#cost")
    driver.execute_script("arguments[0].focus()", chart)
    chart.send_keys(Keys.END)
    said = chart.find_element(By.CSS_SELECTOR, "[aria-live]").get_attribute("textContent")
    assert "UTC" in said and "$" in said, f"the chart says “{said}”"
    chart.send_keys(Keys.ESCAPE)
    assert not chart.find_elements(By.CSS_SELECTOR, ".tip:not([hidden])")


def drilled(driver, base):
    """From a list to a route, the range kept."""
    for path in ("/routes?range=7d", "/reports/cost-per-request-by-route?range=7d"):
        opened(driver, base + path)
        driver.find_element(By.CSS_SELECTOR, "tbody a[href*='route?']").click()
        assert "/route?" in driver.current_url and "range=7d" in driver.current_url, driver.current_url


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
        reports = [report["name"] for report in json.loads(get(f"{base}/api/v1/reports"))["reports"]]
        pages = {"overview": "/", "routes": "/routes", "route": route_path(dearest), "status": "/status",
                 "reports": "/reports"}
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
                for name in reports:
                    width = WIDTHS[THEMES.index(theme)]
                    check(driver, base, f"/reports/{name}", width)
                    keep(driver, f"report-{name.replace('/', '-')}-{theme}-{width}", width)
                mistakes(driver, base)
                hostile(driver, base)
            finally:
                driver.quit()
        driver = browser("light")
        try:
            uncounted(driver, base, rows)
            estimates(driver, base, dearest)
            keys(driver, base)
            drilled(driver, base)
        finally:
            driver.quit()
        print(f"browser: {len(pages) + len(reports)} pages, {len(THEMES)} themes, {len(WIDTHS)} widths: as they should be")
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(timeout=60)
        assert code == 0, f"Ctrl-C ended the demo with {code}"


if __name__ == "__main__":
    main()
