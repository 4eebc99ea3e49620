// The control channel of a session, over a data channel or a WebSocket: statistics, chat, files.
import { notify } from "/dom.js";
import { Uploads } from "/uploads.js";

const MAX_CHAT_LINES = 200;

/// Appends a line to a list of chat messages.
export function showChatLine(list, from, text) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = from;
  item.append(name, text);
  list.append(item);
  while (list.children.length > MAX_CHAT_LINES) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

export class ControlChannel {
  constructor({ chat, files, on }) {
    Object.assign(this, { chat, on });
    this.channel = null;
    this.hello = null;
    this.uploads = new Uploads(files, (message) => this.send(message));
  }

  /// Called when a connection to the server is open. Interrupted uploads resume.
  connect(channel) {
    this.channel = channel;
    this.on.ready?.(true);
    this.uploads.connect(channel);
  }

  disconnect() {
    this.channel = null;
    this.hello = null;
    this.uploads.disconnect();
    this.on.ready?.(false);
  }

  send(message) {
    if (this.channel?.isOpen()) this.channel.send(JSON.stringify(message));
  }

  sendChat(text) {
    this.send({ type: "chat", text });
  }

  sendFile(file) {
    return this.uploads.start(file);
  }

  handleMessage(data) {
    const message = JSON.parse(data);
    switch (message.type) {
      case "hello":
        this.hello = message;
        this.uploads.limits = message;
        break;
      case "chat":
        this.showChat(message.from, message.text);
        break;
      case "stats":
        this.on.stats?.(message.stream);
        this.on.video?.(message.paused, message.small);
        break;
      case "video":
        this.on.video?.(message.paused, message.small);
        break;
      case "draining":
        notify(`The server stops in ${Math.ceil(message.seconds / 60)} min.`);
        break;
      case "fileAt":
        this.uploads.continueAt(message.id, message.offset);
        break;
      case "fileStored":
        this.uploads.finish(message.id, `stored as ${message.name}`, message.name);
        break;
      case "fileRejected":
        this.uploads.finish(message.id, `rejected: ${message.reason}`);
        break;
      default: // Unknown messages of later versions are ignored.
    }
  }

  showChat(from, text) {
    showChatLine(this.chat, from === this.hello?.name ? "you" : from, text);
  }
}
