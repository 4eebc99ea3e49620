// Opens a page of `codec inspect`, uses its controls, and fails on any console message.
// usage: node inspect.mjs PAGE.html SCREENSHOTS/NAME
import { strict as assert } from "node:assert";
import { fits, read } from "./page.mjs";

const [file, shots] = process.argv.slice(2);

const drawn = (page, id = "view") =>
  page.evaluate((canvas) => document.getElementById(canvas).toDataURL(), id);
const isAt = (page, frame) =>
  page.waitForFunction((n) => document.body.dataset.ready === String(n), frame);

async function works(page) {
  const frames = await page.evaluate(() => JSON.parse(document.getElementById("frames").textContent));
  assert.ok(frames.length > 3);
  const index = frames.map((frame) => frame.index);
  await isAt(page, index[0]);

  // Keys and buttons go from frame to frame and stop at the ends.
  await page.keyboard.press("ArrowLeft");
  await isAt(page, index[0]);
  await page.keyboard.press("ArrowRight");
  await isAt(page, index[1]);
  await page.locator("#next").click();
  await isAt(page, index[2]);
  await page.locator("#previous").click();
  await isAt(page, index[1]);
  await page.keyboard.press("End");
  await isAt(page, index.at(-1));
  await page.keyboard.press("[");
  const key = frames.findLastIndex((frame, n) => n < frames.length - 1 && frame.type === "key");
  await isAt(page, index[key]);
  const title = await page.locator("#title").textContent();
  assert.ok(title.startsWith(`Frame ${index[key]}: key`), title);

  // A click on a bar selects its frame.
  const strip = await page.locator("#bars").boundingBox();
  await page.mouse.move(strip.x + 60, strip.y + 100);
  assert.match(await page.locator("#tip").textContent(), /^frame 0, key/);
  await page.mouse.click(strip.x + 60, strip.y + 100);
  await isAt(page, index[0]);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await isAt(page, index[2]);

  // Each colouring draws another image and has its legend.
  const seen = new Set();
  for (const fill of await page.locator("#fills input").all()) {
    await fill.check({ force: true });
    const name = await fill.getAttribute("value");
    seen.add(await drawn(page));
    assert.equal((await page.locator("#legend span").count()) > 0, name !== "none", name);
  }
  assert.ok(seen.size >= 4, `only ${seen.size} different drawings`);
  await page.keyboard.press("8");
  const casts = await page.locator("#legend").textContent();
  if (await page.evaluate(() => JSON.parse(document.getElementById("input").textContent).source)) {
    assert.match(casts, /outlined: off by more than 4, 4 of 99/);
    assert.match(await page.locator("#frame-facts").textContent(), /4 of 99 blocks/);
  } else {
    assert.match(casts, /made without the source \(--source FILE\)/);
  }
  await page.keyboard.press("2");

  // Each layer changes the image, and can be removed.
  for (const name of ["picture", "grid", "skipped"]) {
    const before = await drawn(page);
    await page.locator(`#marks input[value=${name}]`).click({ force: true });
    assert.notEqual(await drawn(page), before, name);
    await page.locator(`#marks input[value=${name}]`).click({ force: true });
    assert.equal(await drawn(page), before, name);
  }

  // A pointer over a block shows its data; a click pins it.
  const view = page.locator("#view");
  await view.hover({ position: { x: 30, y: 30 } });
  assert.match(await page.locator("#block").textContent(), /mode.*qindex.*bits/s);
  await view.click({ position: { x: 30, y: 30 } });
  await page.mouse.move(2, 2);
  assert.match(await page.locator("#block-title").textContent(), /pinned/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#block").textContent(), "");

  // Zoom in and out, and back to fit.
  const width = async () => (await view.boundingBox()).width;
  const fits = await width();
  await page.keyboard.press("+");
  assert.ok((await width()) > fits * 1.4);
  await page.locator("#fit").click();
  assert.equal(await width(), fits);
}

await read(file, () => document.body.dataset.ready !== undefined, async (open) => {
  const papers = new Set();
  for (const colorScheme of ["light", "dark"]) {
    const page = await open({ colorScheme });
    await works(page);
    papers.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await page.mouse.move(0, 0);
    await page.screenshot({ path: `${shots}-${colorScheme}.png`, fullPage: true });
    const small = await open({ colorScheme, viewport: { width: 400, height: 800 } });
    await fits(small);
    await small.screenshot({ path: `${shots}-${colorScheme}-400.png`, fullPage: true });
  }
  assert.equal(papers.size, 2);
  await isAt(await open({}, "#2"), 2);
});
