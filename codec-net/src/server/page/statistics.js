// Statistics and graphs, once a second.
import { at } from "/dom.js";
import { Graph } from "/graphs.js";
import { measure as measureRtc } from "/rtc_stats.js";
import { measure as measureSocket } from "/socket.js";
import { state } from "/state.js";

export const graphs = {
  bitrate: new Graph("bitrate", "kbit/s", { floor: 100 }),
  loss: new Graph("loss", "%", { digits: 1 }),
  delay: new Graph("delay", "ms", { floor: 50 }),
  qindex: new Graph("qindex", "", { floor: 20 }),
  layers: new Graph("layers", "", { floor: 2 }),
};

export function clearGraphs() {
  for (const graph of Object.values(graphs)) graph.clear();
}

async function tick() {
  const call = state.watching ?? state.publishing;
  if (!call || call.ended) return;
  const measured = state.watching && state.transport === "socket"
    ? measureSocket(call, state.before)
    : await measureRtc(call, state.before);
  state.before = measured.now;
  const figures = (state.figures = measured.figures);
  figures.qindex ??= state.stream.qindex;
  figures.layers = state.stream.layers;
  graphs.bitrate.push(figures.kbps);
  graphs.loss.push(figures.loss);
  graphs.delay.push(figures.delay);
  graphs.qindex.push(figures.qindex);
  graphs.layers.push(figures.layers);
  const size = figures.width ? `${figures.width}×${figures.height}` : "";
  const rate = Number.isFinite(figures.fps) ? `${figures.fps.toFixed(0)} frames/s` : "";
  at("figures").textContent = [size, rate].filter(Boolean).join(", ");
}
setInterval(tick, 1000);
