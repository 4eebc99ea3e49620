// Opens a report, uses its controls, and fails on any console message.
// usage: node report.mjs REPORT.html SCREENSHOTS/NAME
import { strict as assert } from "node:assert";
import { fits, read } from "./page.mjs";

const [report, shots] = process.argv.slice(2);

async function works(page) {
  const curves = page.locator("#rd figure:visible");
  const marks = page.locator("#rd figure:visible path.mark");
  const arms = page.locator("#controls input[name=arm]");
  const clips = page.locator("#controls input[name=clip]");
  const rows = page.locator("#summary tbody tr:visible");
  const before = { curves: await curves.count(), marks: await marks.count() };
  assert.equal(before.curves, await clips.count());
  assert.ok(before.marks > 0);
  assert.equal(await rows.count(), await arms.count());

  // An arm disappears from every curve and table, and returns.
  await arms.last().uncheck();
  assert.equal(await rows.count(), (await arms.count()) - 1);
  assert.ok((await marks.count()) < before.marks);
  const last = (await arms.count()) - 1;
  assert.equal(await page.locator(`[data-arm="${last}"]:visible`).count(), 0);
  await arms.last().check();
  assert.equal(await marks.count(), before.marks);

  // Without arms there is a message, not an error.
  for (const arm of await arms.all()) await arm.uncheck();
  assert.equal(await marks.count(), 0);
  assert.match(await curves.first().textContent(), /nothing to show/);
  for (const arm of await arms.all()) await arm.check();

  // A clip is removed; a single one is drawn large.
  await page.locator("details.clips summary").click();
  if (before.curves > 1) {
    await clips.first().uncheck();
    assert.equal(await curves.count(), before.curves - 1);
    await page.locator("[data-all='']").click();
    assert.equal(await curves.count(), 0);
    await clips.last().check();
    assert.equal(await curves.count(), 1);
    assert.ok((await curves.first().locator("svg").boundingBox()).width > 500);
    await page.locator("[data-all='1']").click();
  }
  await page.keyboard.press("Escape");
  assert.equal(await curves.count(), before.curves);

  // Each metric and each way of pooling draws other curves, and its own column of the summary.
  const metrics = page.locator("select[name=metric]");
  const names = await metrics.locator("option").allTextContents();
  for (const [index, name] of names.entries()) {
    await metrics.selectOption(String(index));
    assert.ok((await curves.first().textContent()).includes(name));
    assert.equal(await page.locator("#summary th[data-metric]:visible").count(), 1);
    assert.ok((await page.locator("#summary th[data-metric]:visible").textContent()).includes(name));
    await cellsFitHeads(page);
  }
  await metrics.selectOption("0");
  const whole = await curves.first().innerHTML();
  await page.locator("select[name=pool]").selectOption("3");
  assert.match(await curves.first().textContent(), /5th percentile/);
  await page.locator("select[name=pool]").selectOption("0");
  await page.locator("select[name=scale]").selectOption("linear");
  assert.notEqual(await curves.first().innerHTML(), whole);
  await page.locator("select[name=scale]").selectOption("log");
  assert.equal(await curves.first().innerHTML(), whole);

  // A pointer over a point shows its tooltip.
  await marks.nth(1).scrollIntoViewIfNeeded();
  await marks.nth(1).hover({ force: true });
  await page.locator("#tip").waitFor({ state: "visible" });
  assert.match(await page.locator("#tip").textContent(), /kb\/s/);

  // Tables are sorted both ways by numbers.
  const head = page.locator("#summary th").nth(await page.locator("#summary th").count() - 2);
  const values = () => page.locator("#summary tbody tr").evaluateAll((lines) =>
    lines.map((one) => one.cells[one.cells.length - 2].dataset.sort).filter((v) => v !== undefined).map(Number));
  await head.locator("button").click();
  assert.deepEqual(await values(), (await values()).toSorted((a, b) => a - b));
  await head.locator("button").click();
  assert.deepEqual(await values(), (await values()).toSorted((a, b) => b - a));

  await followsChoices(page, { metrics, clips });

  // The other charts follow their choices.
  for (const id of ["latency-clip", "rate-clip", "rate-target"]) {
    const pick = page.locator(`#${id}`);
    if ((await pick.count()) === 0) continue;
    const values = await pick.locator("option").evaluateAll((options) => options.map((o) => o.value));
    for (const value of values) await pick.selectOption(value);
    await pick.selectOption(values[0]);
  }

  // System, light, dark, and system again.
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const system = await paper();
  await page.locator("#theme").click();
  const light = await paper();
  await page.locator("#theme").click();
  assert.notEqual(await paper(), light);
  await page.locator("#theme").click();
  assert.equal(await paper(), system);
  await page.reload();
  assert.equal(await paper(), system);
}

