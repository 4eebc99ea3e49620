// Decodes H.264 with the VideoDecoder of Chromium; prints the hash of each frame as JSON.
// usage: node webcodecs.mjs FOLDER, with streams.json and the packets of each stream in one file
import { chromium } from "playwright-core";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const [folder] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "codec-webcodecs-"));
// WebCodecs requires a secure context, such as this machine.
const server = createServer((request, response) => {
  const name = basename(new URL(request.url, "http://localhost").pathname);
  response.setHeader("Content-Type", name ? "application/octet-stream" : "text/html");
  response.end(name && name !== "favicon.ico" ? readFileSync(join(folder, name)) : "<!doctype html>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});

/// Decodes a stream in the page: time, hash and size of each frame.
const decode = async ({ name, codec, description, packets }) => {
  const config = {
    codec,
    description: Uint8Array.from(description.match(/../g), (hex) => parseInt(hex, 16)),
    optimizeForLatency: false,
  };
  if (!(await VideoDecoder.isConfigSupported(config)).supported) return { lacks: codec };
  const data = new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer());
  const frames = [];
  let failure = null;
  const waiting = [];
  // FNV-1a of the visible samples as I420.
  const hashOf = async (frame) => {
    const rect = frame.visibleRect;
    if (frame.format !== "I420") throw new Error(`frames are ${frame.format}, expected I420`);
    const options = { rect };
    const samples = new Uint8Array(frame.allocationSize(options));
    await frame.copyTo(samples, options);
    let hash = 0x811c9dc5;
    for (const sample of samples) hash = Math.imul(hash ^ sample, 0x01000193) >>> 0;
    frames.push([frame.timestamp, hash, rect.width, rect.height]);
    frame.close();
  };
  const decoder = new VideoDecoder({
    output: (frame) => waiting.push(hashOf(frame)),
    error: (error) => { failure = `${error}`; },
  });
  decoder.configure(config);
  let at = 0;
  for (const [bytes, key, timestamp] of packets) {
    const type = key ? "key" : "delta";
    decoder.decode(new EncodedVideoChunk({ type, timestamp, data: data.subarray(at, at + bytes) }));
    at += bytes;
  }
  try {
    await decoder.flush();
    await Promise.all(waiting);
  } catch (error) {
    failure ??= `${error}`;
  }
  return failure ? { failure } : { frames: frames.sort((a, b) => a[0] - b[0]) };
};

const results = {};
let failure = null;
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  for (const stream of JSON.parse(readFileSync(join(folder, "streams.json"), "utf8"))) {
    results[stream.name] = await page.evaluate(decode, stream);
  }
} catch (error) {
  failure = error;
}
await browser.close();
server.close();
rmSync(profile, { recursive: true, force: true });
if (failure) console.error(failure.stack ?? failure);
console.log(JSON.stringify(results));
process.exit(failure ? 1 : 0);
