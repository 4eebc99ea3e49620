// HTTP requests to the server, and user-facing texts for its errors and those of the browser.
import { withRetries } from "/retry.js";

const KEPT = "codec-token";
let token = sessionStorage.getItem(KEPT) ?? "";

export const hasToken = () => token !== "";
export const currentToken = () => token;

export function useToken(text) {
  token = text.trim();
  if (token) sessionStorage.setItem(KEPT, token);
  else sessionStorage.removeItem(KEPT);
}

/// The origin of the server, if it is not that of the page: another node of its cluster.
let server = "";

export const currentServer = () => server;

export function useServer(origin) {
  server = origin;
}

const headers = (more = {}) => (token ? { ...more, authorization: `Bearer ${token}` } : more);

async function refused(answer) {
  let why = answer.statusText || `status ${answer.status}`;
  try {
    why = (await answer.json()).error ?? why;
  } catch {
    // No JSON body: the status text is the message.
  }
  const error = new Error(why);
  error.status = answer.status;
  error.retryAfter = Number(answer.headers.get("retry-after") ?? NaN);
  return error;
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(server + path, { ...options, headers: headers(options.headers) });
  } catch {
    throw new Error("No response from the server. Is it still running?");
  }
  if (!answer.ok) throw await refused(answer);
  return answer;
}

export const streams = async () => (await ask("/api/streams")).json();

/// Sends a WHIP or WHEP offer; returns the answer, the URL of the session and its ETag. If the server has too many
/// handshakes, the request is repeated. `more`: further headers.
export async function negotiate(path, sdp, more = {}) {
  const answer = await withRetries(() => ask(path, {
    method: "POST",
    headers: { "content-type": "application/sdp", ...more },
    body: sdp,
  }));
  const { headers } = answer;
  return { sdp: await answer.text(), session: headers.get("location"), tag: headers.get("etag") };
}

/// Sends ICE candidates found after the offer (trickle ICE); the call may work without them.
export async function trickle(session, tag, lines) {
  try {
    await ask(session, {
      method: "PATCH",
      headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": tag },
      body: lines.map((line) => `${line}\r\n`).join(""),
    });
  } catch {
    // Our connectivity checks may still reach the server; otherwise the call times out.
  }
}

/// Restarts ICE with the credentials in `lines`; returns the server's SDP fragment and the new ETag.
export async function restartIce(session, lines) {
  const answer = await ask(session, {
    method: "PATCH",
    headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" },
    body: lines.map((line) => `${line}\r\n`).join(""),
  });
  return { fragment: await answer.text(), tag: answer.headers.get("etag") };
}

/// Ends a session; it is not an error if the session no longer exists.
export async function hangUp(session) {
  try {
    await ask(session, { method: "DELETE", keepalive: true });
  } catch {
    // The server ends the session by timeout.
  }
}

/// WebSocket subprotocols. They carry the token, because browsers cannot set headers here.
export function protocols() {
  if (!token) return ["codec-control"];
  const coded = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["codec-control", `bearer.${coded}`];
}

export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/// Returns a user-facing message for an error.
export function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The browser denied access to the camera, microphone or screen. Allow it for this page and try again.";
    case "NotFoundError":
      return "No camera found. Publish a file instead.";
    case "NotReadableError":
      return "The camera is in use by another program.";
    case "OverconstrainedError":
      return "The camera does not support the requested size or frame rate.";
    default:
  }
  if (error.status === 401) {
    return hasToken()
      ? "Invalid token. Correct it above."
      : "A token is required. Enter it above.";
  }
  return error.message || String(error);
}
