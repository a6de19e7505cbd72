// What the pages do beyond HTML: values at the pointer, filtering while typing, and new data without a click.
// Every page works without it.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function chart(figure) {
  const data = JSON.parse(figure.dataset.chart);
  const drawing = figure.querySelector(".drawing");
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  drawing.append(tip);
  const live = document.createElement("p");
  live.className = "hidden";
  live.setAttribute("aria-live", "polite");
  figure.append(live);
  let at = -1;

  for (const svg of drawing.querySelectorAll("svg")) {
    // A title element would show the browser's own tip over ours.
    const title = svg.querySelector("title");
    svg.setAttribute("aria-label", title.textContent);
    svg.removeAttribute("aria-labelledby");
    svg.setAttribute("aria-describedby", svg.querySelector("desc").id);
    title.remove();
    const [left, top, width, height] = svg.dataset.plot.split(" ").map(Number);
    svg.plot = { left, top, width, height };
    svg.cursor = document.createElementNS(SVG, "rect");
    svg.cursor.setAttribute("class", "cursor");
    svg.cursor.setAttribute("y", top);
    svg.cursor.setAttribute("height", height);
    svg.cursor.setAttribute("width", 0);
    svg.prepend(svg.cursor);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const part = ((event.clientX - box.left) / box.width * svg.viewBox.baseVal.width - left) / width;
      show(nearest(part));
    });
    svg.addEventListener("pointerleave", hide);
  }
  figure.addEventListener("keydown", (event) => {
    const last = data.at.length - 1;
    const to = { ArrowLeft: at < 0 ? last : at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") return hide();
    if (to === undefined || event.target !== figure) return;
    event.preventDefault();
    show(Math.max(0, Math.min(last, to)));
    live.textContent = tip.innerText.replaceAll("\n", " ");
  });
  figure.addEventListener("blur", hide);

  function nearest(part) {
    let best = 0;
    let distance = Infinity;
    data.at.forEach(([from, to], i) => {
      const away = Math.max(from - part, part - to, 0);
      if (away < distance) [best, distance] = [i, away];
    });
    return best;
  }

  function line(name, text, ink) {
    const row = document.createElement("p");
    if (ink) {
      const swatch = document.createElement("i");
      swatch.className = "swatch f-" + ink;
      row.append(swatch);
    }
    row.append(name + " ");
    const value = document.createElement("b");
    value.textContent = text;
    row.append(value);
    return row;
  }

  function show(i) {
    const svg = [...drawing.querySelectorAll("svg")].find((svg) => svg.clientWidth > 0);
    if (!svg || i < 0) return;
    if (i !== at || tip.hidden) {
      at = i;
      const heading = document.createElement("p");
      heading.className = "tip-time";
      heading.textContent = data.label[i] + " UTC";
      const [from, to] = data.at[i];
      const marks = data.marks.filter(([x]) => x >= from && x <= to).map(([, label]) => line("Changed:", label, "deploy"));
      tip.replaceChildren(heading, ...data.series.map((s) => line(s.name, s.text[i], s.class)), ...marks);
    }
    const [from, to] = data.at[i];
    const { left, width } = svg.plot;
    svg.cursor.setAttribute("x", left + from * width);
    svg.cursor.setAttribute("width", Math.max((to - from) * width, 3));
    tip.hidden = false;
    const scale = svg.clientWidth / svg.viewBox.baseVal.width;
    const middle = (left + (from + to) / 2 * width) * scale;
    const room = svg.clientWidth - tip.offsetWidth;
    const beside = middle + 14 > room ? middle - 14 - tip.offsetWidth : middle + 14;
    tip.style.left = Math.max(0, Math.min(room, beside)) + "px";
  }

  function hide() {
    at = -1;
    tip.hidden = true;
    live.textContent = "";
    for (const svg of drawing.querySelectorAll("svg")) svg.cursor.setAttribute("width", 0);
  }
}

// Hides rows that lack a word of the filter; the form asks the server for the same.
function filter(input) {
  const table = document.getElementById(input.dataset.filter);
  if (!table) return;
  const asked = input.value;
  input.addEventListener("input", () => {
    // The rows that the server left out are needed again once the filter gets shorter.
    if (!input.value.toLowerCase().startsWith(asked.toLowerCase())) return;
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of table.tBodies[0].rows) {
      const text = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    if (table.tFoot) table.tFoot.hidden = input.value !== asked;
  });
}

// Loads the page again while nobody is busy with it.
function keepLive(seconds) {
  let touched = Date.now();
  for (const kind of ["pointermove", "keydown", "scroll", "touchstart"]) {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  }
  setInterval(() => {
    const busy = Date.now() - touched < 20000
      || document.visibilityState !== "visible"
      || document.querySelector("details[open]")
      || ["INPUT", "SELECT"].includes(document.activeElement.tagName);
    if (!busy) location.reload();
  }, seconds * 1000);
}

for (const figure of document.querySelectorAll("figure[data-chart]")) chart(figure);
for (const input of document.querySelectorAll("input[data-filter]")) filter(input);
if (document.body.dataset.live) keepLive(Number(document.body.dataset.live));
