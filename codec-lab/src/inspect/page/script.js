"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const read = (id) => JSON.parse($(id).textContent);
  const input = read("input");
  const frames = read("frames");
  const rest = read("rest");
  const summary = rest.summary;
  const modes = rest.modes || { luma: [], chroma: [], part: [] };
  const NONE = 255;

  // ---- Text and numbers -------------------------------------------------------------------

  const whole = (n) => Math.round(n).toLocaleString("en-US");
  const bits = (q8) => (q8 / 256).toLocaleString("en-US", { maximumFractionDigits: q8 < 25600 ? 1 : 0 });
  const percent = (share) => (100 * share).toLocaleString("en-US", { maximumFractionDigits: share < 0.01 ? 2 : 1 }) + " %";
  const signed = (n) => (n < 0 ? "−" : "+") + Math.abs(n).toFixed(1);
  const list = (names) => (names && names.length ? names.join(", ") : "none");
  const rational = (text) => {
    const [num, den] = text.split("/").map(Number);
    return num / den;
  };
  const seconds = (frame) => (frame.pts * rational(input.time_base)).toFixed(3);

  function fill(dl, rows) {
    dl.replaceChildren();
    for (const [name, value, isWarning] of rows) {
      if (value === undefined || value === null || value === "") continue;
      const dt = document.createElement("dt");
      dt.append(name);
      const dd = document.createElement("dd");
      if (isWarning) dd.className = "warn";
      dd.append(value);
      dl.append(dt, dd);
    }
  }

  function legend(element, items) {
    element.replaceChildren();
    for (const [background, text, isRamp] of items) {
      const span = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = background;
      if (isRamp) swatch.className = "ramp";
      span.append(swatch, text);
      element.append(span);
    }
  }

  const style = () => {
    const found = getComputedStyle(document.documentElement);
    const names = ["page", "sunk", "line", "text", "dim", "accent", "bar", "hidden", "warn", "cast"];
    return Object.fromEntries(names.map((name) => [name, found.getPropertyValue("--" + name).trim()]));
  };
  let theme = style();

  /** Sizes a canvas for the screen's pixels; the context draws in CSS pixels. */
  function prepare(canvas, width, height, most = 8192) {
    const ratio = Math.min(devicePixelRatio || 1, most / Math.max(width, height));
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  // ---- Header --------------------------------------------------------------------------------

  const rate = input.frame_rate ? `${+rational(input.frame_rate).toFixed(3)} fps` : null;
  $("name").textContent = input.name;
  $("facts").textContent = [
    `${input.codec} in ${input.format}`,
    `${input.width}×${input.height}`,
    rate,
    `${whole(summary.packets)} ${summary.packets === 1 ? "packet" : "packets"}, ${whole(summary.key)} key`,
    summary.altref ? `${whole(summary.altref)} not shown` : null,
    summary.damaged ? `${whole(summary.damaged)} damaged` : null,
    `${summary.seconds.toFixed(2)} s`,
    `${whole(summary.bytes)} bytes`,
    `${whole(summary.kbps)} kb/s`,
    summary.chroma_error
      ? `source ${input.source}: ${percent(summary.chroma_error.share)} of chroma blocks off by more than 4` : null,
  ].filter(Boolean).join(" · ");
  for (const note of rest.notes.concat(summary.error ? [summary.error] : [])) {
    const item = document.createElement("li");
    item.textContent = note;
    if (note === summary.error) item.className = "error";
    $("notes").append(item);
  }
  const hasBlocks = frames.some((frame) => frame.blocks || frame.picture);
  document.body.classList.toggle("packets-only", !hasBlocks);
  $("foot").textContent = [
    `${rest.made_by}. Arrow keys change the frame, with Shift by ten; [ and ] go to key frames.`,
    hasBlocks ? "1 to 9 choose the colour, +, − and 0 the size. Images are re-encoded as WebP. " +
      "Bits are entropy-coder costs: the ideal size of each symbol at its probability." : "",
  ].join(" ");

  // ---- All frames --------------------------------------------------------------------------

  let selected = 0;
  /** The share of blocks with a colour cast, or null. */
  const shareOff = (frame) => (frame.chroma_error ? frame.chroma_error.share : null);
  const GUTTER = 58;
  const SIZES = 150;
  const QINDEX = frames.some((frame) => frame.qindex) ? 40 : 0;
  const mostOff = frames.reduce((most, frame) => Math.max(most, shareOff(frame) || 0), 0);
  const CAST = frames.some((frame) => frame.chroma_error) ? 40 : 0;
  const castTop = Math.min(1, Math.max(0.01, mostOff));
  const LANE = 14;
  const slots = [];
  for (const frame of frames) {
    for (const name of (frame.reads || []).concat(frame.updates || [])) {
      if (!slots.includes(name)) slots.push(name);
    }
    if (slots.length > 7) break;
  }
  const order = ["last", "golden", "altref"];
  slots.sort((a, b) => order.indexOf(a) - order.indexOf(b) || (a < b ? -1 : 1));
  const STRIP = 10 + SIZES + 10 + QINDEX + (CAST ? CAST + 12 : 0) + 10 + LANE * slots.length + 8;
  const largest = frames.reduce((most, frame) => Math.max(most, frame.bytes), 1);
  const highestQ = frames.reduce((most, frame) => Math.max(most, frame.qindex || 0), 1);
  let barWidth = 8;

  function layoutStrip() {
    const width = $("strip").clientWidth - GUTTER - 8;
    barWidth = Math.max(3, Math.min(22, width / Math.max(1, frames.length)));
    $("strip-size").style.width = GUTTER + 8 + barWidth * frames.length + "px";
  }

  const barColour = (frame) => {
    switch (frame.type) {
      case "key": return theme.accent;
      case "altref": return theme.hidden;
      case "damaged": return theme.warn;
      default: return theme.bar;
    }
  };

  /** A round number of gridlines. */
  function step(most) {
    const power = 10 ** Math.floor(Math.log10(most / 3));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => most / n <= 4) || most;
  }

  function drawStrip() {
    const strip = $("strip");
    const width = strip.clientWidth;
    const g = prepare($("bars"), width, STRIP);
    const from = strip.scrollLeft;
    const first = Math.max(0, Math.floor(from / barWidth));
    const last = Math.min(frames.length, Math.ceil((from + width) / barWidth) + 1);
    const left = (n) => GUTTER + n * barWidth - from;
    const bottom = 10 + SIZES;
    const qBottom = bottom + 10 + QINDEX;
    const castBottom = qBottom + (CAST ? CAST + 12 : 0);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    const each = Math.max(1, step(largest));
    for (let value = 0; value <= largest; value += each) {
      const y = Math.round(bottom - (value / largest) * SIZES) + 0.5;
      g.strokeStyle = theme.line;
      g.beginPath();
      g.moveTo(GUTTER, y);
      g.lineTo(width, y);
      g.stroke();
    }
    g.save();
    g.beginPath();
    g.rect(GUTTER - 1, 0, width, STRIP);
    g.clip();
    const gap = barWidth > 5 ? 1.5 : 0.5;
    g.fillStyle = theme.sunk;
    g.fillRect(left(selected), 0, barWidth, STRIP);
    for (let n = first; n < last; n++) {
      const frame = frames[n];
      const height = Math.max(1, (frame.bytes / largest) * SIZES);
      g.fillStyle = barColour(frame);
      g.fillRect(left(n), bottom - height, barWidth - gap, height);
      if (frame.concealed_blocks) {
        g.fillStyle = theme.warn;
        g.fillRect(left(n), bottom + 2, barWidth - gap, 3);
      }
      slots.forEach((name, lane) => {
        const y = castBottom + 10 + lane * LANE;
        const isRead = frame.reads && frame.reads.includes(name);
        const isUpdated = frame.updates && frame.updates.includes(name);
        if (isUpdated) {
          g.fillStyle = theme.accent;
          g.fillRect(left(n), y + 2, barWidth - gap, LANE - 5);
        }
        if (isRead) {
          g.fillStyle = isUpdated ? theme.page : theme.dim;
          g.fillRect(left(n), y + LANE / 2 - 1.5, barWidth - gap, 2);
        }
      });
    }
    g.strokeStyle = theme.text;
    g.lineWidth = 1.25;
    g.beginPath();
    let isDrawing = false;
    for (let n = Math.max(0, first - 1); n < Math.min(frames.length, last + 1); n++) {
      const q = frames[n].qindex;
      if (q === undefined || q === null) {
        isDrawing = false;
        continue;
      }
      const y = qBottom - (q / highestQ) * QINDEX;
      const x = left(n) + (barWidth - gap) / 2;
      if (isDrawing) g.lineTo(x, y);
      else g.moveTo(x, y);
      isDrawing = true;
    }
    g.stroke();
    if (CAST) {
      g.fillStyle = theme.cast;
      for (let n = first; n < last; n++) {
        const share = shareOff(frames[n]);
        const height = share ? Math.max(1, (share / castTop) * CAST) : 0;
        g.fillRect(left(n), castBottom - height, barWidth - gap, height);
      }
      g.strokeStyle = theme.line;
      g.lineWidth = 1;
      for (const y of [castBottom - CAST, castBottom]) {
        g.beginPath();
        g.moveTo(GUTTER, Math.round(y) + 0.5);
        g.lineTo(width, Math.round(y) + 0.5);
        g.stroke();
      }
    }
    g.lineWidth = 1.25;
    g.strokeStyle = theme.text;
    g.strokeRect(left(selected) - 0.5, 1.5, barWidth, STRIP - 3);
    g.restore();
    g.fillStyle = theme.dim;
    g.textAlign = "right";
    for (let value = 0; value <= largest; value += each) {
      g.fillText(value ? whole(value) : "bytes", GUTTER - 6, bottom - (value / largest) * SIZES);
    }
    if (QINDEX) g.fillText("qindex", GUTTER - 6, qBottom - QINDEX / 2);
    if (CAST) {
      g.fillText(percent(castTop), GUTTER - 6, castBottom - CAST);
      g.fillText("cast", GUTTER - 6, castBottom - CAST / 2 + 4);
    }
    slots.forEach((name, lane) => {
      g.fillText(name, GUTTER - 6, castBottom + 10 + lane * LANE + LANE / 2 - 1);
    });
    legend($("strip-legend"), [
      [theme.accent, "key frame, or reference replaced"],
      [theme.bar, "inter frame"],
      summary.altref ? [theme.hidden, "not shown"] : null,
      summary.damaged || summary.concealed_blocks ? [theme.warn, "damaged or concealed"] : null,
      slots.length ? [theme.dim, "line: reference read"] : null,
      CAST ? [theme.cast, "cast: share of blocks with a mean U or V that is off by more than 4"] : null,
    ].filter(Boolean));
  }

  function frameAt(event) {
    const x = event.clientX - $("strip").getBoundingClientRect().left - $("strip").clientLeft;
    if (x < GUTTER) return -1;
    const n = Math.floor((x - GUTTER + $("strip").scrollLeft) / barWidth);
    return n < frames.length ? n : -1;
  }

  function showTip(event, text) {
    const tip = $("tip");
    tip.textContent = text;
    tip.hidden = !text;
    if (!text) return;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = Math.min(event.clientX + 14, innerWidth - width - 8) + "px";
    tip.style.top = Math.min(event.clientY + 16, innerHeight - height - 8) + "px";
  }

  $("bars").addEventListener("mousemove", (event) => {
    const frame = frames[frameAt(event)];
    const q = frame && frame.qindex !== null && frame.qindex !== undefined;
    showTip(event, frame ? [
      `frame ${frame.index}, ${frame.type}`,
      `${whole(frame.bytes)} bytes${q ? `, qindex ${frame.qindex}` : ""}`,
      frame.chroma_error ? `${percent(shareOff(frame))} of blocks with a colour cast` : null,
      frame.reads ? `reads ${list(frame.reads)}` : null,
      frame.updates ? `updates ${list(frame.updates)}` : null,
    ].filter(Boolean).join("\n") : "");
  });
  $("bars").addEventListener("mouseleave", (event) => showTip(event, ""));
  $("bars").addEventListener("click", (event) => {
    const n = frameAt(event);
    if (n >= 0) select(n);
  });
  $("strip").addEventListener("scroll", drawStrip, { passive: true });

  // ---- Blocks ------------------------------------------------------------------------------

  const unpacked = new Map();

  /** The blocks of a frame: see overlay.rs for the order. */
  async function blocksOf(n) {
    const packed = frames[n] && frames[n].blocks;
    if (!packed) return null;
    if (unpacked.has(n)) return unpacked.get(n);
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    const [count, partCount] = new Uint32Array(buffer.slice(0, 8));
    let at = 8;
    const take = (type, length) => {
      const size = length * type.BYTES_PER_ELEMENT;
      const part = new type(buffer.slice(at, at + size));
      at += size;
      return part;
    };
    const b = { count, partCount };
    for (const name of ["luma", "chroma", "slot", "segment", "qindex", "flags", "coded", "transform", "filter", "divided"]) {
      b[name] = take(Uint8Array, count);
    }
    b.x = take(Int16Array, count);
    b.y = take(Int16Array, count);
    b.modeBits = take(Uint32Array, count);
    b.tokenBits = take(Uint32Array, count);
    b.part = {};
    for (const name of ["left", "top", "width", "height", "mode"]) b.part[name] = take(Uint8Array, partCount);
    b.part.x = take(Int16Array, partCount);
    b.part.y = take(Int16Array, partCount);
    // The second reference and vector of blocks that are predicted from two.
    b.second = { slot: take(Uint8Array, count), x: take(Int16Array, count), y: take(Int16Array, count) };
    b.part.slot = take(Uint8Array, partCount);
    b.part.second = { slot: take(Uint8Array, partCount), x: take(Int16Array, partCount), y: take(Int16Array, partCount) };
    const side = frames[n].block_pixels;
    b.unit = side || 8;
    if (side) {
      const columns = Math.ceil(frames[n].width / side);
      b.left = Uint16Array.from({ length: count }, (_, i) => (i % columns) * side);
      b.top = Uint16Array.from({ length: count }, (_, i) => Math.floor(i / columns) * side);
      b.width = b.height = new Uint8Array(count).fill(side);
    } else {
      // Blocks of different sizes.
      b.left = take(Uint16Array, count);
      b.top = take(Uint16Array, count);
      b.width = take(Uint8Array, count);
      b.height = take(Uint8Array, count);
    }
    if (frames[n].chroma_error) {
      // U and V: mean error and mean squared error, in 1/16.
      b.chromaError = [0, 1].map(() => [take(Int16Array, count), take(Uint32Array, count)]);
    }
    b.firstPart = new Uint32Array(count + 1);
    for (let i = 0; i < count; i++) b.firstPart[i + 1] = b.firstPart[i] + b.divided[i];
    if (unpacked.size > 12) unpacked.delete(unpacked.keys().next().value);
    unpacked.set(n, b);
    return b;
  }

  const isIntra = (b, i) => b.slot[i] === NONE && b.second.slot[i] === NONE;
  const SKIP = 1, INSIDE = 2, CONCEALED = 4;

  // ---- Block colours ----------------------------------------------------------------------

  // Intra modes have warm colours, inter modes cold ones; blocks without bits are pale.
  const MODE_COLOURS = {
    "dc": "#f0a35e", "vertical": "#e8813a", "horizontal": "#d9662b", "true-motion": "#c04a1f",
    "4x4": "#9c2f12", "zero": "#b8c4d2", "nearest": "#8fb8e8", "near": "#5a93dc", "new": "#2b63bd",
    "split": "#6a3fb5",
    "8x8": "#b5451d", "16x16 vertical": "#e8813a", "16x16 horizontal": "#d9662b", "16x16 dc": "#f0a35e",
    "16x16 plane": "#c04a1f", "pcm": "#5e1a08", "skip": "#b8c4d2", "direct": "#8fb8e8",
    "d45": "#d98f4f", "d135": "#cf7a3a", "d117": "#c96f45", "d153": "#b85f30", "d207": "#b36a2a", "d63": "#e0a070",
    "16x16": "#5a93dc", "16x8": "#2b63bd", "8x16": "#1d4a94", "8x8 parts": "#6a3fb5",
  };
  const SLOT_COLOURS = {
    "last": "#4c8fdb", "golden": "#e0b01e", "altref": "#9b59c9",
    "l0[0]": "#4c8fdb", "l0[1]": "#2a9d8f", "l0[2]": "#7fb069", "l0[3]": "#3d5a80",
    "l1[0]": "#e0b01e", "l1[1]": "#d1495b",
  };
  const SEGMENT_COLOURS = ["#7f8c9b", "#2a9d8f", "#e9b44c", "#d1495b"];
  const RAMP = [[68, 57, 131], [38, 130, 142], [120, 205, 86], [253, 231, 37]];

  function ramp(t) {
    const x = Math.max(0, Math.min(1, t)) * (RAMP.length - 1);
    const at = Math.min(RAMP.length - 2, Math.floor(x));
    const mix = RAMP[at].map((c, k) => Math.round(c + (RAMP[at + 1][k] - c) * (x - at)));
    return `rgb(${mix.join(" ")})`;
  }
  const RAMP_CSS = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(ramp).join(", ")})`;

  /** A fill of a few kinds: their names and colours. */
  const kinds = (name, of, colour) => ({
    name,
    begin: (b, frame) => {
      const counts = new Map();
      for (let i = 0; i < b.count; i++) {
        const kind = of(b, i, frame);
        counts.set(kind, (counts.get(kind) || 0) + 1);
      }
      return {
        colour: (i) => colour(of(b, i, frame)),
        items: [...counts].sort((x, y) => y[1] - x[1]).map(([kind, count]) =>
          [colour(kind), `${kind} ${whole(count)} (${((100 * count) / b.count).toFixed(1)} %)`]),
      };
    },
  });

  /** A fill by a number. */
  const heat = (name, of, unit, isLog) => ({
    name,
    begin: (b) => {
      let [low, high, sum] = [Infinity, 0, 0];
      for (let i = 0; i < b.count; i++) {
        const value = of(b, i);
        low = Math.min(low, value);
        high = Math.max(high, value);
        sum += value;
      }
      const scale = isLog ? (v) => Math.log2(1 + v) : (v) => v;
      const [from, to] = [scale(isLog ? 0 : low), scale(high)];
      const number = (v) => v.toLocaleString("en-US", { maximumFractionDigits: v < 100 ? 1 : 0 });
      return {
        colour: (i) => ramp(to > from ? (scale(of(b, i)) - from) / (to - from) : 0),
        items: [[RAMP_CSS, `${number(isLog ? 0 : low)} to ${number(high)} ${unit}${isLog ? ", logarithmic" : ""}; mean ${number(sum / b.count)}`, true]],
      };
    },
  });

  // ---- Chroma errors ------------------------------------------------------------------------

  /** The mean error of a plane (0: U, 1: V) of a block, and the mean squared error. */
  const meanError = (b, i, plane) => b.chromaError[plane][0][i] / 16;
  const squaredError = (b, i, plane) => b.chromaError[plane][1][i] / 16;
  const OFF = 4;
  const isOff = (b, i) => [0, 1].some((plane) => Math.abs(meanError(b, i, plane)) > OFF);

  /** Medium grey with the error, enlarged twelvefold (BT.601). */
  function castColour(u, v) {
    const [cb, cr] = [12 * u, 12 * v];
    const rgb = [128 + 1.402 * cr, 128 - 0.344 * cb - 0.714 * cr, 128 + 1.772 * cb];
    return `rgb(${rgb.map((c) => Math.round(Math.max(0, Math.min(255, c)))).join(" ")})`;
  }

  /** Why a frame has no chroma errors. */
  const withoutError = (frame) => [["transparent", "no chroma errors: "
    + (frame.not_compared || "the page was made without the source (--source FILE)")]];

  const castFill = {
    name: "colour cast",
    begin: (b, frame) => {
      if (!b.chromaError) return { colour: null, items: withoutError(frame) };
      const most = [0, 0];
      for (let i = 0; i < b.count; i++) {
        for (const plane of [0, 1]) {
          const error = meanError(b, i, plane);
          if (Math.abs(error) > Math.abs(most[plane])) most[plane] = error;
        }
      }
      const e = frame.chroma_error;
      return {
        colour: (i) => castColour(meanError(b, i, 0), meanError(b, i, 1)),
        isMarked: (i) => isOff(b, i),
        items: [
          ["#ffd400", `outlined: off by more than ${OFF}, ${whole(e.off)} of ${whole(e.blocks)} blocks (${percent(e.share)})`],
          ...[["U", 8, 0], ["U", -8, 0], ["V", 0, 8], ["V", 0, -8]].map(([name, u, v]) =>
            [castColour(u, v), `${name} ${u + v > 0 ? "+8" : "−8"}`]),
          [castColour(0, 0), `0; largest U ${signed(most[0])}, V ${signed(most[1])}`],
        ],
      };
    },
  };
  const chromaHeat = heat("chroma error",
    (b, i) => Math.max(squaredError(b, i, 0), squaredError(b, i, 1)), "squared error (larger of U and V)", true);
  const errorFill = {
    name: chromaHeat.name,
    begin: (b, frame) => (b.chromaError ? chromaHeat.begin(b) : { colour: null, items: withoutError(frame) }),
  };

  const slotName = (frame, slot) => (frame.references[slot] ? frame.references[slot].name : String(slot));
  const slotNames = (frame, slots) => slots.filter((slot) => slot !== NONE).map((slot) => slotName(frame, slot)).join(" and ");
  const FILLS = [
    { name: "none", begin: () => ({ colour: null, items: [] }) },
    kinds("modes", (b, i) => (isIntra(b, i) ? "intra " : "") + modes.luma[b.luma[i]],
      (kind) => MODE_COLOURS[kind.replace("intra ", "")] || "#888"),
    kinds("references", (b, i, frame) => (isIntra(b, i) ? "intra" : slotNames(frame, [b.slot[i], b.second.slot[i]])),
      (kind) => (kind === "intra" ? MODE_COLOURS["horizontal"] : SLOT_COLOURS[kind] || "#888")),
    heat("bits", (b, i) => (b.modeBits[i] + b.tokenBits[i]) / 256, "bits per block", true),
    kinds("segments", (b, i) => "segment " + b.segment[i], (kind) => SEGMENT_COLOURS[+kind.slice(8) & 3]),
    heat("qindex", (b, i) => b.qindex[i], "qindex", false),
    heat("filter", (b, i) => b.filter[i], "filter level", false),
    castFill,
    errorFill,
  ];
  const MARKS = [
    ["picture", "p", true], ["grid", "g", false], ["divisions", "d", true], ["vectors", "v", true],
    ["skipped", "s", false], ["labels", "l", false],
  ];
  let fillIndex = 1;
  const marks = Object.fromEntries(MARKS.map(([name, , isOn]) => [name, isOn]));

  function choice(type, group, text, title, isChecked, onChange) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { type, name: group, checked: isChecked, value: text });
    const span = document.createElement("span");
    span.textContent = text;
    label.title = title;
    box.addEventListener("change", () => onChange(box.checked));
    label.append(box, span);
    $(group).append(label);
    return box;
  }
  const fillBoxes = FILLS.map(({ name }, n) =>
    choice("radio", "fills", name, `Colour blocks by ${name} (${n + 1})`, n === fillIndex, () => {
      fillIndex = n;
      drawView();
    }));
  const markBoxes = MARKS.map(([name, key, isOn]) =>
    choice("checkbox", "marks", name, `Show ${name} (${key})`, isOn, (checked) => {
      marks[name] = checked;
      drawView();
    }));

  // ---- One frame ---------------------------------------------------------------------------

  let blocks = null;
  let picture = null;
  let zoom = null; // null: fit
  let hovered = -1;
  let pinned = -1;
  let turn = 0;

  const sizeOf = (frame) => [frame.width || input.width, frame.height || input.height];

  function scaleNow() {
    const [width, height] = sizeOf(frames[selected]);
    const most = 8192 / Math.max(width, height);
    if (zoom) return Math.min(zoom, most);
    const room = $("stage").clientWidth / width;
    const tall = (innerHeight * 0.8) / height;
    return Math.max(0.1, Math.min(room, tall, most));
  }

  function drawView() {
    const frame = frames[selected];
    const [width, height] = sizeOf(frame);
    const scale = scaleNow();
    const hasAny = blocks || picture;
    $("view").hidden = !hasAny;
    $("view").style.display = hasAny ? "" : "none";
    const isRepeat = frame.type === "repeat";
    $("no-blocks").textContent = blocks ? "" : frame.error ? frame.error
      : isRepeat ? "Nothing was decoded: the previous frame is repeated."
      : input.note ? input.note : "This page does not include the blocks of this frame.";
    $("scale").textContent = Math.round(scale * 100) + " %";
    const fillNow = blocks ? FILLS[fillIndex].begin(blocks, frame) : { colour: null, items: [] };
    legend($("legend"), fillNow.items);
    if (!hasAny) return;
    const g = prepare($("view"), Math.round(width * scale), Math.round(height * scale));
    g.scale(scale, scale);
    g.fillStyle = theme.sunk;
    g.fillRect(0, 0, width, height);
    if (picture && marks.picture) {
      g.imageSmoothingEnabled = scale < 1;
      g.drawImage(picture, 0, 0, width, height);
    }
    if (blocks) drawBlocks(g, frame, scale, fillNow);
  }

  function drawBlocks(g, frame, scale, { colour, isMarked }) {
    const b = blocks;
    const hair = 1 / scale;
    const outline = (i, inset) =>
      g.rect(b.left[i] + inset, b.top[i] + inset, b.width[i] - 2 * inset, b.height[i] - 2 * inset);
    const isOnPicture = picture && marks.picture;
    if (colour) {
      // Draw one pixel per smallest block and enlarge: no seams between blocks at odd sizes.
      const small = document.createElement("canvas");
      small.width = Math.ceil(frame.width / b.unit);
      small.height = Math.ceil(frame.height / b.unit);
      const to = small.getContext("2d");
      for (let i = 0; i < b.count; i++) {
        to.fillStyle = colour(i);
        to.fillRect(b.left[i] / b.unit, b.top[i] / b.unit, b.width[i] / b.unit, b.height[i] / b.unit);
      }
      g.globalAlpha = isOnPicture ? 0.5 : 0.9;
      g.imageSmoothingEnabled = false;
      g.drawImage(small, 0, 0, small.width * b.unit, small.height * b.unit);
      g.globalAlpha = 1;
    }
    if (isMarked) {
      for (const [stroke, width] of [["rgb(0 0 0 / 0.7)", 3], ["#ffd400", 1.5]]) {
        g.strokeStyle = stroke;
        g.lineWidth = width * hair;
        g.beginPath();
        for (let i = 0; i < b.count; i++) {
          if (isMarked(i)) outline(i, hair);
        }
        g.stroke();
      }
    }
    if (marks.skipped) {
      g.fillStyle = isOnPicture ? "rgb(0 0 0 / 0.5)" : theme.sunk;
      for (let i = 0; i < b.count; i++) if (!b.coded[i]) g.fillRect(b.left[i], b.top[i], b.width[i], b.height[i]);
    }
    if (marks.grid) {
      g.strokeStyle = isOnPicture ? "rgb(255 255 255 / 0.35)" : theme.line;
      g.lineWidth = hair;
      g.beginPath();
      for (let i = 0; i < b.count; i++) outline(i, 0);
      g.stroke();
    }
    if (marks.divisions) {
      // Fade the grid if its lines would hide the frame.
      g.strokeStyle = `rgb(255 255 255 / ${Math.max(0.1, Math.min(0.75, 0.4 * scale))})`;
      g.lineWidth = hair;
      g.beginPath();
      for (let i = 0; i < b.count; i++) {
        for (let p = b.firstPart[i]; p < b.firstPart[i + 1]; p++) {
          g.rect(b.left[i] + b.part.left[p], b.top[i] + b.part.top[p], b.part.width[p], b.part.height[p]);
        }
      }
      g.stroke();
    }
    if (marks.vectors) drawVectors(g, frame, hair);
    if (marks.labels) drawLabels(g, scale);
    g.strokeStyle = theme.warn;
    g.lineWidth = 2 * hair;
    g.beginPath();
    for (let i = 0; i < b.count; i++) {
      if (b.flags[i] & CONCEALED) {
        outline(i, hair);
        g.moveTo(b.left[i], b.top[i] + b.height[i]);
        g.lineTo(b.left[i] + b.width[i], b.top[i]);
      }
    }
    g.stroke();
    for (const [i, isPinned] of [[hovered, false], [pinned, true]]) {
      if (i < 0 || i >= b.count) continue;
      g.lineWidth = 3 * hair;
      g.strokeStyle = "rgb(0 0 0 / 0.6)";
      g.strokeRect(b.left[i], b.top[i], b.width[i], b.height[i]);
      g.lineWidth = (isPinned ? 2 : 1) * hair;
      g.strokeStyle = "#fff";
      g.strokeRect(b.left[i], b.top[i], b.width[i], b.height[i]);
    }
  }

  /** Lines from the middle of a block to where its prediction comes from. */
  function drawVectors(g, frame, hair) {
    const b = blocks;
    const units = frame.vector_units;
    const arrows = [];
    for (let i = 0; i < b.count; i++) {
      if (isIntra(b, i)) continue;
      if (!b.divided[i]) {
        if (b.x[i] || b.y[i]) {
          arrows.push([b.left[i] + b.width[i] / 2, b.top[i] + b.height[i] / 2, b.x[i], b.y[i]]);
        }
        continue;
      }
      for (let p = b.firstPart[i]; p < b.firstPart[i + 1]; p++) {
        if (!b.part.x[p] && !b.part.y[p]) continue;
        const x = b.left[i] + b.part.left[p] + b.part.width[p] / 2;
        arrows.push([x, b.top[i] + b.part.top[p] + b.part.height[p] / 2, b.part.x[p], b.part.y[p]]);
      }
    }
    for (const [colour, width, dot] of [["rgb(0 0 0 / 0.55)", 2.6, 2.2], ["#fff", 1.1, 1.4]]) {
      g.strokeStyle = g.fillStyle = colour;
      g.lineWidth = width * hair;
      g.beginPath();
      for (const [x, y, dx, dy] of arrows) {
        g.moveTo(x, y);
        g.lineTo(x + dx / units, y + dy / units);
      }
      g.stroke();
      g.beginPath();
      for (const [x, y] of arrows) {
        g.moveTo(x + dot * hair, y);
        g.arc(x, y, dot * hair, 0, 2 * Math.PI);
      }
      g.fill();
    }
  }

  const SHORT = {
    "dc": "DC", "vertical": "V", "horizontal": "H", "true-motion": "TM", "4x4": "4×4",
    "d45": "45", "d135": "135", "d117": "117", "d153": "153", "d207": "207", "d63": "63",
    "nearest": "nst", "near": "near", "zero": "0", "new": "new", "split": "split",
    "16x16 vertical": "V", "16x16 horizontal": "H", "16x16 dc": "DC", "16x16 plane": "P",
    "skip": "S", "direct": "D", "8x8 parts": "8×8",
  };

  function drawLabels(g, scale) {
    g.save();
    g.font = `${10 / scale}px system-ui, sans-serif`;
    g.textAlign = "center";
    g.textBaseline = "middle";
    g.lineWidth = 2.5 / scale;
    g.strokeStyle = "rgb(0 0 0 / 0.65)";
    g.fillStyle = "#fff";
    for (let i = 0; i < blocks.count; i++) {
      // Small blocks have no room for text.
      if (Math.min(blocks.width[i], blocks.height[i]) * scale < 26) continue;
      const name = modes.luma[blocks.luma[i]];
      const x = blocks.left[i] + blocks.width[i] / 2;
      const y = blocks.top[i] + blocks.height[i] / 2;
      g.strokeText(SHORT[name] || name, x, y);
      g.fillText(SHORT[name] || name, x, y);
    }
    g.restore();
  }

  // ---- Text about a block and a frame -----------------------------------------------------

  const pixels = (n, units) => (n / units).toLocaleString("en-US", { maximumFractionDigits: 3 });
  const vector = (x, y, units) => `${pixels(x, units)}, ${pixels(y, units)} px`;

  /** The vectors of a block or part, with their references if there is more than one in the frame. */
  function motion(frame, from, n) {
    const name = (slot) => (frame.references.length > 1 ? slotName(frame, slot) + " " : "");
    const both = [from, from.second].filter((motion) => motion.slot[n] !== NONE);
    return both.map(({ slot, x, y }) => name(slot[n]) + vector(x[n], y[n], frame.vector_units));
  }

  function partsOf(frame, i) {
    const b = blocks;
    if (!b.divided[i]) return null;
    const table = document.createElement("table");
    table.className = "small";
    let row = null;
    let y = -1;
    for (let p = b.firstPart[i]; p < b.firstPart[i + 1]; p++) {
      if (b.part.top[p] !== y) {
        row = table.insertRow();
        y = b.part.top[p];
      }
      const mode = b.part.mode[p];
      const text = mode === NONE ? motion(frame, b.part, p).map((text) => text.replace(" px", "")).join(" and ")
        : modes.part[mode];
      row.insertCell().textContent = text;
    }
    return table;
  }

  function showBlock() {
    const i = pinned >= 0 ? pinned : hovered;
    const frame = frames[selected];
    if (!blocks || i < 0 || i >= blocks.count) {
      $("block-title").textContent = blocks ? "Hover over a block; click to pin it" : "Block";
      fill($("block"), []);
      return;
    }
    const b = blocks;
    const name = frame.block_pixels ? `${b.left[i] / b.unit}, ${b.top[i] / b.unit}` : String(i);
    $("block-title").textContent = `Block ${name}${pinned >= 0 ? " (pinned)" : ""}`;
    fill($("block"), [
      ["pixels", `${b.left[i]}, ${b.top[i]}`],
      ["size", frame.block_pixels ? null : `${b.width[i]}×${b.height[i]}`],
      ["mode", (isIntra(b, i) ? "intra " : "inter ") + modes.luma[b.luma[i]]],
      ["chroma", b.chroma[i] === NONE ? null : modes.chroma[b.chroma[i]]],
      ["reference", isIntra(b, i) ? null : slotNames(frame, [b.slot[i], b.second.slot[i]])],
      ["vector", isIntra(b, i) || b.divided[i] ? null : motion(frame, b, i).join(" and ")],
      ["parts", partsOf(frame, i)],
      ["segment", frame.segments ? String(b.segment[i]) : null],
      ["qindex", String(b.qindex[i])],
      ["filter", b.filter[i] ? `level ${b.filter[i]}${b.flags[i] & INSIDE ? ", including inner edges" : ", outer edges"}` : "off"],
      ["slice", frame.partitions && input.codec === "h264" ? String(b.segment[i]) : null],
      ["coefficients", b.coded[i] ? `in ${b.coded[i]} blocks, ${b.transform[i]}×${b.transform[i]} transform` : b.flags[i] & SKIP ? "skipped" : "none"],
      ["bits", `${bits(b.modeBits[i] + b.tokenBits[i])}: modes ${bits(b.modeBits[i])}, coefficients ${bits(b.tokenBits[i])}`],
      ["chroma error", b.chromaError
        ? ["U", "V"].map((name, n) => `${name} ${signed(meanError(b, i, n))} (squared ${squaredError(b, i, n).toFixed(1)})`).join(", ")
        : null, b.chromaError && isOff(b, i)],
      ["", b.flags[i] & CONCEALED ? "data missing: concealed" : null, true],
    ]);
  }

  function showShares(frame) {
    const parts = frame.partitions;
    $("shares").replaceChildren();
    $("shares-list").replaceChildren();
    if (!parts) return;
    const sum = (array) => array.reduce((a, n) => a + n, 0);
    const used = sum(parts.map((part) => part.used_q8));
    const header = sum(parts.map((part) => part.header_q8));
    const tokens = frame.token_q8;
    const modeBits = used - header - tokens;
    const around = Math.max(0, frame.bytes * 8 * 256 - used);
    const shares = [
      ["header", header, theme.dim], ["modes and vectors", modeBits, "#c77d2e"],
      ["coefficients", tokens, theme.accent], ["sizes and padding", around, theme.line],
    ];
    const total = sum(shares.map(([, share]) => share)) || 1;
    for (const [name, share, colour] of shares) {
      const box = document.createElement("div");
      box.style.cssText = `width:${(100 * share) / total}%;background:${colour}`;
      $("shares").append(box);
      const [dt, swatch] = [document.createElement("dt"), document.createElement("i")];
      swatch.style.background = colour;
      dt.append(swatch, name);
      const dd = document.createElement("dd");
      dd.textContent = `${bits(share)} (${((100 * share) / total).toFixed(1)} %)`;
      $("shares-list").append(dt, dd);
    }
  }

  function showFrame(frame) {
    const deltas = Object.entries(frame.qindex_deltas || {}).filter(([, delta]) => delta);
    const filter = frame.filter;
    const isDeblocked = filter && filter.kind === "deblocking";
    const segments = frame.segments;
    fill($("frame-facts"), [
      ["error", frame.error, true],
      ["concealed", frame.concealed_blocks ? `${whole(frame.concealed_blocks)} blocks` : null, true],
      ["time", `${seconds(frame)} s (${frame.pts})`],
      ["offset", whole(frame.offset)],
      ["size", frame.width ? `${frame.width}×${frame.height}` : null],
      ["profile", frame.profile === undefined ? null : String(frame.profile)],
      ["qindex", frame.qindex === undefined || frame.qindex === null ? null
        : [String(frame.qindex), ...deltas.map(([name, delta]) => `${name} ${delta > 0 ? "+" : ""}${delta}`)].join(", ")],
      ["colour cast", frame.chroma_error
        ? `${whole(frame.chroma_error.off)} of ${whole(frame.chroma_error.blocks)} blocks (${percent(shareOff(frame))})` : null],
      ["chroma error", frame.chroma_error
        ? `mean U ${signed(frame.chroma_error.mean_u)}, V ${signed(frame.chroma_error.mean_v)}; `
          + `squared U ${frame.chroma_error.mse_u.toFixed(1)}, V ${frame.chroma_error.mse_v.toFixed(1)}`
        : frame.not_compared],
      ["filter", filter ? (filter.level ? `${filter.kind}, level ${filter.level}, ${isDeblocked
        ? `offsets ${filter.mode_deltas.join(" ")}` : `sharpness ${filter.sharpness}`}` : "off") : null],
      ["deltas", filter && filter.reference_deltas.length
        ? `reference ${filter.reference_deltas.join(" ")}, mode ${filter.mode_deltas.join(" ")}` : null],
      ["segments", segments ? `qindex ${segments.qindex.join(" ")}, filter ${segments.filter_level.join(" ")} (${segments.absolute ? "absolute" : "added"})${segments.updates_map ? ", new map" : ""}` : null],
      ["partitions", frame.partitions ? frame.partitions.map((part) => whole(part.bytes)).join(" + ") + " bytes" : null],
      ...(frame.references || []).map((slot) => [slot.name, [
        slot.used_blocks ? `${whole(slot.used_blocks)} blocks` : "not read",
        slot.update === "kept" ? null : slot.update === "frame" ? "replaced" : slot.update,
        slot.sign_bias ? "reversed" : null,
        slot.slot !== undefined && slot.slot !== null && !slot.name.startsWith("slot") ? `slot ${slot.slot}` : null,
      ].filter(Boolean).join(", ")]),
      ["reads", frame.references || !frame.reads ? null : list(frame.reads)],
      ["updates", frame.references || !frame.updates ? null : list(frame.updates)],
      ["header", frame.av1 ? [
        frame.av1.existing_slot === undefined || frame.av1.existing_slot === null ? frame.av1.frame_type
          : `slot ${frame.av1.existing_slot} shown (${frame.av1.frame_type})`,
        frame.av1.showable ? "showable" : null,
        frame.av1.error_resilient ? "error resilient" : null,
        `order ${frame.av1.order_hint}`,
      ].filter(Boolean).join(", ") : null],
      ["slots", frame.av1 && frame.av1.references
        ? ["last", "last2", "last3", "golden", "backward", "altref2", "altref"].map((name, at) => `${name} ${frame.av1.references[at]}`).join(", ") : null],
      ["tiles", frame.av1 && frame.av1.tile_columns ? `${frame.av1.tile_columns} × ${frame.av1.tile_rows}` : null],
      ["layers", frame.av1 && (frame.av1.temporal_id || frame.av1.spatial_id)
        ? `temporal ${frame.av1.temporal_id}, spatial ${frame.av1.spatial_id}` : null],
      ["probabilities", !Object.keys(frame.probabilities || {}).length ? null
        : `${frame.changed_coeff_probs} of coefficients changed, ${frame.keeps_probabilities ? "kept" : "for this frame"}`],
    ]);
  }

  // ---- Frame selection ---------------------------------------------------------------------

  async function select(n) {
    if (!frames.length) return;
    selected = Math.max(0, Math.min(frames.length - 1, n));
    const frame = frames[selected];
    const mine = ++turn;
    $("title").textContent =
      `Frame ${frame.index}${frame.frame === undefined || frame.frame === null ? "" : `.${frame.frame}`}: ${frame.type}${frame.shown ? "" : ", not shown"}, ${whole(frame.bytes)} bytes`;
    const strip = $("strip");
    strip.setAttribute("aria-valuenow", String(frame.index));
    const at = selected * barWidth;
    const room = strip.clientWidth - GUTTER - barWidth;
    if (at < strip.scrollLeft || at > strip.scrollLeft + room) strip.scrollLeft = at - room / 2;
    history.replaceState(null, "", "#" + frame.index);
    drawStrip();
    showFrame(frame);
    showShares(frame);
    const [nextBlocks, nextPicture] = await Promise.all([
      blocksOf(selected).catch(() => null),
      frame.picture ? load(frame.picture) : null,
    ]);
    if (mine !== turn) return;
    [blocks, picture] = [nextBlocks, nextPicture];
    document.body.dataset.ready = String(frame.index);
    drawView();
    showBlock();
  }

  function load(source) {
    return new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve(image);
      image.onerror = () => resolve(null);
      image.src = source;
    });
  }

  function toKey(by) {
    for (let n = selected + by; n >= 0 && n < frames.length; n += by) {
      if (frames[n].type === "key") return select(n);
    }
  }

  function setZoom(next) {
    const stage = $("stage");
    const before = scaleNow();
    // Keep the centre of the view in place.
    const middle = [stage.scrollLeft + stage.clientWidth / 2, stage.scrollTop + stage.clientHeight / 2];
    zoom = next === null ? null : Math.max(0.1, Math.min(16, next));
    drawView();
    const by = scaleNow() / before;
    stage.scrollTo(middle[0] * by - stage.clientWidth / 2, middle[1] * by - stage.clientHeight / 2);
  }

  function blockAt(event) {
    if (!blocks) return -1;
    const frame = frames[selected];
    const box = $("view").getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * frame.width;
    const y = ((event.clientY - box.top) / box.height) * frame.height;
    if (x < 0 || y < 0 || x >= frame.width || y >= frame.height) return -1;
    return blocks.left.findIndex((left, i) => x >= left && x < left + blocks.width[i]
      && y >= blocks.top[i] && y < blocks.top[i] + blocks.height[i]);
  }

  function hover(i) {
    if (i === hovered) return;
    hovered = i;
    drawView();
    showBlock();
  }

  $("view").addEventListener("mousemove", (event) => hover(blockAt(event)));
  $("view").addEventListener("mouseleave", () => hover(-1));
  $("view").addEventListener("click", (event) => {
    const i = blockAt(event);
    pinned = i === pinned ? -1 : i;
    drawView();
    showBlock();
  });
  $("stage").addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    setZoom(scaleNow() * (event.deltaY < 0 ? 1.25 : 0.8));
  }, { passive: false });
  $("previous").addEventListener("click", () => select(selected - 1));
  $("next").addEventListener("click", () => select(selected + 1));
  $("smaller").addEventListener("click", () => setZoom(scaleNow() / 1.5));
  $("larger").addEventListener("click", () => setZoom(scaleNow() * 1.5));
  $("fit").addEventListener("click", () => setZoom(null));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.shiftKey ? 10 : 1;
    const mark = MARKS.findIndex(([, key]) => key === event.key.toLowerCase());
    const digit = Number(event.key) - 1;
    switch (event.key) {
      case "ArrowLeft": select(selected - by); break;
      case "ArrowRight": select(selected + by); break;
      case "Home": select(0); break;
      case "End": select(frames.length - 1); break;
      case "[": toKey(-1); break;
      case "]": toKey(1); break;
      case "+": case "=": setZoom(scaleNow() * 1.5); break;
      case "-": setZoom(scaleNow() / 1.5); break;
      case "0": setZoom(null); break;
      case "Escape": pinned = -1; drawView(); showBlock(); break;
      default:
        if (mark >= 0) markBoxes[mark].click();
        else if (digit >= 0 && digit < FILLS.length) fillBoxes[digit].click();
        else return;
    }
    event.preventDefault();
  });

  function redraw() {
    theme = style();
    layoutStrip();
    drawStrip();
    if (frames.length) {
      showShares(frames[selected]);
      drawView();
    }
  }
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  layoutStrip();
  if (frames.length) {
    $("strip").setAttribute("aria-valuemin", String(frames[0].index));
    $("strip").setAttribute("aria-valuemax", String(frames[frames.length - 1].index));
    const asked = Number(location.hash.slice(1));
    const found = frames.findIndex((frame) => frame.index === asked);
    select(location.hash && found >= 0 ? found : 0);
  } else {
    $("title").textContent = "No frames";
    drawStrip();
  }
})();
