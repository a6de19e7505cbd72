"""What holds for every page: it fits its window, can be read, has names for screen readers, and asks nobody else."""

import json
import re

# Text of less than 18.66 px bold or 24 px needs 4.5 to 1, larger text 3 to 1 (WCAG 2, AA).
CONTRAST = r"""
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const colour = (text) => {
  const numbers = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
  const scale = text.startsWith("color(") ? 1 : 255;
  return [...numbers.slice(0, 3).map((v) => v / scale), numbers[3] ?? 1];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const behind = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const layer = colour(getComputedStyle(e).backgroundColor);
    if (layer[3] > 0) layers.push(layer);
    if (layer[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [1, 1, 1, 1]);
};
const found = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  const style = getComputedStyle(element);
  if (!node.data.trim() || !element.getClientRects().length || element.closest(".hidden, .skip")) continue;
  const ink = element.closest("svg") ? style.fill : style.color;
  if (ink === "none") continue;
  const back = behind(element.closest("svg")?.parentElement ?? element);
  const [a, b] = [luminance(over(colour(ink), back)), luminance(back)].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) || element.closest("svg");
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < (large ? 3 : 4.5)) found.add(`${ratio.toFixed(2)}: ${node.data.trim().slice(0, 40)} (${element.className})`);
}
return [...found];
"""

# Headings in their order, and what a screen reader would find without a name.
NAMES = r"""
const wrong = [];
const levels = [...document.querySelectorAll("h1, h2, h3")].map((h) => Number(h.tagName[1]));
if (levels.filter((l) => l === 1).length !== 1) wrong.push("not one h1");
if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (!field.labels?.length && !field.ariaLabel) wrong.push(`field ${field.name} has no label`);
for (const link of document.querySelectorAll("a[href], button"))
  if (!link.textContent.trim() && !link.ariaLabel) wrong.push(`${link.outerHTML.slice(0, 60)} has no name`);
for (const image of document.querySelectorAll("svg[role=img]"))
  if (!image.ariaLabel && !image.querySelector("title")) wrong.push("an image has no name");
for (const cell of document.querySelectorAll("thead th:not([scope])")) wrong.push(`th ${cell.textContent} has no scope`);
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) wrong.push(`id ${id} twice`);
return wrong;
"""

# Texts of a chart that stand on each other or outside of it.
LABELS = r"""
const wrong = [];
for (const svg of document.querySelectorAll(".drawing > svg")) {
  if (!svg.clientWidth) continue;
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map((t) => [t.textContent.trim(), t.getBoundingClientRect()]);
  for (const [text, box] of boxes) {
    if (box.left < frame.left - 2 || box.right > frame.right + 2) wrong.push(`“${text}” leaves its chart`);
  }
  boxes.forEach(([text, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 4) wrong.push(`“${text}” on “${other}”`);
  }));
}
return wrong;
"""


def page(driver, base, path, width, text):
    """Checks the page that is open; `text` is its text."""
    overflow = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"{path} at {width} px is {overflow} px too wide"
    if path.startswith("/reports"):
        # What a column means may speak of null.
        text = driver.execute_script("return [...document.querySelectorAll('td')].map((td) => td.innerText).join('\\n')")
    assert not re.search(r"\b(NaN|inf|null|None|undefined)\b", text), f"{path} shows a raw missing value: {text[:400]}"
    for name, script in (("contrast", CONTRAST), ("names", NAMES), ("labels", LABELS)):
        wrong = driver.execute_script(script)
        assert not wrong, f"{path} at {width} px, {name}: {wrong}"
    for entry in driver.get_log("browser"):
        assert entry["level"] != "SEVERE", f"{path}: {entry['message']}"
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            assert url.startswith((base, "data:", "about:", "chrome:")), f"{path} asks {url}"
