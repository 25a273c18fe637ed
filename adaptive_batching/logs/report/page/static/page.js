
(function () {
"use strict";
var data = JSON.parse(document.getElementById("data").textContent);
var root = document.documentElement, plots = [], sync = uPlot.sync("time");
function byId(id) { return document.getElementById(id); }
function colour(name) { return getComputedStyle(root).getPropertyValue("--" + name).trim(); }
function two(n) { return (n < 10 ? "0" : "") + n; }
function duration(ms) {
  if (ms == null) return "–";
  if (ms === 0) return "0";
  if (ms < 10 && ms % 1) return ms.toFixed(1) + " ms";
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 120000) return +(ms / 1000).toPrecision(3) + " s";
  var minutes = ms / 60000;
  return minutes < 60 ? +minutes.toPrecision(3) + " min" : +(minutes / 60).toPrecision(3) + " h";
}
function count(n) { return n == null ? "–" : n.toLocaleString("en"); }
function clock(s, day) {
  var d = new Date(s * 1000), text = two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
  if (data.width < 60) text += ":" + two(d.getUTCSeconds());
  return day ? d.getUTCFullYear() + "-" + two(d.getUTCMonth() + 1) + "-" + two(d.getUTCDate()) + " " + text : text;
}
var starts = [], middles = [], steps;
for (var i = 0; i < data.bins; i++) { starts.push(data.start + i * data.width); middles.push(data.start + (i + 0.5) * data.width); }
var first = data.start, last = data.start + data.bins * data.width, days = last - first > 86400;
steps = starts.concat([last]);
function held(values) { return values.concat(values.slice(-1)); }

// charts

function axes(value, log) {
  var one = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1 }, font: "12px system-ui, sans-serif" };
  var y = Object.assign({}, one, { size: 62, values: function (u, all) { return all.map(function (v) { return v == null ? null : value(v); }); } });
  if (value === whole) y.incrs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8, 1e9];
  if (log) {
    y.filter = function (u, all) { return all.map(function (v) { return Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6 ? v : null; }); };
    y.grid = Object.assign({ filter: y.filter }, one.grid); y.ticks = Object.assign({ filter: y.filter }, one.ticks);
  }
  return [Object.assign({ values: [
    [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1], [0.001, "{HH}:{mm}:{ss}.{fff}", null, null, null, null, null, null, 1]
  ], space: 70 }, one), y];
}
function alone(u, at) { // the points that no line leads to; all of them where there are few
  var values = u.data[at], there = [], lonely = [];
  values.forEach(function (v, n) {
    if (v == null) return;
    there.push(n);
    if (values[n - 1] == null && values[n + 1] == null) lonely.push(n);
  });
  return there.length <= 40 ? there : lonely;
}
function line(name, stroke, value, more) {
  return Object.assign({ label: name, stroke: colour(stroke), width: 1.75, value: function (u, v) { return value(v); }, points: { show: true, size: 5, filter: alone } }, more || {});
}
function draw(id, columns, series, value, more) {
  var box = byId(id);
  if (!box) return;
  box.textContent = "";
  var options = Object.assign({
    width: box.clientWidth, height: 220, tzDate: function (s) { return uPlot.tzDate(new Date(s * 1000), "UTC"); },
    cursor: { sync: { key: sync.key, setSeries: false }, y: false },
    scales: { x: { time: true, range: function (u, low, high) { return low == null || high == null || low === high ? [first, last] : [low, high]; } },
      y: { range: function (u, low, high) { return [0, Math.max(high || 0, 1e-9) * 1.08]; } } },
    axes: axes(value), series: [{ label: "at", value: function (u, s) { return s == null ? "–" : clock(s - (more && more.exact ? 0 : data.width / 2), days); } }].concat(series),
  }, (more && more.options) || {});
  var plot = new uPlot(options, columns, box);
  plot.box = box;
  plot.setScale("x", { min: first, max: last });
  plots.push(plot);
  numbers(id, columns, series, value, more && more.exact);
}
function bars(fill) {
  return { fill: colour(fill), width: 0, paths: uPlot.paths.bars({ size: [0.82, 40] }), points: { show: false } };
}
function whole(n) { return n % 1 ? "" : count(n); }
function all() {
  plots.forEach(function (plot) { plot.destroy(); });
  plots = [];
  draw("c-invocations", [middles, data.invocations, data.failed], [line("invocations", "blue", count, bars("blue-soft")), line("failed", "red", count, bars("red"))], whole);
  var log = { options: { scales: { x: { time: true, range: function (u, low, high) { return low == null || low === high ? [first, last] : [low, high]; } }, y: { distr: 3,
    range: function (u, low, high) { return low == null ? [1, 1000] : [Math.pow(10, Math.floor(Math.log10(Math.max(low, 0.1)))), Math.pow(10, Math.ceil(Math.log10(Math.max(high, 1) * 1.01)))]; } } }, axes: axes(duration, true) } };
  draw("c-percentiles", [middles, data.p50, data.p95, data.p99, data.max], [line("p50", "c3", duration), line("p95", "c1", duration), line("p99", "c5", duration), line("max", "c8", duration, { dash: [3, 3], width: 1 })], duration, log);
  draw("c-running", [steps, held(data.running)], [line("at once", "c6", count, { fill: "rgba(" + colour("heat") + ",.12)", paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } })], whole, { exact: true });
  if (data.lead[0].length) {
    var seconds = data.lead[1].map(function (s) { return s * 1000; });
    draw("c-lead", [data.lead[0], seconds], [line("lead time", "violet", duration, { paths: function () { return null; }, points: { show: true, size: 5, stroke: colour("violet"), fill: colour("violet"), width: 0 } })], duration, { exact: true });
  }
  patterns();
  maps();
}
function patterns() {
  var old = plots.filter(function (plot) { return plot.box.id === "c-patterns"; });
  old.forEach(function (plot) { plot.destroy(); });
  plots = plots.filter(function (plot) { return old.indexOf(plot) < 0; });
  var chosen = document.querySelector("input[name=counted]:checked");
  if (!chosen) return;
  var columns = [steps].concat(data.patterns.map(function (one) { return held(one[chosen.value]); }));
  draw("c-patterns", columns, data.patterns.map(function (one, n) {
    return line(one.name, "c" + (n % 8 + 1), count, { paths: uPlot.paths.stepped({ align: 1 }), points: { show: false }, dash: n < 8 ? [] : [6, 3] });
  }), whole, { exact: true });
}
function numbers(id, columns, series, value, exact) {
  var details = document.querySelector('details[data-for="' + id + '"]');
  if (!details) return;
  function fill() {
    if (!details.open) return;
    var old = details.querySelector(".scroll");
    if (old) old.remove();
    var scroll = document.createElement("div"), table = document.createElement("table");
    scroll.className = "scroll"; scroll.tabIndex = 0;
    var row = table.createTHead().insertRow();
    ["at"].concat(series.map(function (one) { return one.label; })).forEach(function (name, n) {
      var cell = document.createElement("th"); cell.scope = "col"; cell.textContent = name; if (n) cell.className = "n"; row.appendChild(cell);
    });
    var body = table.createTBody();
    columns[0].forEach(function (at, n) {
      var row = body.insertRow();
      row.insertCell().textContent = clock(exact ? at : at - data.width / 2, true);
      columns.slice(1).forEach(function (column) { var cell = row.insertCell(); cell.className = "n"; cell.textContent = column[n] == null ? "–" : value(column[n]); });
    });
    scroll.appendChild(table); details.appendChild(scroll);
  }
  details.ontoggle = fill;
  fill();
}