// Each row of the summary has a cell below each shown header.
async function cellsFitHeads(page) {
  const heads = await page.locator("#summary th:visible").count();
  const rows = await page.locator("#summary tbody tr:visible").count();
  assert.equal(await page.locator("#summary tbody tr:visible td:visible").count(), heads * rows);
}

// With another metric or one clip, the summary, its badges and its order follow the selection.
async function followsChoices(page, { metrics, clips }) {
  const names = await metrics.locator("option").allTextContents();
  const heads = page.locator("#summary th[data-metric]");
  const badges = () => page.locator("#summary tbody tr").evaluateAll((lines) =>
    lines.filter((one) => one.querySelector("abbr.frontier")).map((one) => one.dataset.arm).sort());
  const shown = (metric) => page.locator("#summary tbody tr").evaluateAll((lines, metric) =>
    lines.map((one) => one.querySelectorAll("td[data-metric]")[metric].dataset.sort).filter((v) => v !== undefined).map(Number), metric);

  // The order is by the shown BD-rate.
  await metrics.selectOption("0");
  await heads.nth(0).locator("button").click();
  for (const [metric, name] of names.entries()) {
    await metrics.selectOption(String(metric));
    assert.equal(await heads.nth(metric).getAttribute("aria-sort"), "ascending");
    assert.deepEqual(await shown(metric), (await shown(metric)).toSorted((a, b) => a - b));
    assert.ok((await page.locator("#frontier").textContent()).includes(name));
    const places = (await page.locator("#summary tbody tr").evaluateAll((lines, metric) => lines.map((one) => {
      const cells = [...one.cells];
      const first = cells.findIndex((cell) => cell.dataset.metric !== undefined);
      const count = cells.filter((cell) => cell.dataset.metric !== undefined).length;
      return [one.dataset.arm, cells[first + metric].dataset.sort, cells[first + count].dataset.sort];
    }), metric)).filter((place) => !place.includes(undefined)).map(([arm, rate, time]) => [arm, Number(rate), Number(time)]);
    const unbeaten = places.filter(([, rate, time]) => !places.some(([, r, t]) => r <= rate && t <= time && (r < rate || t < time)));
    assert.deepEqual(await badges(), unbeaten.map(([arm]) => arm).sort());
  }
  await metrics.selectOption("0");

  // One clip's BD-rates equal those of its own table; selecting all clips restores the first figures.
  const table = () => page.locator("#summary tbody").innerText();
  const before = await table();
  await page.locator("details.clips summary").click();
  await page.locator("[data-all='']").click();
  await clips.last().check();
  await page.keyboard.press("Escape");
  await cellsFitHeads(page);
  if ((await clips.count()) > 1) assert.notEqual(await table(), before);
  const clip = (await clips.count()) - 1;
  const own = await page.locator(`#bd-rate div[data-metric="0"] tr[data-clip="${clip}"]`).evaluateAll((lines) =>
    lines.map((one) => [one.dataset.arm, Number(one.cells[2].dataset.sort).toFixed(1)]));
  assert.ok(own.length > 0);
  for (const [arm, rate] of own) {
    const cell = page.locator(`#summary tr[data-arm="${arm}"] td[data-metric="0"]`);
    if (rate !== "NaN") assert.equal(Number(await cell.getAttribute("data-sort")).toFixed(1), rate);
  }
  const title = await page.locator("#summary h3").textContent();
  if ((await clips.count()) > 1) assert.match(title, /: ./, "it names the clip");
  await page.locator("details.clips summary").click();
  await page.locator("[data-all='1']").click();
  await page.keyboard.press("Escape");
  assert.equal(await table(), before);
}

