// The curves: runs that can be switched on and off.
const data = held("data");
const [W, H] = window.innerWidth < 720 ? [400, 320] : [900, 400];  // letters are as large on a phone
const LEFT = 58, RIGHT = 12, TOP = 12, BOTTOM = 40;
byId("plot").setAttribute("viewBox", `0 0 ${W} ${H}`);
const MARKED = 6;  // points of a curve that are marked, so that variants differ without colours too
const MOST = 8;  // variants that are on at first
data.variants.forEach((variant, index) => variant.runs.forEach((run) => { run.on = index < MOST; }));
const isOn = (variant) => variant.runs.some((run) => run.on);

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
  return found;
}
function logTicks(low, high) {
  const found = [], decades = Math.log10(high / low), step = Math.ceil(decades / 8);
  for (let power = Math.ceil(Math.floor(Math.log10(low)) / step) * step; power <= Math.log10(high); power += step) {
    for (const factor of decades > 3 ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found;
}
const label = (value) => {
  const rounded = Number(value.toPrecision(4)), size = Math.abs(rounded);
  return size && (size < 1e-4 || size >= 1e6) ? rounded.toExponential() : rounded.toString();
};

function averaged(variant, name) {
  const points = new Map();
  for (const run of variant.runs.filter((run) => run.on)) {
    run.epoch.forEach((epoch, i) => {
      const value = run[name]?.[i];
      if (value !== null && value !== undefined) points.set(epoch, [...(points.get(epoch) ?? []), value]);
    });
  }
  return [...points].sort((a, b) => a[0] - b[0]).map(([epoch, values]) => {
    const mean = values.reduce((a, b) => a + b) / values.length;
    const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { epoch, mean, deviation: Math.sqrt(square / Math.max(values.length - 1, 1)) };
  });
}

function marked(variant, x, y) {
  const at = draw("g", { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(.8)` });
  at.innerHTML = variant.marker;
  return at;
}

let scales = null, means = [], chosen = 0;
function plot() {
  const svg = byId("plot"), name = byId("series").value, logarithmic = byId("log").checked;
  svg.replaceChildren();
  const shown = data.variants.filter(isOn);
  means = shown.map((variant) => [variant, averaged(variant, name).filter((point) => point.epoch > 0)]);
  const usable = (value) => Number.isFinite(value) && (!logarithmic || value > 0);
  const values = [], all = shown.flatMap((variant) => variant.runs.filter((run) => run.on).flatMap((run) => run.epoch));
  const last = all.reduce((a, b) => Math.max(a, b), 1);
  for (const variant of shown) {
    for (const run of variant.runs.filter((run) => run.on)) {
      const settled = 1 + Math.floor(0.15 * run.epoch[run.epoch.length - 1]);  // earlier epochs would set the scale
      run.epoch.forEach((epoch, i) => {
        if (epoch >= settled && usable(run[name]?.[i] ?? NaN)) values.push(run[name][i]);
      });
    }
  }
  if (!values.length) {
    svg.append(draw("text", { x: W / 2, y: H / 2, "text-anchor": "middle", fill: "currentColor" }, "nothing to show"));
    scales = null;
    return;
  }
  values.sort((a, b) => a - b);
  let [low, high] = [values[0], values[values.length - 1]];
  if (low === high) [low, high] = [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2];
  const [first, end] = last > 1 ? [1, last] : [0, 2];  // a single epoch stands in the middle
  const f = logarithmic ? Math.log : (value) => value;
  const x = (epoch) => LEFT + (W - LEFT - RIGHT) * (epoch - first) / (end - first);
  const y = (value) => H - BOTTOM - (H - TOP - BOTTOM) * (0.02 + 0.96 * (f(value) - f(low)) / (f(high) - f(low)));
  scales = { x, first, end };
  const axis = draw("g", { class: "axis" }), grid = draw("g", { class: "grid" });
  for (const value of logarithmic && high / low > 3 ? logTicks(low, high) : ticks(low, high, 6)) {
    grid.append(draw("line", { x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value) }));
    axis.append(draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, label(value)));
  }
  for (const value of ticks(first, end, 8).filter(Number.isInteger)) {
    axis.append(draw("text", { x: x(value), y: H - BOTTOM + 18, "text-anchor": "middle" }, value));
  }
  axis.append(draw("line", { x1: LEFT, x2: W - RIGHT, y1: H - BOTTOM, y2: H - BOTTOM }));
  axis.append(draw("text", { x: (LEFT + W - RIGHT) / 2, y: H - 6, "text-anchor": "middle" }, "epoch"));
  const clip = draw("clipPath", { id: "inside" });
  clip.append(draw("rect", { x: LEFT - 6, y: TOP - 6, width: W - LEFT - RIGHT + 12, height: H - TOP - BOTTOM + 6 }));
  svg.append(clip, grid, axis);
  const line = (points) => points.map(([epoch, value], i) => `${i ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  for (const [variant, points] of means) {
    const group = draw("g", { style: `--c: ${variant.colour}`, "clip-path": "url(#inside)" });
    group.dataset.variant = variant.name;
    const good = points.filter((point) => usable(point.mean));
    if (byId("band").checked && variant.runs.filter((run) => run.on).length > 1) {
      const up = good.map((p) => [p.epoch, p.mean + p.deviation]);
      const down = good.map((p) => [p.epoch, Math.max(p.mean - p.deviation, logarithmic ? low / 2 : -Infinity)]).reverse();
      if (up.length) group.append(draw("path", { class: "spread", d: `${line([...up, ...down])}Z` }));
    }
    if (byId("single").checked) {
      for (const run of variant.runs.filter((run) => run.on)) {
        const own = run.epoch.map((epoch, i) => [epoch, run[name]?.[i] ?? NaN]).filter(([e, v]) => e > 0 && usable(v));
        group.append(draw("path", { class: "run", d: line(own), "data-run": run.name }));
        if (own.length === 1) group.append(draw("circle", { class: "run", cx: x(own[0][0]), cy: y(own[0][1]), r: 2.5 }));
      }
    }
    group.append(draw("path", {
      class: "mean", d: line(good.map((p) => [p.epoch, p.mean])), "stroke-dasharray": variant.dashes,
    }));
    const every = Math.ceil(good.length / MARKED), shift = data.variants.indexOf(variant) % every;  // not all at one epoch
    for (const p of good.filter((_, i) => i % every === shift)) group.append(marked(variant, x(p.epoch), y(p.mean)));
    svg.append(group);
  }
  const what = byId("series").selectedOptions[0].text;
  svg.setAttribute("aria-label", `${what} by epoch, a line per variant; arrow keys read their values`);
  svg.append(draw("line", { id: "cursor", y1: TOP, y2: H - BOTTOM, x1: -9, x2: -9 }));
}

function read(epoch) {
  if (!scales) return;
  chosen = Math.min(scales.end, Math.max(scales.first, epoch));
  byId("cursor").setAttribute("x1", scales.x(chosen));
  byId("cursor").setAttribute("x2", scales.x(chosen));
  const known = means.map(([variant, points]) => [variant, points.find((point) => point.epoch === chosen)]);
  const words = known.filter(([, point]) => point).map(([variant, point]) => `${variant.name} ${label(point.mean)}`);
  byId("readout").textContent = `epoch ${chosen}: ${words.join("  ·  ")}`;
}
function epochAt(event) {
  const box = byId("plot").getBoundingClientRect();
  const share = ((event.clientX - box.left) / box.width * W - LEFT) / (W - LEFT - RIGHT);
  return scales ? Math.round(scales.first + share * (scales.end - scales.first)) : 0;
}
function readByKey(event) {
  if (!scales) return;
  const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: scales.first, End: scales.end }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  read(to);
}

function legend() {
  byId("legend").replaceChildren(...data.variants.map((variant) => {
    const entry = document.createElement("div"), toggle = document.createElement("button");
    entry.className = "entry";
    toggle.className = "toggle";
    toggle.type = "button";
    toggle.style.setProperty("--c", variant.colour);
    toggle.innerHTML = '<svg class="swatch" width="26" height="14" aria-hidden="true"><path class="mean" d="M0 7H26"/></svg>';
    toggle.querySelector("path").setAttribute("stroke-dasharray", variant.dashes);
    toggle.querySelector("svg").append(marked(variant, 13, 7));
    toggle.append(variant.name);
    toggle.addEventListener("click", () => {
      const on = !isOn(variant);
      variant.runs.forEach((run) => { run.on = on; });
      update();
    });
    const chips = variant.runs.map((run) => {
      const chip = document.createElement("button");
      chip.className = "chip";
      chip.type = "button";
      chip.textContent = run.short;
      chip.title = `switch ${variant.name}, ${run.name} on or off`;
      chip.setAttribute("aria-label", `${variant.name}, ${run.name}`);
      chip.addEventListener("click", () => { run.on = !run.on; update(); });
      return chip;
    });
    variant.show = () => {
      toggle.setAttribute("aria-pressed", isOn(variant));
      variant.runs.forEach((run, i) => chips[i].setAttribute("aria-pressed", run.on));
    };
    entry.append(toggle, ...chips);
    return entry;
  }));
}
function update() {
  data.variants.forEach((variant) => variant.show());
  plot();
}
function switchAll(on) {
  data.variants.forEach((variant) => variant.runs.forEach((run) => { run.on = on; }));
  update();
}

if (data.variants.length) {
  byId("series").append(...data.series.map(([value, words]) => new Option(words, value)));
  byId("log").checked = data.logarithmic;
  for (const id of ["series", "single", "band", "log"]) byId(id).addEventListener("change", plot);
  byId("all").addEventListener("click", () => switchAll(true));
  byId("none").addEventListener("click", () => switchAll(false));
  byId("plot").addEventListener("mousemove", (event) => read(epochAt(event)));
  byId("plot").addEventListener("touchstart", (event) => read(epochAt(event.touches[0])), { passive: true });
  byId("plot").addEventListener("keydown", readByKey);
  legend();
  update();
} else {
  byId("curves").hidden = true;
}
