// Small graphs of the last minute, drawn on canvases.

const SECONDS = 60;

/// The step of the axis: the smallest of 1, 2, 5, 10, 20 ... whose double reaches `highest`.
export function step(highest) {
  const power = 10 ** Math.floor(Math.log10(highest / 2));
  return [1, 2, 5, 10].map((digit) => digit * power).find((size) => 2 * size >= highest * (1 - 1e-9));
}

export class Graph {
  constructor(id, unit, { digits = 0, floor = 1 } = {}) {
    this.canvas = document.getElementById(`graph-${id}`);
    this.output = document.getElementById(`now-${id}`);
    this.name = this.canvas.parentElement.querySelector("figcaption").firstChild.textContent.trim();
    Object.assign(this, { unit, digits, floor, values: [] });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.say();
  }

  /// Adds one value per second; a value that is not finite leaves a gap.
  push(value) {
    this.values.push(Number.isFinite(value) ? value : null);
    if (this.values.length > SECONDS) this.values.shift();
    this.say();
    this.draw();
  }

  clear() {
    this.values = [];
    this.say();
    this.draw();
  }

  say() {
    const last = this.values.at(-1);
    const text = last == null ? "–" : `${last.toFixed(this.digits)} ${this.unit}`.trim();
    this.output.textContent = text;
    this.canvas.setAttribute("aria-label", `${this.name} over the last minute, now ${text}`);
  }

  draw() {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    const unit = step(Math.max(this.floor, ...this.values.map((value) => value ?? 0)));
    const top = 2 * unit;
    const x = (index) => (width * (SECONDS - this.values.length + index)) / (SECONDS - 1);
    const y = (value) => height - 2 - ((height - 14) * value) / top;

    pen.strokeStyle = color("--line");
    pen.fillStyle = color("--soft");
    pen.font = "10px system-ui, sans-serif";
    for (const mark of [unit, top]) {
      const at = Math.round(y(mark)) + 0.5;
      pen.beginPath();
      pen.moveTo(0, at);
      pen.lineTo(width, at);
      pen.stroke();
      pen.fillText(String(Number(mark.toPrecision(1))), 2, at - 2);
    }
    pen.strokeStyle = color("--main");
    pen.fillStyle = color("--glow");
    pen.lineWidth = 1.75;
    pen.lineJoin = "round";
    for (const [from, to] of runs(this.values)) {
      pen.beginPath();
      for (let index = from; index <= to; index += 1) pen.lineTo(x(index), y(this.values[index]));
      pen.stroke();
      pen.lineTo(x(to), height);
      pen.lineTo(x(from), height);
      pen.fill();
    }
  }
}

/// The first and last index of each run of values without a gap.
function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index > 0 && values[index - 1] !== null) found.at(-1)[1] = index;
    else found.push([index, index]);
  });
  return found;
}
