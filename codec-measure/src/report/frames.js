// The chart of the quality of each frame over time.
(() => {
  const { axisOver, byId, changed, data, draw, fixed, parts, selected, short, state } = page;
  const box = byId("frames-plot");
  if (!box) return;
  const [clipPick, targetPick, from, to] = ["clip", "target", "from", "to"].map((name) => byId(`frames-${name}`));
  const { group, scales } = data.frames;

  // The values of a point by a metric, from differences of whole numbers.
  const decoded = new Map();
  function valuesOf(point, metric) {
    const key = `${data.points.indexOf(point)} ${metric}`;
    if (!decoded.has(key)) {
      let sum = 0;
      const values = point.frames.values[metric].map((step) => (step === null ? null : (sum += step) / scales[metric]));
      decoded.set(key, values);
    }
    return decoded.get(key);
  }

  // Other parts show values, too.
  page.valuesOf = valuesOf;

  const pointsOf = (clip) => data.points.filter((point) => point.clip === clip && point.frames);

  function targets() {
    const names = [...new Set(pointsOf(Number(clipPick.value)).map((point) => point.target))];
    const index = Math.max(targetPick.selectedIndex, 0);
    targetPick.replaceChildren(...names.map((name, at) => new Option(name, at)));
    targetPick.selectedIndex = Math.min(index, names.length - 1);
  }

  // The selected frames: from the first to after the last.
  function range(count) {
    const first = Math.min(Math.max(Math.floor(Number(from.value)) || 0, 0), Math.max(count - 1, 0));
    const last = to.value === "" ? count - 1 : Math.floor(Number(to.value)) || 0;
    return [first, Math.min(Math.max(last, first + 1), Math.max(count - 1, first + 1))];
  }

  // The worst of each group of values that would lie on one pixel.
  function thinned(values, first, last, metric) {
    const each = Math.ceil((last - first + 1) / 1500);
    const found = [];
    for (let at = first; at <= last; at += each) {
      let best = null;
      for (let index = at; index < Math.min(at + each, last + 1); index++) {
        if (values[index] == null) continue;
        if (best === null || (metric.up ? values[index] < values[best] : values[index] > values[best])) best = index;
      }
      if (best !== null) found.push(best);
    }
    return found;
  }

  function chart() {
    const clip = Number(clipPick.value);
    const target = targetPick.selectedOptions[0]?.text;
    const points = pointsOf(clip).filter((point) => point.target === target);
    const metric = data.metrics[state.metric];
    const count = Math.max(0, ...points.map((point) => valuesOf(point, state.metric).length));
    const frames = count * group;
    const [first, last] = range(frames);
    const fps = data.fps[clip] || 1;
    const series = points.map((point) => {
      const arm = data.arms[point.arm];
      const values = valuesOf(point, state.metric);
      const frozen = new Set(point.frames.frozen);
      const begin = Math.floor(first / group);
      const end = Math.min(Math.floor(last / group), values.length - 1);
      const marks = thinned(values, begin, end, metric).map((index) => {
        const frame = index * group;
        const value = fixed(values[index], Math.abs(values[index]) < 2 ? 4 : 2);
        const kind = data.audio ? "segment" : "frame";
        const which = group > 1 ? `worst of ${kind}s ${frame} to ${frame + group - 1}` : `${kind} ${frame}`;
        const late = frozen.has(index) ? (data.audio ? "\nthe decoded audio is missing" : "\nan older frame is visible") : "";
        return [frame / fps, values[index], null, `${arm.name}\n${which}, ${short(frame / fps)} s\n${metric.name} ${value} ${metric.unit}`.trim() + late];
      });
      return { arm: point.arm, style: arm.style, dash: arm.dash, shape: "line", marks };
    });
    const shown = series.filter((one) => state.arms.has(one.arm)).flatMap((one) => one.marks);
    const whole = {
      x: { label: "Time (s)", log: false, low: first / fps, high: Math.max(last, first + 1) / fps },
      y: axisOver(metric.label, false, shown.map((mark) => mark[1])),
      series,
    };
    byId("frames-group").textContent = group > 1 ? `The study is long: each value is the worst of ${group} frames.` : "";
    draw(box, [whole], `${data.clips[clip]} at ${target}: ${metric.name} over time`, 360);
    zoomBy(box.querySelector("svg"), fps, frames);
  }

  // A drag over the chart selects a part of the clip.
  function zoomBy(svg, fps, frames) {
    const timeAt = (event) => {
      const bounds = svg.getBoundingClientRect();
      const x = ((event.clientX - bounds.left) * svg.viewBox.baseVal.width) / bounds.width;
      const { x0, long, low, high } = svg.area;
      return low + (Math.min(Math.max((x - x0) / long, 0), 1)) * (high - low);
    };
    let begun = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch" && event.button === 0) begun = [event.clientX, timeAt(event)];
    });
    svg.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const [[x, start], end] = [begun, timeAt(event)];
      begun = null;
      if (Math.abs(event.clientX - x) < 8) return;
      const [low, high] = start < end ? [start, end] : [end, start];
      const last = Math.min(Math.ceil(high * fps), frames - 1);
      from.value = String(Math.max(Math.min(Math.floor(low * fps), last - 1), 0));
      to.value = String(last);
      update();
    });
    svg.addEventListener("pointerleave", () => { begun = null; });
  }

  function update() {
    chart();
    for (const listen of changed) listen();
  }

  clipPick.addEventListener("change", () => { targets(); whole(); });
  targetPick.addEventListener("change", update);
  from.addEventListener("change", update);
  to.addEventListener("change", update);
  byId("frames-all").addEventListener("click", whole);

  function whole() {
    [from.value, to.value] = ["0", ""];
    update();
  }

  // A selected point shows its clip and its target.
  selected.push((point) => {
    if (!point.frames) return;
    if (Number(clipPick.value) !== point.clip) {
      clipPick.value = String(point.clip);
      [from.value, to.value] = ["0", ""];
      targets();
    }
    targetPick.selectedIndex = [...targetPick.options].findIndex((option) => option.text === point.target);
    chart();
  });
  page.fill = { ...page.fill, "frames-clip": targets };
  targets();
  parts.push(chart);
})();
