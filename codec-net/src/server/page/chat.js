// The controls of chat and files, and notices about paused or reduced video.
import { ControlChannel } from "/control_channel.js";
import { at, notify } from "/dom.js";
import { state } from "/state.js";

export const controlChannel = new ControlChannel({
  chat: at("chat"),
  files: at("files"),
  on: {
    ready: (ready) => {
      for (const id of ["chat-text", "chat-send", "file"]) at(id).disabled = !ready;
    },
    stats: (stream) => {
      state.stream = stream;
    },
    video: (paused, small) => {
      const reduced = small ? "small" : null;
      if ((paused ?? reduced) === state.paused) return;
      state.paused = paused ?? reduced;
      const smaller = "Limited bandwidth: the video is smaller until the connection improves.";
      if (paused) notify(`Video paused: ${paused}. Audio continues; video resumes when possible.`);
      else notify(small ? smaller : "");
    },
  },
});
at("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (at("chat-text").value.trim()) controlChannel.sendChat(at("chat-text").value);
  at("chat-text").value = "";
});
at("file").addEventListener("change", ({ target }) => {
  for (const file of target.files) controlChannel.sendFile(file);
  target.value = "";
});
