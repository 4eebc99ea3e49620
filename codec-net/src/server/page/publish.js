// Publishing a source over WebRTC.
import * as api from "/api.js";
import { followConnection, lost } from "/connection.js";
import { at, chosen, notify, show } from "/dom.js";
import * as rtc from "/rtc.js";
import { closeSource, listDevices, openSource } from "/sources.js";
import { state } from "/state.js";
import { enableStarts, refresh } from "/streams.js";

/// Publishes the selected source.
export async function publish() {
  state.opening.publish = true;
  enableStarts();
  show("publish-state", "connecting");
  notify("");
  let media;
  const release = () => {
    closeSource(media);
    at("preview").srcObject = null;
    at("preview").hidden = true;
    at("publish-stop").disabled = true;
    state.publishing = null;
    enableStarts();
    refresh();
  };
  try {
    media = await openSource(chosen("source"));
    listDevices();
    at("preview").srcObject = media;
    at("preview").hidden = false;
    at("preview").play().catch(() => {});
    const name = at("name").value;
    state.publishing = await rtc.publish(name, media, Number(at("rate").value), {
      state: (text) => {
        show("publish-state", text);
        setTimeout(refresh, 1000);
      },
      end: (reason, failed) => {
        const why = lost(state.publishing, failed) ?? reason;
        show("publish-state", failed ? "failed" : "ended");
        notify(`Publishing ended: ${why}.`, failed ? "error" : "info");
        release();
      },
    }, state.settings, at("codec").value);
    followConnection(state.publishing, "publish-state");
    // The browser's own button also ends screen sharing.
    media.getVideoTracks()[0]?.addEventListener("ended", () => state.publishing?.stop());
    at("publish-stop").disabled = false;
  } catch (error) {
    release();
    show("publish-state", "failed");
    notify(api.explain(error), "error");
  } finally {
    state.opening.publish = false;
    enableStarts();
  }
}

at("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  publish();
});
at("publish-stop").addEventListener("click", () => state.publishing?.stop());
