// The state of the view in the fragment of the URL, so that a link restores it. Default values are omitted.
(() => {
  const { all, byId, changed, controls, data, read, select, state, targets } = page;
  // Choices that lists depend on, and what fills these lists.
  const fill = { "rate-clip": targets, ...page.fill };
  const pools = ["mean", "harmonic", "median", "p5", "p1", "worst-second", "worst-frame"];
  const picks = all(".pick select, .pick input").filter((one) => one.id && one.id !== "point");
  const boxes = (name) => all(`input[name=${name}]`, controls);
  const first = (one) => (one.tagName === "SELECT" ? (one.options[0]?.value ?? "") : one.defaultValue);
  let isRestoring = false;
  let section = "";
  let written = "";

  function fragment() {
    const view = new URLSearchParams();
    if (section) view.set("at", section);
    if (state.metric !== 0) view.set("metric", data.metrics[state.metric].id);
    if (state.pool !== 0) view.set("pool", pools[state.pool]);
    if (!state.log) view.set("scale", "linear");
    for (const name of ["arm", "clip"]) {
      const hidden = boxes(name).filter((box) => !box.checked).map((box) => box.value);
      if (hidden.length) view.set(`hide-${name}s`, hidden.join("."));
    }
    if (state.point !== null) view.set("point", String(state.point + 1));
    for (const pick of picks) if (pick.value !== first(pick)) view.set(pick.id, pick.value);
    return view.toString();
  }

  function save() {
    if (isRestoring) return;
    const text = fragment();
    // A fragment that names a section remains until something is changed.
    if (text === written) return;
    written = text;
    history.replaceState(null, "", text === "" ? location.pathname + location.search : `#${text}`);
  }

  function restore() {
    const text = location.hash.slice(1);
    if (text === written || (text !== "" && !text.includes("="))) return;
    const view = new URLSearchParams(text);
    isRestoring = true;
    const metric = data.metrics.findIndex(({ id }) => id === view.get("metric"));
    if (controls.elements.metric.options.length) controls.elements.metric.value = String(Math.max(metric, 0));
    controls.elements.pool.value = String(Math.max(pools.indexOf(view.get("pool")), 0));
    controls.elements.scale.value = view.get("scale") === "linear" ? "linear" : "log";
    for (const name of ["arm", "clip"]) {
      const hidden = new Set((view.get(`hide-${name}s`) ?? "").split("."));
      for (const box of boxes(name)) box.checked = !hidden.has(box.value);
    }
    const point = Number(view.get("point") ?? 0) - 1;
    select(point in data.points ? point : null);
    // In the order of the page, so that a list is filled before its choice is set.
    for (const pick of picks) {
      const value = view.get(pick.id) ?? first(pick);
      const isKnown = pick.tagName !== "SELECT" || [...pick.options].some((option) => option.value === value);
      pick.value = isKnown ? value : first(pick);
      fill[pick.id]?.();
    }
    read();
    isRestoring = false;
    section = byId(view.get("at") ?? "")?.closest("section") ? view.get("at") : "";
    written = text;
    if (section) byId(section).scrollIntoView();
  }

  // Links to sections keep the view.
  for (const link of all("nav a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      section = link.hash.slice(1);
      const heading = byId(`${section}-h`);
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      byId(section).scrollIntoView();
      save();
    });
  }
  changed.push(save);
  for (const pick of picks) pick.addEventListener("change", save);
  window.addEventListener("hashchange", restore);
  read();
  restore();
})();