// The chart over time shows the frames of the arms, a part of the clip, and the selected point's clip.
async function showsFrames(page) {
  const plot = page.locator("#frames-plot");
  const lines = () => plot.locator("svg path[stroke-width='1.75']").count();
  const arms = page.locator("#controls input[name=arm]");
  assert.ok((await lines()) > 1);
  const before = await lines();
  await arms.last().uncheck();
  assert.ok((await lines()) < before);
  await arms.last().check();
  const whole = await plot.innerHTML();
  await page.locator("#frames-from").fill("4");
  await page.locator("#frames-to").fill("9");
  await page.locator("#frames-to").press("Enter");
  assert.notEqual(await plot.innerHTML(), whole);
  await page.locator("#frames-all").click();
  assert.equal(await plot.innerHTML(), whole);
  // A drag from the middle to three quarters of the chart.
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.locator("svg").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 120, { steps: 3 });
  await page.mouse.up();
  assert.ok(Number(await page.locator("#frames-from").inputValue()) > 0);
  assert.notEqual(await page.locator("#frames-to").inputValue(), "");
  await page.locator("#frames-all").click();
  const metrics = page.locator("select[name=metric]");
  await metrics.selectOption("1");
  assert.ok((await plot.textContent()).includes((await metrics.locator("option").allTextContents())[1]));
  await metrics.selectOption("0");

  // A click on a mark selects its point; the same choice works without a pointer.
  const mark = page.locator("#rd figure:visible").last().locator("path.mark").last();
  await mark.scrollIntoViewIfNeeded();
  await mark.click({ force: true });
  const point = page.locator("#point");
  assert.notEqual(await point.inputValue(), "0");
  assert.match(await page.locator("#point-facts").textContent(), /kb\/s.*table of its frames/);
  assert.equal(await page.locator("#rd circle.selected").count(), 1);
  assert.notEqual(await page.locator("#frames-clip").inputValue(), "0");
  await point.selectOption("1");
  assert.equal(await page.locator("#frames-clip").inputValue(), "0");
  await point.selectOption("0");
  assert.ok(await page.locator("#point-facts").isHidden());
}

