// The tiles of a conference room: a grid, or one tile on stage above the others.

/// Gap between tiles and minimum width of a tile in the grid, in pixels.
const GAP = 8;
const MIN_WIDTH = 150;
const ASPECT = 16 / 9;
/// Heights that a view requests, in device pixels.
const HEIGHTS = [180, 360, 720, 1080];
/// The server needs this long to follow a change of the layout.
const SETTLING_MS = 3000;

/// The width of the largest tiles of which `count` fit into an area, in pixels.
export function tileWidth(count, width, height) {
  const most = Math.max(1, Math.min(count, Math.floor((width + GAP) / (MIN_WIDTH + GAP))));
  let best = 0;
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (width - GAP * (columns - 1)) / columns;
    const down = ((height - GAP * (rows - 1)) / rows) * ASPECT;
    best = Math.max(best, Math.min(across, down));
  }
  return Math.floor(Math.min(width, Math.max(best, MIN_WIDTH)));
}

const keyOf = (id, source) => `${source} ${id}`;

function create(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

/// Sets a text only if it differs: screen readers announce changes.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

class Tile {
  constructor(id, source, choose, moderate) {
    Object.assign(this, { id, source, best: 0, wanted: 0, mid: null });
    this.item = document.createElement("li");
    this.button = create("button", "tile", this.item);
    this.button.type = "button";
    this.button.addEventListener("click", () => choose(id, source));
    this.avatar = create("span", "avatar", this.button);
    this.avatar.ariaHidden = "true";
    this.video = create("video", "", this.button);
    Object.assign(this.video, { muted: true, autoplay: true, playsInline: true });
    const words = create("span", "words", this.button);
    this.name = create("b", "", words);
    this.actions = create("span", "actions", this.item);
    this.actions.hidden = true;
    for (const [type, label] of source === "camera" ? [["mute", "Mute"], ["remove", "Remove"]] : []) {
      const action = create("button", "", this.actions);
      action.type = "button";
      action.textContent = label;
      action.addEventListener("click", () => moderate(type, id));
    }
    this.marks = ["speaking", "muted", "network"].map((name) => create("span", name, words));
  }

  show(person, room) {
    const { source } = this;
    const isYou = person.id === room.you;
    const isOnStage = room.stage?.id === this.id && room.stage.source === source;
    const speaks = source === "camera" && room.speaking.has(person.id);
    const media = isYou ? room.own[source] : room.call?.stream(person[source]) ?? null;
    const isOff = source === "camera" && person.cameraOff;
    if (this.video.srcObject !== media) this.video.srcObject = media;
    this.video.hidden = media === null || isOff;
    this.video.classList.toggle("mirrored", isYou && source === "camera");
    this.item.dataset.source = source;
    this.item.dataset.person = person.id;
    this.item.classList.toggle("on-stage", isOnStage);
    this.item.classList.toggle("speaks", speaks);
    this.item.classList.toggle("dominant", source === "camera" && room.dominant === person.id);
    this.button.ariaPressed = String(isOnStage);
    this.actions.hidden = !room.moderates || isYou || source !== "camera";
    for (const action of this.actions.children) action.ariaLabel = `${action.textContent} ${person.name}`;
    this.button.title = isOnStage ? "Remove from stage" : "Put on stage";
    setText(this.avatar, [...person.name][0]?.toUpperCase() ?? "?");
    const whose = isYou ? `${person.name} (you)` : person.name;
    setText(this.name, source === "camera" ? whose : `Screen of ${whose}`);
    const [speaking, muted, network] = this.marks;
    setText(speaking, speaks ? "speaking" : "");
    setText(muted, source === "camera" && person.muted ? "muted" : "");
    setText(network, this.stateOf(person, room, isYou, isOff));
  }

  /// The state of the video in words; empty if there is nothing to report.
  stateOf(person, room, isYou, isOff) {
    const mid = person[this.source];
    // The camera may differ after it was off.
    if (isOff || mid !== this.mid) this.best = 0;
    this.mid = mid;
    if (isOff) return "camera off";
    if (isYou) return "";
    if (mid === null) return "no video";
    const { height = 0, paused = null } = room.videos.get(mid) ?? {};
    if (paused !== null) return `paused: ${paused}`;
    this.best = Math.max(this.best, height);
    // Only the best height so far shows how large the video of a camera is.
    const isLow = height > 0 && 2 * height <= Math.min(this.wanted, this.best);
    const isSettled = performance.now() - this.since > SETTLING_MS;
    return isLow && isSettled ? `weak network: showing ${height}p` : "";
  }

  /// The height to request for this tile: 0 if it is not visible in the area of the list.
  measure(area) {
    const { top, bottom, left, right, width, height } = this.button.getBoundingClientRect();
    const isInside = bottom > area.top && top < area.bottom && right > area.left && left < area.right;
    const isVisible = isInside && document.visibilityState === "visible";
    // A tile on stage can be higher than its video.
    const { videoWidth, videoHeight } = this.video;
    const aspect = videoWidth > 0 ? videoWidth / videoHeight : ASPECT;
    const isFitted = getComputedStyle(this.video).objectFit === "contain";
    const pixels = (isFitted ? Math.min(height, width / aspect) : height) * (devicePixelRatio || 1);
    const wanted = isVisible ? HEIGHTS.find((step) => step >= pixels - 1) ?? HEIGHTS.at(-1) : 0;
    if (wanted !== this.wanted) [this.wanted, this.since] = [wanted, performance.now()];
    return wanted;
  }
}

/// The tiles in a list element. `choose` is called with the id and source of a tile that is
/// clicked, `moved` after each change of the layout, and `moderate` with "mute" or "remove" and the id
/// of a person.
export class Tiles {
  constructor(list, choose, moved, moderate) {
    Object.assign(this, { list, choose, moved, moderate, tiles: new Map() });
    new ResizeObserver(() => this.layOut()).observe(list);
    list.addEventListener("scroll", moved);
  }

  /// Shows the people of a room. Tiles keep their order: a video that moves in the document stops.
  show(room) {
    const shown = new Map();
    for (const person of room.people) {
      shown.set(keyOf(person.id, "camera"), [person, "camera"]);
      if (person.sharing) shown.set(keyOf(person.id, "screen"), [person, "screen"]);
    }
    for (const [key, tile] of this.tiles) {
      if (shown.has(key)) continue;
      tile.video.srcObject = null;
      tile.item.remove();
      this.tiles.delete(key);
    }
    for (const [key, [person, source]] of shown) {
      if (!this.tiles.has(key)) {
        const tile = new Tile(person.id, source, this.choose, this.moderate);
        this.tiles.set(key, tile);
        this.list.append(tile.item);
      }
      this.tiles.get(key).show(person, room);
    }
    this.list.classList.toggle("with-stage", room.stage !== null);
    this.layOut();
  }

  layOut() {
    const { clientWidth, clientHeight } = this.list;
    // clientWidth is rounded; a tile that is a fraction too wide would wrap.
    const width = tileWidth(this.tiles.size, clientWidth - 1, clientHeight);
    this.list.style.setProperty("--tile", `${width}px`);
    this.moved();
  }

  /// The heights of the videos of other people, for the server.
  heights(you) {
    const area = this.list.getBoundingClientRect();
    return [...this.tiles.values()]
      .filter(({ id }) => id !== you)
      .map((tile) => ({ id: tile.id, source: tile.source, height: tile.measure(area) }));
  }
}