// heat maps: one scale of durations for all of them

var low = Infinity, high = -Infinity, per = data.rowsPerDecade;
data.maps.forEach(function (one) { for (var n = 1; n < one.cells.length; n += 3) { low = Math.min(low, one.cells[n]); high = Math.max(high, one.cells[n]); } });
low = Math.max(Math.floor(low / per) * per, 0); high = Math.max(Math.ceil((high + 1) / per) * per, low + per);
var LEFT = 52, BOTTOM = 20, TOP = 4;
function place(canvas) {
  var w = canvas.clientWidth - LEFT - 2, h = canvas.clientHeight - BOTTOM - TOP;
  return { w: w, h: h, dx: w / data.bins, dy: h / (high - low) };
}
function maps() {
  var ratio = window.devicePixelRatio || 1;
  document.querySelectorAll("canvas[data-map]").forEach(function (canvas) {
    var one = data.maps[+canvas.dataset.map], at = place(canvas), c = canvas.getContext("2d"), most = 1, n;
    canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio;
    c.scale(ratio, ratio);
    c.font = "12px system-ui, sans-serif"; c.fillStyle = colour("muted"); c.strokeStyle = colour("grid"); c.textBaseline = "middle"; c.textAlign = "right";
    for (n = low; n <= high; n += per) {
      var y = TOP + at.h - (n - low) * at.dy;
      c.beginPath(); c.moveTo(LEFT, y); c.lineTo(LEFT + at.w, y); c.stroke();
      c.fillText(duration(Math.pow(10, n / per)), LEFT - 6, Math.min(Math.max(y, 7), TOP + at.h));
    }
    c.textBaseline = "alphabetic";
    [[0, "left"], [0.5, "center"], [1, "right"]].forEach(function (mark) {
      c.textAlign = mark[1]; c.fillText(clock(first + (last - first) * mark[0], days && mark[0] !== 0.5), LEFT + at.w * mark[0], canvas.clientHeight - 4);
    });
    for (n = 2; n < one.cells.length; n += 3) most = Math.max(most, one.cells[n]);
    for (n = 0; n < one.cells.length; n += 3) {
      var strength = most > 1 ? 0.28 + 0.72 * Math.log(one.cells[n + 2]) / Math.log(most) : 0.6;
      c.fillStyle = "rgba(" + colour("heat") + "," + strength.toFixed(2) + ")";
      var x = LEFT + one.cells[n] * at.dx, top = TOP + at.h - (one.cells[n + 1] - low + 1) * at.dy;
      c.fillRect(x, top, Math.max(at.dx - (at.dx > 3 ? 0.6 : 0), 1), Math.max(at.dy - (at.dy > 3 ? 0.6 : 0), 1));
    }
    if (one.timeout) {
      var line = TOP + at.h - (Math.log10(one.timeout) * per - low) * at.dy;
      if (line >= 0 && line <= TOP + at.h) {
        c.strokeStyle = colour("red"); c.setLineDash([5, 4]); c.beginPath(); c.moveTo(LEFT, line); c.lineTo(LEFT + at.w, line); c.stroke(); c.setLineDash([]);
      }
    }
  });
}
var tip = document.createElement("div");
tip.id = "tip"; document.body.appendChild(tip);
document.querySelectorAll("canvas[data-map]").forEach(function (canvas) {
  canvas.addEventListener("mousemove", function (event) {
    var one = data.maps[+canvas.dataset.map], at = place(canvas), box = canvas.getBoundingClientRect();
    var bin = Math.floor((event.clientX - box.left - LEFT) / at.dx), row = low + Math.floor((TOP + at.h - (event.clientY - box.top)) / at.dy), found = 0;
    for (var n = 0; n < one.cells.length; n += 3) if (one.cells[n] === bin && one.cells[n + 1] === row) found = one.cells[n + 2];
    tip.style.display = found ? "block" : "none";
    if (!found) return;
    tip.textContent = count(found) + (found === 1 ? " invocation" : " invocations") + "\n" + clock(starts[bin], true) + "\n" + duration(Math.pow(10, row / per)) + " to " + duration(Math.pow(10, (row + 1) / per));
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px"; tip.style.top = event.clientY + 14 + "px";
  });
  canvas.addEventListener("mouseleave", function () { tip.style.display = "none"; });
});

