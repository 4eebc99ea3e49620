// Statistics of a WebRTC call.

/// Statistics of a call from getStats, in the units of the graphs; `before` is the last result.
export async function measure(call, before) {
  const now = { at: performance.now() };
  for (const report of (await call.pc.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") now.inbound = report;
    if (report.type === "inbound-rtp" && report.kind === "audio") call.playout?.handleAudioStats(report);
    if (report.type === "outbound-rtp" && report.kind === "video") now.outbound = report;
    if (report.type === "remote-inbound-rtp" && report.kind === "video") now.remote = report;
    if (report.type === "candidate-pair" && report.nominated) now.pair = report;
  }
  const then = before ?? {};
  const seconds = (now.at - (then.at ?? now.at)) / 1000;
  const gone = (side, name) => (now[side]?.[name] ?? 0) - (then[side]?.[name] ?? 0);
  const side = now.inbound ? "inbound" : "outbound";
  const figures = { width: now[side]?.frameWidth, height: now[side]?.frameHeight };
  if (seconds > 0) {
    const bytes = gone(side, side === "inbound" ? "bytesReceived" : "bytesSent");
    figures.kbps = (8 * bytes) / seconds / 1000;
    const frames = gone(side, side === "inbound" ? "framesDecoded" : "framesEncoded");
    figures.fps = frames / seconds;
    if (frames > 0) figures.qindex = gone(side, "qpSum") / frames;
    const lost = gone("inbound", "packetsLost");
    const came = gone("inbound", "packetsReceived");
    if (now.inbound) figures.loss = (100 * Math.max(0, lost)) / Math.max(1, lost + came);
    else if (now.remote) figures.loss = 100 * (now.remote.fractionLost ?? 0);
    const emitted = gone("inbound", "jitterBufferEmittedCount");
    const trip = 1000 * (now.pair?.currentRoundTripTime ?? 0);
    if (emitted > 0) figures.delay = (1000 * gone("inbound", "jitterBufferDelay")) / emitted + trip / 2;
    else if (now.outbound) figures.delay = trip;
  }
  figures.freezes = now.inbound?.freezeCount;
  figures.decoded = now.inbound?.framesDecoded;
  return { now, figures };
}
