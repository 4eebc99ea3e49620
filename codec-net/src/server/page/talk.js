// Chat and files, over a data channel or a WebSocket.
import { digestOf } from "/sha256.js";

const HEAD_BYTES = 12;
const MAX_LINES = 200;

export class Talk {
  constructor({ chat, files, on }) {
    Object.assign(this, { chat, files, on });
    this.line = null;
    this.hello = null;
    this.sending = new Map();
    this.nextId = 1;
  }

  /// Called when a connection to the server is open. Interrupted uploads resume.
  connect(line) {
    this.line = line;
    this.on.ready?.(true);
    for (const upload of this.sending.values()) this.announce(upload);
  }

  disconnect() {
    this.line = null;
    this.hello = null;
    for (const upload of this.sending.values()) upload.note("waiting for a connection");
    this.on.ready?.(false);
  }

  tell(message) {
    if (this.line?.isOpen()) this.line.send(JSON.stringify(message));
  }

  say(text) {
    this.tell({ type: "chat", text });
  }

  take(data) {
    const message = JSON.parse(data);
    switch (message.type) {
      case "hello":
        this.hello = message;
        break;
      case "chat":
        this.show(message.from, message.text);
        break;
      case "stats":
        this.on.stats?.(message.stream);
        this.on.video?.(message.paused, message.small);
        break;
      case "video":
        this.on.video?.(message.paused, message.small);
        break;
      case "fileAt":
        this.goOn(message.id, message.offset);
        break;
      case "fileStored":
        this.done(message.id, `stored as ${message.name}`, message.name);
        break;
      case "fileRejected":
        this.done(message.id, `rejected: ${message.reason}`);
        break;
      default: // Unknown messages of later versions are ignored.
    }
  }

  show(from, text) {
    const item = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = from === this.hello?.name ? "you" : from;
    item.append(name, text);
    this.chat.append(item);
    while (this.chat.children.length > MAX_LINES) this.chat.firstChild.remove();
    this.chat.scrollTop = this.chat.scrollHeight;
  }

  /// Sends a file; resolves when it is stored or rejected.
  send(file) {
    const id = this.nextId++;
    const item = document.createElement("li");
    item.dataset.file = id;
    const [name, note, bar] = ["span", "small", "progress"].map((tag) => document.createElement(tag));
    name.textContent = file.name;
    bar.max = 1;
    item.append(name, note, bar);
    this.files.append(item);
    return new Promise((finished) => {
      const upload = {
        id, file, item, finished, offset: 0, run: 0,
        note: (text, part) => {
          note.textContent = text;
          if (part !== undefined) bar.value = part;
        },
      };
      this.sending.set(id, upload);
      this.begin(upload);
    });
  }

  async begin(upload) {
    const limit = this.hello?.fileBytes ?? 0;
    if (this.hello && upload.file.size > limit) {
      const why = limit ? `larger than the server's limit of ${limit >> 20} MiB` : "this server does not accept files";
      this.done(upload.id, `rejected: ${why}`);
      return;
    }
    upload.note("reading", 0);
    upload.digest = await digestOf(upload.file, (part) => upload.note("reading", part));
    this.announce(upload);
  }

  announce({ id, file, digest }) {
    if (digest) this.tell({ type: "file", id, name: file.name, bytes: file.size, sha256: digest });
  }

  /// The server reports the next expected byte: at the start, after a gap and periodically.
  goOn(id, offset) {
    const upload = this.sending.get(id);
    if (!upload) return;
    upload.note(`${Math.round((100 * offset) / upload.file.size)} %`, offset / upload.file.size);
    const sent = upload.run > 0 && upload.line === this.line;
    if (sent && offset <= upload.offset && upload.busy) return;
    upload.offset = offset;
    this.pump(upload);
  }

  async pump(upload) {
    const run = ++upload.run;
    const line = this.line;
    const chunk = this.hello?.chunkBytes ?? 16384;
    Object.assign(upload, { line, busy: true });
    while (line?.isOpen() && upload.run === run && upload.offset < upload.file.size) {
      const bytes = await upload.file.slice(upload.offset, upload.offset + chunk).arrayBuffer();
      await line.drained();
      if (!line.isOpen() || upload.run !== run) break;
      const message = new Uint8Array(HEAD_BYTES + bytes.byteLength);
      const head = new DataView(message.buffer);
      head.setUint32(0, upload.id);
      head.setBigUint64(4, BigInt(upload.offset));
      message.set(new Uint8Array(bytes), HEAD_BYTES);
      line.send(message);
      upload.offset += bytes.byteLength;
    }
    if (upload.run === run) upload.busy = false;
  }

  done(id, text, name) {
    const upload = this.sending.get(id);
    if (!upload) return;
    this.sending.delete(id);
    upload.run += 1;
    upload.item.dataset.outcome = name ? "stored" : "rejected";
    upload.note(text, name ? 1 : 0);
    upload.finished({ stored: name ?? null, text });
  }
}
