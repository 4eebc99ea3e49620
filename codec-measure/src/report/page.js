// The behaviour of the page: it filters the tables and draws the charts from the embedded data, by
// the same conventions as the standalone plots (plot/chart.rs). Without this script the page is
// complete but static.
"use strict";
const page = (() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const data = JSON.parse(byId("data").textContent);
  const controls = byId("controls");
  const state = {
    arms: new Set(data.arms.keys()),
    clips: new Set(data.clips.keys()),
    metric: 0,
    pool: 0,
    log: true,
    point: null,
  };
  // What other parts of the script draw, and what happens if a point is selected.
  const parts = [];
  const selected = [];
  const changed = [];
  root.classList.add("js");

  // --- numbers ---------------------------------------------------------------------------------

  const fixed = (value, decimals) => value.toFixed(decimals).replace(/^-(?=.*[1-9])/, "\u2212").replace(/^-/, "");
  const short = (value) => {
    const size = Math.abs(value);
    return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
  };
  const decimalsOf = (value) => {
    for (let decimals = 0; decimals < 6; decimals++) {
      const scaled = Math.abs(value) * 10 ** decimals;
      if (scaled > 0.5 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
    }
    return 6;
  };
  const ruler = document.createElement("canvas").getContext("2d");
  const width = (text, size = 11) => {
    ruler.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  };

  const signed = (value, decimals) => (value > 0 && Number(value.toFixed(decimals)) !== 0 ? "+" : "") + fixed(value, decimals);

  // --- axes ------------------------------------------------------------------------------------

  function axisOver(label, log, values) {
    const shown = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
    let [low, high] = shown.length ? [Math.min(...shown), Math.max(...shown)] : [1, 10];
    if (log) {
      const room = high > low ? (high / low) ** 0.06 : 1.5;
      [low, high] = [low / room, high * room];
    } else {
      const room = high > low ? 0.06 * (high - low) : 0.05 * Math.max(Math.abs(high), 1);
      [low, high] = [low - room, high + room];
    }
    return { label, log, low, high };
  }

  const placeOn = (axis, value) =>
    axis.log
      ? Math.log(value / axis.low) / Math.log(axis.high / axis.low)
      : (value - axis.low) / (axis.high - axis.low);

  function ticksOf(axis, wanted) {
    if (axis.log) {
      for (const steps of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1]]) {
        const values = [];
        for (let power = -12; power <= 15; power++) {
          for (const step of steps) {
            const value = Number(`${step}e${power}`);
            if (value >= axis.low * (1 - 1e-9) && value <= axis.high * (1 + 1e-9)) values.push(value);
          }
        }
        if (values.length <= Math.max(wanted, 2) + 1 || steps.length === 1) {
          if (values.length < 2) break;
          return values.map((value) => [value, fixed(value, decimalsOf(value))]);
        }
      }
    }
    const raw = (axis.high - axis.low) / Math.max(wanted, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const size = raw / power;
    const step = power * (size < 1.5 ? 1 : size < 3.5 ? 2 : size < 7.5 ? 5 : 10);
    const first = Math.ceil(axis.low / step - 1e-9);
    const found = [];
    for (let index = 0; index < 100 && (first + index) * step <= axis.high + step * 1e-9; index++) {
      found.push([(first + index) * step, fixed((first + index) * step, decimalsOf(step))]);
    }
    return found;
  }

  // --- charts ----------------------------------------------------------------------------------

  const colour = (series) => `var(--s${series.style % 8})`;

  function node(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  function label(parent, x, y, text, more = {}) {
    return node(parent, "text", { x, y, "font-size": 11, fill: "var(--soft)", ...more }, text);
  }

  const line = (parent, d, stroke, more = {}) =>
    node(parent, "path", { d, stroke, fill: "none", "stroke-width": 1, ...more });

  // Draws `charts` below each other into `box`, in the box's width.
  function draw(box, charts, name, height) {
    const wide = Math.max(box.clientWidth || 640, 240);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const total = height * charts.length;
    for (const [key, value] of Object.entries({
      viewBox: `0 0 ${wide} ${total}`, width: wide, height: total, role: "img", "aria-label": name,
    })) svg.setAttribute(key, value);
    const marks = charts.flatMap((chart, index) => drawOne(svg, chart, index * height, wide, height));
    hover(svg, marks);
    box.classList.remove("still");
    box.replaceChildren(svg);
  }

  // Draws one chart and returns the marks for tooltips.
  function drawOne(svg, chart, top, wide, height) {
    const titled = chart.title ? 20 : 0;
    const y0 = top + titled + 22;
    const high = height - titled - 60;
    const yTicks = ticksOf(chart.y, Math.max(high / 36, 2));
    const x0 = Math.max(16, ...yTicks.map(([, text]) => width(text))) + 8;
    const long = wide - x0 - 12;
    const x = (value) => x0 + placeOn(chart.x, value) * long;
    const y = (value) => y0 + (1 - placeOn(chart.y, value)) * high;
    const clampX = (value) => Math.min(Math.max(x(value), x0), x0 + long);
    const clampY = (value) => Math.min(Math.max(y(value), y0), y0 + high);
    if (titled) label(svg, 0, top + 12, chart.title, { "font-size": 13, "font-weight": 600, fill: "var(--ink)" });
    label(svg, 0, y0 - 9, chart.y.label);
    for (const [value, text] of yTicks) {
      line(svg, `M${x0} ${y(value)}H${x0 + long}`, "var(--grid)");
      label(svg, x0 - 6, y(value) + 3.8, text, { "text-anchor": "end" });
    }
    let free = -Infinity;
    for (const [value, text] of ticksOf(chart.x, Math.max(long / 64, 2))) {
      line(svg, `M${x(value)} ${y0}V${y0 + high}`, "var(--grid)");
      line(svg, `M${x(value)} ${y0 + high}v4`, "var(--soft)");
      const half = width(text) / 2;
      if (x(value) - half > free) {
        label(svg, x(value), y0 + high + 16, text, { "text-anchor": "middle" });
        free = x(value) + half + 4;
      }
    }
    line(svg, `M${x0} ${y0 + high}H${x0 + long}`, "var(--soft)");
    label(svg, x0 + long / 2, y0 + high + 31, chart.x.label, { "text-anchor": "middle" });
    svg.area = { x0, long, low: chart.x.low, high: chart.x.high };
    const rules = (chart.rules ?? []).filter((rule) => {
      const at = placeOn(rule.upright ? chart.x : chart.y, rule.at);
      return at >= 0 && at <= 1;
    });
    for (const rule of rules) {
      const d = rule.upright ? `M${x(rule.at)} ${y0}V${y0 + high}` : `M${x0} ${y(rule.at)}H${x0 + long}`;
      line(svg, d, "var(--ink)", { "stroke-dasharray": "4 3" });
    }
    const shown = chart.series.filter((series) => series.arm == null || state.arms.has(series.arm));
    const found = [];
    for (const series of shown) {
      const places = series.marks.map(([mx, my, spans, tip, point]) => ({ x: clampX(mx), y: clampY(my), spans, tip, point, at: [mx, my] }));
      if (series.shape !== "named" && places.length > 1) {
        const d = places.map((p, index) =>
          index === 0 ? `M${p.x} ${p.y}` : series.shape === "steps" ? `H${p.x}V${p.y}` : `L${p.x} ${p.y}`).join("");
        line(svg, d, colour(series), { "stroke-width": 1.75, "stroke-linejoin": "round", "stroke-dasharray": data.dashes[series.dash % data.dashes.length] });
      }
      for (const p of places) {
        if (!p.spans) continue;
        const [[left, right], [low, up]] = p.spans;
        line(svg, `M${clampX(left)} ${p.y}H${clampX(right)}M${p.x} ${clampY(low)}V${clampY(up)}`, colour(series));
      }
      // The marker of a step is on its level part, not at its end.
      const level = (p, index) => ({ ...p, x: (p.x + places[index + 1].x) / 2 });
      const spread = series.shape === "steps" ? places.slice(0, -1).map(level) : places;
      const marked = series.shape === "marked" || series.shape === "named" ? places : series.arm == null ? [] : sparse(spread, series.style);
      for (const p of marked) {
        node(svg, "path", { class: "mark", d: data.markers[series.style % data.markers.length], transform: `translate(${p.x} ${p.y})`, fill: colour(series), stroke: "var(--paper)" });
      }
      for (const p of places.filter(({ point }) => point !== undefined && point === state.point)) {
        node(svg, "circle", { class: "selected", cx: p.x, cy: p.y, r: 8, fill: "none", stroke: "var(--ink)", "stroke-width": 2 });
      }
      if (series.arm == null) continue;
      const arm = data.arms[series.arm].name;
      for (const p of spread) {
        found.push({ x: p.x, y: p.y, point: p.point, tip: p.tip || `${arm}\n${chart.x.label}: ${short(p.at[0])}\n${chart.y.label}: ${short(p.at[1])}` });
      }
    }
    rules.forEach((rule, row) => {
      const beside = { class: "halo", fill: "var(--ink)" };
      if (!rule.upright) return label(svg, x0 + long, y(rule.at) - 4, rule.label, { ...beside, "text-anchor": "end" });
      const ends = x(rule.at) + 6 + width(rule.label) > x0 + long;
      label(svg, x(rule.at) + (ends ? -5 : 5), y0 + 10 + 14 * row, rule.label, { ...beside, "text-anchor": ends ? "end" : "start" });
    });
    names(svg, shown, clampX, clampY, { x0, y0, long, high });
    if (!found.length) label(svg, x0 + long / 2, y0 + high / 2, "nothing to show", { "text-anchor": "middle" });
    return found;
  }

  // Markers that distinguish lines without colour, away from those of the other curves.
  function sparse(places, style) {
    let next = (places[0]?.x ?? 0) + 20 + 23 * (style % 4);
    let before = null;
    return places.filter((p) => {
      const far = before && Math.hypot(p.x - before.x, p.y - before.y) > 80;
      if (p.x < next && !far) return false;
      [before, next] = [p, p.x + 110];
      return true;
    });
  }

  // Places names next to the marks, at free positions.
  function names(svg, series, x, y, inner) {
    const points = series.filter((one) => one.shape === "named").flatMap((one) => one.marks.map(([mx, my]) => [x(mx), y(my), one]));
    const taken = points.map(([px, py]) => [px - 5, py - 5, 10, 10]);
    for (const one of series.filter(({ shape }) => shape === "line")) {
      const places = one.marks.map(([mx, my]) => [x(mx), y(my)]);
      places.slice(1).forEach(([bx, by], index) => {
        const [ax, ay] = places[index];
        const steps = Math.hypot(bx - ax, by - ay) / 8;
        for (let step = 1; step < steps; step++) taken.push([ax + ((bx - ax) * step) / steps, ay + ((by - ay) * step) / steps, 1, 1]);
      });
    }
    for (const [px, py, one] of points) {
      let text = data.arms[one.arm].name;
      while (text.length > 4 && width(text) > inner.long * 0.5) text = `${text.slice(0, -2)}…`;
      const w = width(text);
      const rows = [[8, -17], [8, 5], [-8 - w, -17], [-8 - w, 5], [-w / 2, -24], [-w / 2, 12], [9, -28], [9, 20], [-9 - w, -28], [-9 - w, 20]];
      const cost = ([dx, dy]) => {
        const [left, up] = [px + dx, py + dy];
        const meets = taken.filter(([tx, ty, tw, th]) => left < tx + tw && tx < left + w && up < ty + th && ty < up + 12).length;
        const inside = left >= inner.x0 && left + w <= inner.x0 + inner.long + 8 && up >= inner.y0 && up + 12 <= inner.y0 + inner.high;
        return meets + (inside ? 0 : 10);
      };
      const [dx, dy] = rows.reduce((best, next) => (cost(next) < cost(best) ? next : best));
      taken.push([px + dx, py + dy, w, 12]);
      label(svg, px + dx, py + dy + 10, text, { class: "halo", fill: colour(one) });
    }
  }

  // --- tooltips --------------------------------------------------------------------------------

  const tip = byId("tip");
  // The last kind of pointer, and the element whose tooltip a tap opened.
  let pressed = "";
  let tapped = null;

  function say(text, pageX, pageY) {
    tip.textContent = text;
    tip.hidden = false;
    const right = root.scrollLeft + root.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(pageX + 14, right))}px`;
    tip.style.top = `${pageY + 16}px`;
  }

  function hover(svg, marks) {
    svg.dataset.hover = "";
    const ring = node(svg, "circle", { r: 6.5, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, visibility: "hidden" });
    const quiet = () => {
      tip.hidden = true;
      ring.setAttribute("visibility", "hidden");
    };
    const closest = (event, reach) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const [px, py] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      let best = null;
      let least = reach * scale;
      for (const mark of marks) {
        const away = Math.hypot(mark.x - px, mark.y - py);
        if (away < least) [best, least] = [mark, away];
      }
      return best;
    };
    const nearest = (event, reach) => {
      const best = closest(event, reach);
      if (!best) return quiet();
      for (const [key, value] of Object.entries({ cx: best.x, cy: best.y, visibility: "visible" })) ring.setAttribute(key, value);
      say(best.tip, event.pageX, event.pageY);
    };
    const reach = () => (pressed === "touch" ? 40 : 28);
    pointed(svg, (event) => nearest(event, reach()), quiet);
    // A click selects a point; a tap shows its tooltip, too.
    svg.addEventListener("click", (event) => {
      const best = closest(event, reach());
      if (best?.point !== undefined) select(best.point);
    });
  }

  // A mouse or pen opens tooltips by moving, a finger by a tap: a tooltip opened by a tap stays until
  // the next tap, and scrolling works as usual.
  function pointed(element, look, quiet) {
    element.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") look(event); });
    element.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") quiet(); });
    element.addEventListener("click", (event) => {
      if (pressed !== "touch") return;
      look(event);
      tapped = { element, quiet };
    });
  }

  document.addEventListener("pointerdown", (event) => {
    pressed = event.pointerType;
    if (tapped && !tapped.element.contains(event.target)) tapped.quiet();
  }, true);

  // Static plots: their titles become tooltips.
  for (const title of all(".plot.still svg title")) {
    const mark = title.parentNode;
    const text = title.textContent;
    mark.setAttribute("aria-label", text);
    title.remove();
    pointed(mark, (event) => say(text, event.pageX, event.pageY), () => { tip.hidden = true; });
  }

  // --- selection -------------------------------------------------------------------------------

  function curves() {
    const box = byId("rd");
    if (!box) return;
    const metric = data.metrics[state.metric];
    const pool = state.pool === 0 ? "" : `, ${controls.elements.pool.selectedOptions[0].text}`;
    const figures = all("figure", box).filter((figure) => state.clips.has(Number(figure.dataset.clip)));
    box.classList.toggle("few", figures.length === 1);
    for (const figure of figures) {
      const clip = Number(figure.dataset.clip);
      const points = data.points.filter((point) => point.clip === clip && point.quality[state.metric]?.[state.pool] != null);
      const series = data.arms.map((arm, index) => ({
        arm: index,
        style: arm.style,
        dash: arm.dash,
        shape: "marked",
        marks: points
          .filter((point) => point.arm === index)
          .map((point) => {
            const value = point.quality[state.metric][state.pool];
            const digits = Math.abs(value) < 2 ? 4 : 2;
            const text = `${arm.name}\n${point.target}: ${short(point.kbps)} kb/s\n${metric.name}${pool} ${fixed(value, digits)} ${metric.unit}\n${point.tip}`;
            return [point.kbps, value, null, text.trim(), data.points.indexOf(point)];
          })
          .sort((a, b) => a[0] - b[0]),
      }));
      const shown = series.filter((one) => state.arms.has(one.arm)).flatMap((one) => one.marks);
      const chart = {
        x: axisOver(state.log ? "Bitrate (kb/s)" : "Bitrate (kb/s, linear)", state.log, shown.map((mark) => mark[0])),
        y: axisOver(metric.label + pool, false, shown.map((mark) => mark[1])),
        series,
      };
      draw(figure.querySelector(".plot"), [chart], `${data.clips[clip]}: ${metric.name} over bitrate`, figures.length === 1 ? 420 : 280);
    }
  }

  // The shown arms that no other shown arm beats in both speed and BD-rate.
  const rateOf = (row) => (row.anchor ? [0, 0, 0] : row.bd[state.metric]);

  function unbeaten(rows) {
    const found = [...state.arms].filter((arm) => rows[arm].ratio && rateOf(rows[arm]));
    const place = (arm) => [rows[arm].ratio[0], rateOf(rows[arm])[0]];
    return found.filter((arm) => {
      const [time, rate] = place(arm);
      return !found.some((other) => {
        const [t, r] = place(other);
        return t <= time && r <= rate && (t < time || r < rate);
      });
    });
  }

  function frontier() {
    const box = byId("frontier");
    if (!box) return;
    const metric = data.metrics[state.metric];
    const rows = combined();
    const best = new Set(unbeaten(rows));
    const placed = data.arms.flatMap((arm, index) => {
      const { ratio } = rows[index];
      const rate = rateOf(rows[index]);
      if (!ratio || !rate || !state.arms.has(index)) return [];
      const whole = ratio[1] !== undefined && rate[1] !== undefined;
      const spans = whole ? [[ratio[1], ratio[2]], [rate[1], rate[2]]] : null;
      const time = `CPU time × ${short(ratio[0])}${whole ? ` (${short(ratio[1])} to ${short(ratio[2])})` : ""}`;
      const bits = `BD-rate ${signed(rate[0], 1)} %${whole ? ` (${signed(rate[1], 1)} to ${signed(rate[2], 1)})` : ""}`;
      const text = `${arm.name}\n${time}\n${bits} by ${metric.name}`;
      const mark = [ratio[0], rate[0], spans, text];
      return [{ arm: index, style: arm.style, dash: arm.dash, shape: "named", marks: [mark] }];
    });
    const edge = placed.filter(({ arm }) => best.has(arm)).map(({ marks }) => [marks[0][0], marks[0][1]]).sort((a, b) => a[0] - b[0]);
    const ends = placed.flatMap(({ marks: [[x, y, spans]] }) => (spans ? spans[0].map((at, i) => [at, spans[1][i]]) : [[x, y]]));
    const chart = {
      ...data.frontier,
      title: "",
      x: axisOver(data.frontier.x.label, data.frontier.x.log, ends.map(([at]) => at)),
      y: axisOver(`BD-rate by ${metric.name} (%; less is better)`, false, [0, ...ends.map(([, at]) => at)]),
      series: [{ arm: null, style: 0, dash: 2, shape: "line", marks: edge }, ...placed],
    };
    draw(box, [chart], "Speed against quality", 420);
  }

  function latency() {
    const box = byId("latency-plot");
    if (!box) return;
    const chart = data.latency[Number(byId("latency-clip").value)];
    if (chart) draw(box, [{ ...chart, title: "" }], "Encode time per frame", 400);
    else box.textContent = "No encoder reported its times on this clip.";
  }

  function targets() {
    const picked = byId("rate-target");
    if (!picked) return;
    const index = Math.max(picked.selectedIndex, 0);
    const rates = data.rates[Number(byId("rate-clip").value)];
    picked.replaceChildren(...rates.map((rate, at) => new Option(rate.target, at)));
    picked.selectedIndex = Math.min(index, rates.length - 1);
  }

  function rate() {
    const box = byId("rate-plot");
    if (!box) return;
    const rates = data.rates[Number(byId("rate-clip").value)];
    const picked = rates[byId("rate-target").selectedIndex];
    if (picked) draw(box, picked.charts.map((chart) => ({ ...chart, title: "" })), "Rate and delay", 250);
    else box.textContent = "No trace of this clip.";
  }

  // --- summary ---------------------------------------------------------------------------------

  const isWhole = () => state.clips.size === data.clips.length;
  const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
  const known = (values) => values.filter((value) => value !== null && value !== undefined);

  // Quantiles over all frames of several clips, from evenly spaced quantiles of each clip.
  function quantile(parts, share) {
    const timed = parts.filter((part) => part.times);
    if (timed.length === 0) return null;
    if (timed.length === 1) return timed[0].times[Math.round(share * (timed[0].times.length - 1))];
    const all = timed.flatMap(({ times, count }) => times.map((time) => [time, count / times.length]));
    all.sort((a, b) => a[0] - b[0]);
    let rest = share * all.reduce((sum, [, weight]) => sum + weight, 0);
    return (all.find(([, weight]) => (rest -= weight) <= 0) ?? all[all.length - 1])[0];
  }

  // The figures of each arm over the selected clips.
  function combined() {
    if (isWhole()) return data.summary.all;
    const clips = [...state.clips].map((clip) => data.summary.clips[clip]);
    return data.arms.map((_, arm) => {
      const parts = clips.map((rows) => rows[arm]);
      const timed = parts.filter((part) => part.cpu !== null);
      const frames = timed.reduce((sum, part) => sum + part.frames, 0);
      const weighted = (pick) => (frames ? timed.reduce((sum, part) => sum + pick(part) * part.frames, 0) / frames : null);
      const sum = (key) => known(parts.map((part) => part[key])).reduce((all, one) => all + one, 0);
      const logs = known(parts.map((part) => part.ratio)).map(([ratio]) => Math.log(ratio));
      const rated = parts.filter((part) => part.off !== null);
      const ratedPoints = rated.reduce((all, part) => all + part.offPoints, 0);
      const single = (value) => (value === null ? null : [value]);
      const fps = parts.filter((part) => part.fps);
      return {
        anchor: data.summary.all[arm].anchor,
        bd: data.metrics.map((_, metric) => single(mean(known(parts.map((part) => part.bd[metric])).map(([rate]) => rate)))),
        weak: data.metrics.map((_, metric) => parts.reduce((all, part) => all + part.weak[metric], 0)),
        compared: data.metrics.map((_, metric) => known(parts.map((part) => part.bd[metric])).length),
        ratio: single(logs.length ? Math.exp(mean(logs)) : null),
        cpu: weighted((part) => part.cpu),
        fps: fps.length ? fps.reduce((all, part) => all + part.frames, 0) / fps.reduce((all, part) => all + part.frames / part.fps, 0) : null,
        p50: quantile(parts, 0.5),
        p95: quantile(parts, 0.95),
        p99: parts.every((part) => part.hasLongest || !part.times) ? quantile(parts, 0.99) : null,
        late: known(parts.map((part) => part.late)).length ? sum("late") : null,
        off: ratedPoints ? rated.reduce((all, part) => all + part.off * part.offPoints, 0) / ratedPoints : null,
        frozen: sum("frozen"),
        freezes: sum("freezes"),
        memory: known(parts.map((part) => part.memory)).length ? Math.max(...known(parts.map((part) => part.memory))) : null,
        failed: sum("failed"),
        points: sum("points"),
      };
    });
  }

  // The original rows: over all clips, with intervals.
  const made = new Map();
  for (const cell of all("#summary td:not(:first-child), #bd-rate > .scroll:first-of-type td:not(:first-child)")) {
    made.set(cell, [cell.innerHTML, cell.className, cell.dataset.sort]);
  }

  function put(cell, text, sort, small = "") {
    cell.textContent = text ?? "\u2013";
    cell.className = text === null ? "none" : "";
    if (small) node2(cell, small);
    if (sort === null) delete cell.dataset.sort;
    else cell.dataset.sort = sort;
  }

  function node2(cell, text) {
    const small = document.createElement("small");
    small.textContent = text;
    cell.append(small);
  }

  function putRate(cell, row, metric) {
    const rate = row.bd[metric];
    if (row.anchor) return put(cell, "anchor", 0);
    if (!rate) {
      const failed = row.failed > 0 && `${row.failed} of ${row.points} points failed`;
      put(cell, "none", null, failed || "curves not comparable");
      cell.className = "none";
      return;
    }
    const fewer = row.compared[metric] < state.clips.size ? `${row.compared[metric]} of ${state.clips.size} clips` : "";
    put(cell, signed(rate[0], 1), rate[0], fewer);
    if (row.weak[metric]) node2(cell, `\u2020 ${row.weak[metric]} weak ${row.weak[metric] === 1 ? "clip" : "clips"}`);
  }

  function putRow(cells, row) {
    const figure = (value) => [value === null ? null : short(value), value];
    const rest = [
      figure(row.ratio?.[0] ?? null),
      figure(row.cpu),
      figure(row.fps),
      figure(row.p50),
      figure(row.p95),
      figure(row.p99),
      [row.late === null ? null : String(row.late), row.late],
      figure(row.off),
      [`${row.frozen} (${row.freezes})`, row.frozen],
      [row.memory === null ? null : fixed(row.memory / 1e6, 1), row.memory],
      [`${row.failed} / ${row.points}`, row.failed],
    ];
    data.metrics.forEach((_, metric) => putRate(cells[1 + metric], row, metric));
    rest.forEach(([text, sort], index) => put(cells[1 + data.metrics.length + index], text, sort));
    cells[cells.length - 1].classList.toggle("bad", row.failed > 0);
  }

  function summary() {
    const whole = isWhole();
    const rows = combined();
    const best = new Set(unbeaten(rows));
    for (const [cell, [html, name, sort]] of made) {
      if (!whole) break;
      cell.innerHTML = html;
      cell.className = name;
      if (sort === undefined) delete cell.dataset.sort;
      else cell.dataset.sort = sort;
    }
    for (const line of all("#summary tbody tr")) {
      const arm = Number(line.dataset.arm);
      if (!whole) putRow([...line.cells], rows[arm]);
      line.cells[0].querySelector("abbr.frontier")?.remove();
      if (best.has(arm)) {
        const badge = document.createElement("abbr");
        badge.className = "frontier";
        badge.textContent = "frontier";
        badge.title = `no other arm is at least as good in both speed and BD-rate by ${data.metrics[state.metric].name}`;
        line.cells[0].append(" ", badge);
      }
    }
    for (const line of whole ? [] : all("#bd-rate > .scroll:first-of-type tbody tr")) {
      data.metrics.forEach((_, metric) => putRate(line.cells[1 + metric], rows[Number(line.dataset.arm)], metric));
    }
    // The clips that the figures cover.
    for (const title of all("#summary h3, #bd-rate > h3:first-of-type")) {
      title.dataset.made ??= title.textContent;
      const names = [...state.clips].map((clip) => data.clips[clip]);
      const what = names.length === 1 ? names[0] : `${names.length} of ${data.clips.length} clips`;
      title.textContent = whole ? title.dataset.made : `${title.dataset.made}: ${what}`;
    }
    again();
  }

  // Tables keep their sort column; a metric column follows the selection.
  function again() {
    for (const head of all("th[aria-sort]")) {
      const table = head.closest("table");
      const { metric } = head.dataset;
      const picked = metric === undefined ? head : (all(`th[data-metric="${state.metric}"]`, table)[same(head, table)] ?? head);
      arrange(table, picked, head.getAttribute("aria-sort"));
    }
  }

  // Index of the column among those of its metric.
  const same = (head, table) => all(`th[data-metric="${head.dataset.metric}"]`, table).indexOf(head);

  function charts() {
    tip.hidden = true;
    curves();
    frontier();
    latency();
    rate();
    for (const part of parts) part();
  }

  // Selects a point by its index, or none.
  function select(point) {
    state.point = point;
    const picked = byId("point");
    if (picked) picked.value = String(point === null ? 0 : point + 1);
    facts();
    curves();
    if (point !== null) for (const follow of selected) follow(data.points[point]);
    for (const listen of changed) listen();
  }

  // The figures of the selected point.
  function facts() {
    const box = byId("point-facts");
    if (!box) return;
    const point = data.points[state.point];
    box.hidden = !point;
    if (!point) return box.replaceChildren();
    const values = data.metrics.flatMap((metric, index) => {
      const value = point.quality[index]?.[0];
      return value == null ? [] : [`${metric.name} ${fixed(value, Math.abs(value) < 2 ? 4 : 2)} ${metric.unit}`.trim()];
    });
    const text = [`${data.clips[point.clip]}, ${data.arms[point.arm].name}, ${point.target}: ${short(point.kbps)} kb/s`, ...values, ...point.tip.split("\n")];
    box.textContent = `${text.filter((one) => one !== "").join(" · ")} `;
    if (!point.table) return;
    const link = document.createElement("a");
    link.href = point.table;
    link.textContent = "table of its frames";
    box.append(link);
  }

  function update() {
    // Resets the classes of cells, so it must run before those that hide them.
    summary();
    const on = (set, index) => index === undefined || set.has(Number(index));
    for (const one of all("[data-arm], [data-clip], [data-metric]")) {
      const { arm, clip, metric } = one.dataset;
      const shown = on(state.arms, arm) && on(state.clips, clip) && on(new Set([state.metric]), metric);
      one.classList.toggle("off", !shown);
    }
    charts();
    for (const listen of changed) listen();
  }

  function read() {
    const checked = (name) => new Set(all(`input[name=${name}]:checked`, controls).map((input) => Number(input.value)));
    state.arms = checked("arm");
    state.clips = checked("clip");
    state.metric = Number(controls.elements.metric.value);
    state.pool = Number(controls.elements.pool.value);
    state.log = controls.elements.scale.value === "log";
    update();
  }

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("change", read);
  for (const button of all("[data-all]", controls)) {
    button.addEventListener("click", () => {
      for (const input of all("input[name=clip]", controls)) input.checked = button.dataset.all !== "";
      read();
    });
  }
  document.addEventListener("click", (event) => {
    const open = controls.querySelector("details[open]");
    if (open && !open.contains(event.target)) open.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      tip.hidden = true;
      controls.querySelector("details").open = false;
    }
  });
  for (const pick of all(".pick")) pick.hidden = false;
  byId("latency-clip")?.addEventListener("change", latency);
  byId("rate-clip")?.addEventListener("change", () => { targets(); rate(); });
  byId("rate-target")?.addEventListener("change", rate);
  byId("point")?.addEventListener("change", (event) => {
    const value = Number(event.target.value);
    select(value === 0 ? null : value - 1);
  });

  // --- tables ----------------------------------------------------------------------------------

  function arrange(table, head, order) {
    for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const column = head.cellIndex;
    const key = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
      return cell.classList.contains("none") ? null : cell.textContent;
    };
    const compare = (a, b) => {
      const [left, right] = [key(a), key(b)];
      if (left === null || right === null) return (left === null) - (right === null);
      const less = typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right));
      return order === "descending" ? -less : less;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
  }

  for (const table of all("table")) {
    all("th", table).forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => arrange(table, head, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending"));
    });
  }

  // --- theme -----------------------------------------------------------------------------------

  const themes = ["system", "light", "dark"];
  const button = byId("theme");
  const remember = (theme) => { try { localStorage.setItem("codec-theme", theme); } catch { /* not kept */ } };
  const remembered = () => { try { return localStorage.getItem("codec-theme"); } catch { return null; } };

  function wear(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    button.value = theme;
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.value) + 1) % themes.length];
    wear(next);
    remember(next);
  });
  wear(themes.includes(remembered()) ? remembered() : "system");

  targets();
  let seen = root.clientWidth;
  let waiting = 0;
  window.addEventListener("resize", () => {
    if (root.clientWidth === seen) return;
    seen = root.clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(charts, 120);
  });
  return {
    all, axisOver, byId, changed, controls, data, draw, fixed, parts, read, select, selected, short, state, targets,
    charts,
  };
})();
