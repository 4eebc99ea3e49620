// What is asked of the server over HTTP, and what its answers and the browser's errors mean.

const KEPT = "codec-token";
let token = sessionStorage.getItem(KEPT) ?? "";

export const hasToken = () => token !== "";
export const currentToken = () => token;

export function useToken(text) {
  token = text.trim();
  if (token) sessionStorage.setItem(KEPT, token);
  else sessionStorage.removeItem(KEPT);
}

const headers = (more = {}) => (token ? { ...more, authorization: `Bearer ${token}` } : more);

async function refused(answer) {
  let why = answer.statusText || `status ${answer.status}`;
  try {
    why = (await answer.json()).error ?? why;
  } catch {
    // The status says enough.
  }
  const error = new Error(why);
  error.status = answer.status;
  return error;
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(options.headers) });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  if (!answer.ok) throw await refused(answer);
  return answer;
}

export const streams = async () => (await ask("/api/streams")).json();

/// Sends an offer of WHIP or WHEP; gives the answer and where the session is.
export async function negotiate(path, sdp) {
  const answer = await ask(path, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: sdp,
  });
  const { headers } = answer;
  return { sdp: await answer.text(), session: headers.get("location"), tag: headers.get("etag") };
}

/// Sends addresses of this end that were found after the offer; the call may work without them.
export async function trickle(session, tag, lines) {
  try {
    await ask(session, {
      method: "PATCH",
      headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": tag },
      body: lines.map((line) => `${line}\r\n`).join(""),
    });
  } catch {
    // The checks of this end may reach the server all the same; else the call times out.
  }
}

/// Ends a session; one that is gone already is fine.
export async function hangUp(session) {
  try {
    await ask(session, { method: "DELETE", keepalive: true });
  } catch {
    // Nothing is left to be done.
  }
}

/// Sub-protocols of a WebSocket: with the token, which cannot be a header there.
export function protocols() {
  if (!token) return ["codec-talk"];
  const coded = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["codec-talk", `bearer.${coded}`];
}

export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/// An error in words of somebody who has not seen it before.
export function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The browser was not allowed to use the camera, microphone or screen. Allow it for this page and try again.";
    case "NotFoundError":
      return "There is no camera here that the browser can use. Publish a file instead.";
    case "NotReadableError":
      return "The camera is in use by another program.";
    case "OverconstrainedError":
      return "The camera cannot do what was asked of it.";
    default:
  }
  if (error.status === 401) {
    return hasToken()
      ? "The token is not right. Correct it above."
      : "A token is needed. Enter it above.";
  }
  return error.message || String(error);
}
