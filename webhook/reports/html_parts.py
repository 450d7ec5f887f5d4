"""Style and script of the HTML report (pure). Small enough to be read; nothing is fetched from anywhere."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --paper: #fff; --line: #d0d7de; --soft: #f6f8fa;
  --fail: #b42318; --warn: #8a5300; --error: #6941c6; --pass: #1a7f37; --skip: #57606a; --focus: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9aa4af; --paper: #0d1117; --line: #30363d;
  --soft: #161b22; --fail: #ff7b72; --warn: #e3b341; --error: #c4a7ff; --pass: #56d364; --skip: #9aa4af;
  --focus: #58a6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 90rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.tiles, .filters { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1rem; }
.tiles button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line);
  border-radius: 8px; padding: .5rem .9rem; cursor: pointer; text-align: left; min-width: 6.5rem; }
.tiles button[aria-pressed=true] { border-color: currentColor; box-shadow: inset 0 0 0 1px currentColor; }
.tiles b { display: block; font-size: 1.3rem; line-height: 1.2; }
.filters input, .filters select { font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: .35rem .6rem; max-width: 100%; }
.filters input { flex: 1 1 16rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; font-size: .85rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
table.images { table-layout: fixed; } table.images td { overflow-wrap: anywhere; }
table.images th:nth-child(1) { width: 8.5rem; } table.images th:nth-child(2) { width: 27%; }
table.images th:nth-child(3) { width: 24%; }
.narrow { width: auto; } .narrow th, .narrow td { padding: .3rem .6rem; } .wide { overflow-x: auto; }
.counts { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: flex-start; } .counts section { max-width: 100%; }
.verdict { font-weight: 700; }
.fail { color: var(--fail); } .warn { color: var(--warn); } .error { color: var(--error); }
.pass { color: var(--pass); } .skip { color: var(--skip); } .dim { color: var(--dim); }
.finding { margin: 0 0 .5rem; } .finding p { margin: 0; } .finding code.code { color: var(--dim); }
.fix code { background: var(--soft); border-radius: 4px; padding: .1rem .3rem; }
#shown { align-self: center; }
[hidden] { display: none !important; }
@media (max-width: 48rem) { body { padding: 1rem; } thead.images { position: absolute; left: -999rem; }
  table.images, tbody.images { display: block; } .filters select { flex: 1 1 10rem; }
  tbody.images tr, tbody.images td { display: block; border: 0; padding: .1rem 0; }
  tbody.images tr { border-bottom: 1px solid var(--line); padding: .8rem 0; } }
@media print { .filters, .tiles button[aria-pressed=false] { display: none; } }
"""

SCRIPT = """
"use strict";
const rows = [...document.querySelectorAll("tbody.images tr")];
const tiles = [...document.querySelectorAll(".tiles button")];
const search = document.getElementById("search");
const selects = [...document.querySelectorAll(".filters select")];
const shown = document.getElementById("shown");
function wanted(row, verdicts, words) {
  if (verdicts.length && !verdicts.includes(row.dataset.verdict)) return false;
  for (const select of selects)
    if (select.value && !row.dataset[select.name].split(" ").includes(select.value)) return false;
  const text = row.textContent.toLowerCase();
  return words.every((word) => text.includes(word));
}
function filter() {
  const verdicts = tiles.filter((t) => t.getAttribute("aria-pressed") === "true").map((t) => t.dataset.verdict);
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) { row.hidden = !wanted(row, verdicts, words); count += row.hidden ? 0 : 1; }
  shown.textContent = count === rows.length ? "" : count + " of " + rows.length + " shown";
}
for (const tile of tiles)
  tile.addEventListener("click", () => {
    tile.setAttribute("aria-pressed", tile.getAttribute("aria-pressed") === "true" ? "false" : "true");
    filter();
  });
search.addEventListener("input", filter);
for (const select of selects) select.addEventListener("change", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  if (event.key === "Escape") {
    search.value = "";
    for (const select of selects) select.value = "";
    for (const tile of tiles) tile.setAttribute("aria-pressed", "false");
    filter();
  }
});
document.querySelector(".filters").hidden = false;
"""