// Pictures are loaded, and shown at the same place side by side, in turn and as a difference.
async function showsPictures(page) {
  const stage = page.locator("#pictures-stage");
  if ((await stage.count()) === 0) return;
  const images = stage.locator("img");
  const loaded = () => page.waitForFunction(() =>
    [...document.querySelectorAll("#pictures-stage img")].every((one) => one.complete && one.naturalWidth > 0));
  await stage.scrollIntoViewIfNeeded();
  await loaded();
  assert.equal(await images.count(), 2);
  const alts = await images.evaluateAll((all) => all.map((one) => one.alt));
  assert.ok(new Set(alts).size === 2 && alts.every((alt) => /frame [0-9]+$/.test(alt)), String(alts));
  // The keys work on the stage; a visible picture is announced.
  await stage.focus();
  const visible = () => images.evaluateAll((all) => all.findIndex((one) => getComputedStyle(one).visibility === "visible"));
  const text = page.locator("#pictures-shown");
  for (const [key, index, name] of [["a", 0, /A, /], ["b", 1, /B, /], ["s", 2, /the source/], [" ", 0, /A, /], [" ", 1, /B, /]]) {
    await page.keyboard.press(key);
    assert.equal(await images.count(), 3);
    assert.equal(await visible(), index, key);
    assert.match(await text.textContent(), name);
  }
  await loaded();
  await stage.locator(".frame").click();
  assert.equal(await visible(), 0);
  // Zoom and place are those of all pictures, and part of the address.
  await page.keyboard.press("v");
  const places = () => images.evaluateAll((all) => all.map((one) => [one.style.left, one.style.top, one.style.width].join(" ")));
  const before = await places();
  for (let step = 0; step < 4; step++) await page.keyboard.press("+");
  await page.keyboard.press("ArrowRight");
  const zoomed = await places();
  assert.notEqual(zoomed[0], before[0]);
  assert.equal(zoomed[0], zoomed[1]);
  await stage.locator(".frame").first().scrollIntoViewIfNeeded();
  const box = await stage.locator(".frame").first().boundingBox();
  await page.mouse.move(box.x + 60, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 20, box.y + 40, { steps: 3 });
  await page.mouse.up();
  assert.notEqual((await places())[1], zoomed[1]);
  assert.equal((await places())[0], (await places())[1]);
  assert.match(page.url(), /pictures-zoom=8&pictures-x=/);
  // The difference of a picture and itself is black; that of two arms is not.
  await page.keyboard.press("d");
  await page.locator("#pictures-zoom").selectOption("0");
  for (const isSame of [true, false]) {
    const b = page.locator("#pictures-b");
    const other = await b.locator("option").evaluateAll((all, a) => all.find(({ value }) => value !== a && value !== "0").value, await page.locator("#pictures-a").inputValue());
    await b.selectOption(isSame ? await page.locator("#pictures-a").inputValue() : other);
    await loaded();
    // Not behind the controls at the top of the window.
    await stage.locator(".frame").evaluate((one) => one.scrollIntoView({ block: "end" }));
    const shot = (await stage.locator(".frame").screenshot()).toString("base64");
    const brightest = await page.evaluate(async (shot) => {
      const image = new Image();
      image.src = `data:image/png;base64,${shot}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      // Without the edges, which have parts of the page.
      [canvas.width, canvas.height] = [image.width - 4, image.height - 4];
      const context = canvas.getContext("2d");
      context.drawImage(image, -2, -2);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return Math.max(...[0, 1, 2].map((at) => data.reduce((most, value, index) => (index % 4 === at ? Math.max(most, value) : most), 0)));
    }, shot);
    assert.equal(brightest === 0, isSame, `brightest ${brightest}`);
  }
  await page.keyboard.press("Tab");
  await page.locator("#pictures-clip").selectOption("1");
  await loaded();
  await page.locator("#pictures-clip").selectOption("0");
  for (const one of ["x", "y"]) await page.locator(`#pictures-${one}`).fill("50");
  await page.locator("#pictures-y").press("Enter");
  await page.locator("#pictures-view").selectOption("side");
}

// The address has the state of the view; a page that is opened with it shows the same.
async function keepsItsView(page, open) {
  assert.ok(!page.url().includes("#"), page.url());
  const metrics = page.locator("select[name=metric]");
  await metrics.selectOption("1");
  await page.locator("select[name=pool]").selectOption("3");
  await page.locator("select[name=scale]").selectOption("linear");
  await page.locator("#controls input[name=arm]").first().uncheck();
  await page.locator("details.clips summary").click();
  await page.locator("#controls input[name=clip]").first().uncheck();
  await page.keyboard.press("Escape");
  const points = await page.locator("#point option").count();
  await page.locator("#point").selectOption(String(points - 1));
  assert.equal(await page.locator("#rd circle.selected").count(), 1);
  await page.locator("#frames-clip").selectOption("1");
  await page.locator("#frames-target").selectOption("1");
  await page.locator("#frames-from").fill("3");
  await page.locator("#frames-to").fill("8");
  await page.locator("#frames-to").press("Enter");
  await page.locator("nav a[href='#frames']").click();
  const { hash } = new URL(page.url());
  assert.match(hash, /at=frames&metric=.*pool=p5&scale=linear&hide-arms=.*hide-clips=0&point=[0-9]+.*frames-to=8/);
  const other = await open({}, hash);
  const view = (one) => one.evaluate(() => [
    ...[...document.querySelectorAll("select, input[type=number]")].map((pick) => pick.value),
    ...[...document.querySelectorAll("#controls input")].map((input) => input.checked),
    document.querySelector("#frames-plot svg").getAttribute("aria-label"),
    document.querySelectorAll("#rd circle.selected").length,
    location.hash,
  ]);
  assert.deepEqual(await view(other), await view(page));
  assert.ok(await other.evaluate(() => scrollY) > 100, "it shows the section");
  // An address of only a section, an unknown choice and an ordinary page are accepted.
  await (await open({}, "#speed")).locator("#rd svg").first().waitFor();
  const odd = await open({}, "#metric=none&point=9999&frames-clip=77&pool=x&at=nothing");
  assert.equal(await odd.locator("#frames-clip").inputValue(), "0");
  await other.evaluate(() => { location.hash = "#metric="; });
  await other.waitForFunction(() => document.querySelector("select[name=metric]").value === "0");
  assert.equal(await other.locator("#controls input:not(:checked)").count(), 0);
}

// The files in the page's folder are links, which are relative.
async function linksFiles(page) {
  const links = await page.locator("#files a").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  for (const path of ["./results.csv", "./results.json", "./plots/", "./frames/"]) {
    assert.ok(links.some((link) => link.startsWith(path)), path);
  }
  return links;
}

// A tap shows the tooltip of a pointer; the next tap elsewhere hides it.
async function answersTaps(page) {
  const mark = page.locator("#rd figure:visible path.mark").nth(1);
  await mark.scrollIntoViewIfNeeded();
  await mark.tap({ force: true });
  await page.locator("#tip").waitFor({ state: "visible" });
  assert.match(await page.locator("#tip").textContent(), /kb\/s/);
  await page.locator("h2:visible").first().tap();
  await page.locator("#tip").waitFor({ state: "hidden" });
  const bar = page.locator(".plot.still [aria-label]:visible rect").first();
  if ((await bar.count()) === 0) return;
  await bar.scrollIntoViewIfNeeded();
  await bar.tap();
  await page.locator("#tip").waitFor({ state: "visible" });
}

const picture = async (page, name) => {
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${shots}-${name}.png`, fullPage: true });
};

await read(report, null, async (open) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open({ colorScheme });
    await works(page);
    await showsFrames(page);
    await showsPictures(page);
    await linksFiles(page);
    await picture(page, colorScheme);
    const small = await open({ colorScheme, hasTouch: true, viewport: { width: 390, height: 844 } });
    await fits(small);
    await picture(small, `${colorScheme}-390`);
    await answersTaps(small);
  }
  await keepsItsView(await open({}), open);
  const still = await open({ javaScriptEnabled: false });
  assert.ok((await still.locator("#rd svg path").count()) > 0);
  assert.ok(await still.locator("#summary table").isVisible());
  await picture(still, "no-script");
});
