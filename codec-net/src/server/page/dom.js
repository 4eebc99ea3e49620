// Access to the page's elements, and its notices.

export const at = (id) => document.getElementById(id);

/// The value of the selected radio button.
export const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;

export function notify(text, kind = "info") {
  at("notice").textContent = text;
  at("notice").dataset.kind = kind;
}

/// Shows the state of a connection.
export function show(id, name, text = name) {
  at(id).textContent = text;
  at(id).dataset.state = name;
}

/// How long a brief notice is visible.
const BRIEF_MS = 6000;
let clearing;

/// Shows a notice that disappears unless another one replaces it.
export function notifyBriefly(text) {
  notify(text);
  clearTimeout(clearing);
  clearing = setTimeout(() => at("notice").textContent === text && notify(""), BRIEF_MS);
}
