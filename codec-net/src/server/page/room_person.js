// Who you are: a secret key, with which your devices are one person to others.

const KEPT = "codec-person";
const KEY_BYTES = 32;
const IS_KEY = /^[\x21-\x7e]{16,128}$/;

function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/// The key in the link with which the page was opened. It does not stay in the address bar.
function linked() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const key = hash.get("person");
  if (key === null) return null;
  hash.delete("person");
  history.replaceState(null, "", `#${hash}`);
  return IS_KEY.test(key) ? key : null;
}

/// The key of this tab. The key of a link applies to this tab, and to this browser if it has no other key: a link
/// of someone else must not replace who you are.
function find() {
  const key = linked() ?? sessionStorage.getItem(KEPT) ?? localStorage.getItem(KEPT) ?? random();
  sessionStorage.setItem(KEPT, key);
  if (localStorage.getItem(KEPT) === null) localStorage.setItem(KEPT, key);
  return key;
}

export const personKey = find();

/// A link that opens this room as the same person.
export function deviceLink(name) {
  const url = new URL(location.href);
  url.hash = new URLSearchParams({ name, person: personKey });
  return url.href;
}
