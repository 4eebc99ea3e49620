// Uploads of files: chunked, and resumed after a reconnection.
import { digestOf } from "/sha256.js";

/// Bytes before the data of a chunk: file number (4), offset (8).
const CHUNK_HEADER_BYTES = 12;

export class Uploads {
  /// `list` shows the files; `send` sends a message to the server.
  constructor(list, send) {
    Object.assign(this, { list, send });
    this.channel = null;
    /// The server's limits: `fileBytes` and `chunkBytes`.
    this.limits = null;
    this.uploads = new Map();
    this.nextId = 1;
  }

  connect(channel) {
    this.channel = channel;
    for (const upload of this.uploads.values()) this.announce(upload);
  }

  disconnect() {
    this.channel = null;
    this.limits = null;
    for (const upload of this.uploads.values()) upload.note("waiting for a connection");
  }

  /// Sends a file; resolves when it is stored or rejected. `extra`: more fields of its announcement.
  start(file, extra = {}) {
    const id = this.nextId++;
    const item = document.createElement("li");
    item.dataset.file = id;
    const [name, note, bar] = ["span", "small", "progress"].map((tag) => document.createElement(tag));
    name.textContent = file.name;
    bar.max = 1;
    item.append(name, note, bar);
    this.list.append(item);
    return new Promise((finished) => {
      const upload = {
        id, file, extra, item, finished, offset: 0, run: 0,
        note: (text, part) => {
          note.textContent = text;
          if (part !== undefined) bar.value = part;
        },
      };
      this.uploads.set(id, upload);
      this.readFile(upload);
    });
  }

  async readFile(upload) {
    const limit = this.limits?.fileBytes ?? 0;
    if (this.limits && upload.file.size > limit) {
      const why = limit ? `larger than the server's limit of ${limit >> 20} MiB` : "this server does not accept files";
      this.finish(upload.id, `rejected: ${why}`);
      return;
    }
    upload.note("reading", 0);
    upload.digest = await digestOf(upload.file, (part) => upload.note("reading", part));
    this.announce(upload);
  }

  announce({ id, file, digest, extra }) {
    if (digest) this.send({ ...extra, type: "file", id, name: file.name, bytes: file.size, sha256: digest });
  }

  /// The server reports the next expected byte: at the start, after a gap and periodically.
  continueAt(id, offset) {
    const upload = this.uploads.get(id);
    if (!upload) return;
    upload.note(`${Math.round((100 * offset) / upload.file.size)} %`, offset / upload.file.size);
    const sent = upload.run > 0 && upload.channel === this.channel;
    if (sent && offset <= upload.offset && upload.busy) return;
    upload.offset = offset;
    this.pump(upload);
  }

  async pump(upload) {
    const run = ++upload.run;
    const channel = this.channel;
    const chunk = this.limits?.chunkBytes ?? 16384;
    Object.assign(upload, { channel, busy: true });
    while (channel?.isOpen() && upload.run === run && upload.offset < upload.file.size) {
      const bytes = await upload.file.slice(upload.offset, upload.offset + chunk).arrayBuffer();
      await channel.drained();
      if (!channel.isOpen() || upload.run !== run) break;
      const message = new Uint8Array(CHUNK_HEADER_BYTES + bytes.byteLength);
      const head = new DataView(message.buffer);
      head.setUint32(0, upload.id);
      head.setBigUint64(4, BigInt(upload.offset));
      message.set(new Uint8Array(bytes), CHUNK_HEADER_BYTES);
      channel.send(message);
      upload.offset += bytes.byteLength;
    }
    if (upload.run === run) upload.busy = false;
  }

  finish(id, text, name) {
    const upload = this.uploads.get(id);
    if (!upload) return;
    this.uploads.delete(id);
    upload.run += 1;
    upload.item.dataset.outcome = name ? "stored" : "rejected";
    upload.note(text, name ? 1 : 0);
    upload.finished({ stored: name ?? null, text, item: upload.item });
  }
}
