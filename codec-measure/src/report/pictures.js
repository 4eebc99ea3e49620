// Images of two arms: side by side, one at a time, or their difference, at the same place.
(() => {
  const { byId, changed, data, fixed, parts, selected, short, state } = page;
  const stage = byId("pictures-stage");
  if (!stage) return;
  const pick = (name) => byId(`pictures-${name}`);
  const [clips, frames, aPick, bPick, view, gain, zoom, left, top] =
    ["clip", "frame", "a", "b", "view", "gain", "zoom", "x", "y"].map(pick);
  // What the view of one image shows: 0 is A, 1 is B, 2 is the source.
  let shown = 0;
  // What the images on the stage belong to.
  let made = "";

  const current = () => data.pictures[Number(clips.value)];
  const choices = () => {
    const { views } = current();
    return [views[Number(aPick.value)] ?? views[0], views[Number(bPick.value)] ?? views[0], views[0]];
  };

  clips.replaceChildren(...data.pictures.map(({ clip }, index) => new Option(data.clips[clip], index)));

  function lists() {
    const { frames: list, views } = current();
    frames.replaceChildren(...list.map(({ frame, reason }, index) => new Option(`${frame}: ${reason}`, index)));
    for (const [box, first] of [[aPick, 1], [bPick, 2]]) {
      const before = box.selectedOptions[0]?.text;
      // The first two arms; one arm is compared with the source.
      const order = [first, ...views.keys()].filter((index, at) => at === 0 ? views[index] : index !== first);
      box.replaceChildren(...order.map((index) => new Option(views[index].name, index)));
      const same = [...box.options].findIndex(({ text }) => text === before);
      box.selectedIndex = Math.max(same, 0);
    }
  }

  // The value of the frame by the selected metric.
  function quality(one) {
    const point = data.points.find(({ arm, clip, target }) => arm === one.arm && clip === current().clip && target === one.target);
    if (!point?.frames || data.frames.group > 1) return "";
    const value = page.valuesOf(point, state.metric)[current().frames[Number(frames.value)].frame];
    if (value == null) return "";
    const metric = data.metrics[state.metric];
    return `, ${short(point.kbps)} kb/s, ${metric.name} ${fixed(value, Math.abs(value) < 2 ? 4 : 2)} ${metric.unit}`.trimEnd();
  }

  function image(one) {
    const made = document.createElement("img");
    const { clip, frames: list } = current();
    made.alt = `${one.name}: ${data.clips[clip]}, frame ${list[Number(frames.value)].frame}`;
    made.draggable = false;
    made.src = one.files[Number(frames.value)];
    return made;
  }

  function pane(images, caption) {
    const box = document.createElement("div");
    box.className = "pane";
    const { size: [width, height] } = current();
    const inner = document.createElement("div");
    inner.className = "frame";
    inner.style.aspectRatio = `${width} / ${height}`;
    inner.style.maxWidth = `calc(80vh * ${width / height})`;
    inner.append(...images);
    const text = document.createElement("p");
    text.textContent = caption;
    box.append(text, inner);
    return box;
  }

  function build() {
    const [a, b, source] = choices();
    const text = (name, one) => `${name}: ${one.name}${quality(one)}`;
    const key = JSON.stringify([clips.value, frames.value, aPick.value, bPick.value, view.value, state.metric]);
    if (key === made) return;
    made = key;
    if (view.value === "side") stage.replaceChildren(pane([image(a)], text("A", a)), pane([image(b)], text("B", b)));
    else if (view.value === "difference") {
      stage.replaceChildren(pane([image(a), image(b)], `Difference of ${text("A", a)} and ${text("B", b)}`));
    } else stage.replaceChildren(pane([a, b, source].map(image), ""));
    stage.className = view.value;
  }

  // Size and place of the images, which are the same in all panes.
  function arrange() {
    const { size: [width] } = current();
    for (const inner of stage.querySelectorAll(".frame")) {
      const [wide, high] = [inner.clientWidth, inner.clientHeight];
      const long = Number(zoom.value) === 0 ? wide : width * Number(zoom.value);
      const tall = (long * high) / wide;
      const at = (room, input) => (room > 0 ? (-room * share(input)) / 100 : -room / 2);
      for (const one of inner.children) {
        Object.assign(one.style, { width: `${long}px`, height: `${tall}px`, left: `${at(long - wide, left)}px`, top: `${at(tall - high, top)}px` });
      }
      inner.style.filter = view.value === "difference" ? `brightness(${gain.value})` : "";
    }
    pick("gain").closest("label").classList.toggle("off", view.value !== "difference");
  }

  const share = (input) => Math.min(Math.max(Number(input.value) || 0, 0), 100);

  function label() {
    const text = pick("shown");
    if (view.value !== "flicker") {
      text.textContent = "";
      return;
    }
    const one = choices()[shown];
    [...stage.querySelectorAll("img")].forEach((layer, index) => {
      layer.style.visibility = index === shown ? "visible" : "hidden";
    });
    const name = ["A", "B", "Source"][shown];
    stage.querySelector("p").textContent = shown === 2 ? "Source" : `${name}: ${one.name}${quality(one)}`;
    text.textContent = `Shown: ${shown === 2 ? "the source" : `${name}, ${one.name}`}`;
  }

  function render() {
    build();
    stage.hidden = false;
    arrange();
    label();
  }

  function update() {
    render();
    for (const listen of changed) listen();
  }

  function show(which) {
    view.value = "flicker";
    shown = which;
    update();
  }

  function step(by) {
    const index = zoom.selectedIndex + by;
    if (index < 0 || index >= zoom.options.length) return;
    zoom.selectedIndex = index;
    update();
  }

  function move(input, by) {
    input.value = String(Math.round(10 * Math.min(Math.max(share(input) + by, 0), 100)) / 10);
    update();
  }

  const keys = {
    a: () => show(0),
    b: () => show(1),
    s: () => show(2),
    " ": () => show(view.value === "flicker" && shown === 0 ? 1 : 0),
    d: () => { view.value = "difference"; update(); },
    v: () => { view.value = "side"; update(); },
    "+": () => step(1),
    "-": () => step(-1),
    arrowleft: () => move(left, -5),
    arrowright: () => move(left, 5),
    arrowup: () => move(top, -5),
    arrowdown: () => move(top, 5),
  };
  stage.addEventListener("keydown", (event) => {
    const act = keys[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act();
  });

  // A drag moves the part of the frame, a click switches between A and B.
  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    const inner = event.target.closest(".frame");
    if (!inner || event.button !== 0) return;
    drag = { inner, x: event.clientX, y: event.clientY, left: share(left), top: share(top), isMoved: false };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (Math.hypot(dx, dy) > 4) drag.isMoved = true;
    if (!drag.isMoved) return;
    const one = drag.inner.firstElementChild;
    const [wide, high] = [one.offsetWidth - drag.inner.clientWidth, one.offsetHeight - drag.inner.clientHeight];
    const place = (from, by, room) => String(Math.round(10 * Math.min(Math.max(from - (100 * by) / room, 0), 100)) / 10);
    if (wide > 0) left.value = place(drag.left, dx, wide);
    if (high > 0) top.value = place(drag.top, dy, high);
    arrange();
  });
  stage.addEventListener("pointerup", () => {
    if (!drag) return;
    const { isMoved } = drag;
    drag = null;
    if (isMoved) update();
    else show(view.value === "flicker" && shown === 0 ? 1 : 0);
  });
  stage.addEventListener("pointercancel", () => { drag = null; });

  clips.addEventListener("change", () => { lists(); update(); });
  for (const one of [frames, aPick, bPick, view, gain, zoom, left, top]) one.addEventListener("change", update);
  selected.push((point) => {
    const index = data.pictures.findIndex(({ clip }) => clip === point.clip);
    if (index < 0 || clips.value === String(index)) return;
    clips.value = String(index);
    lists();
    render();
  });
  page.fill = { ...page.fill, "pictures-clip": lists };
  lists();
  parts.push(render);
})();