// sorting

document.querySelectorAll("table.sorts thead th").forEach(function (th) {
  var button = document.createElement("button");
  button.type = "button"; button.textContent = th.textContent; th.textContent = ""; th.appendChild(button);
  button.addEventListener("click", function () {
    var table = th.closest("table"), at = th.cellIndex, body = table.tBodies[0];
    var down = th.getAttribute("aria-sort") ? th.getAttribute("aria-sort") === "ascending" : th.classList.contains("n");
    Array.prototype.forEach.call(th.parentElement.cells, function (one) { one.removeAttribute("aria-sort"); });
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    function key(row) { var cell = row.cells[at]; return th.classList.contains("n") ? (cell.dataset.v === undefined ? -Infinity : +cell.dataset.v) : cell.textContent; }
    Array.prototype.slice.call(body.rows).sort(function (a, b) {
      var one = key(a), other = key(b);
      return (one < other ? -1 : one > other ? 1 : 0) * (down ? -1 : 1);
    }).forEach(function (row) { body.appendChild(row); });
  });
});

// colours

function theme(value) {
  if (value) root.dataset.theme = value; else delete root.dataset.theme;
  all();
}
var kept = "";
try { kept = localStorage.getItem("theme") || ""; } catch (e) { kept = ""; }
document.querySelectorAll("input[name=theme]").forEach(function (input) {
  input.checked = input.value === kept;
  input.addEventListener("change", function () {
    try { localStorage.setItem("theme", input.value); } catch (e) { /* the page is a file */ }
    theme(input.value);
  });
});
document.querySelectorAll("input[name=counted]").forEach(function (input) { input.addEventListener("change", patterns); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
var resized;
window.addEventListener("resize", function () { clearTimeout(resized); resized = setTimeout(all, 120); });
theme(kept === "light" || kept === "dark" ? kept : "");
})();
