// Opens a report as a reader does, works its controls, and fails on anything that the console says.
// usage: node report.mjs REPORT.html SCREENSHOTS/NAME
import { chromium } from "playwright-core";
import { strict as assert } from "node:assert";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [report, shots] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const complaints = [];

async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(resolve(report)).href);
  return page;
}

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

  // An arm leaves every curve and table, and comes back.
  await arms.last().uncheck();
  assert.equal(await rows.count(), (await arms.count()) - 1);
  assert.ok((await marks.count()) < before.marks);
  const last = (await arms.count()) - 1;
  assert.equal(await page.locator(`[data-arm="${last}"]:visible`).count(), 0);
  await arms.last().check();
  assert.equal(await marks.count(), before.marks);

  // Without arms there is a word, not an error.
  for (const arm of await arms.all()) await arm.uncheck();
  assert.equal(await marks.count(), 0);
  assert.match(await curves.first().textContent(), /nothing to show/);
  for (const arm of await arms.all()) await arm.check();

  // A clip leaves; a single one is drawn large.
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

  // A pointer over a point says what it is.
  await marks.nth(1).scrollIntoViewIfNeeded();
  await marks.nth(1).hover();
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

const picture = async (page, name) => {
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${shots}-${name}.png`, fullPage: true });
};

try {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open({ colorScheme });
    await works(page);
    await picture(page, colorScheme);
    const small = await open({ colorScheme, viewport: { width: 400, height: 800 } });
    const overflow = await small.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than a telephone`);
    await picture(small, `${colorScheme}-400`);
  }
  const still = await open({ javaScriptEnabled: false });
  assert.ok((await still.locator("#rd svg path").count()) > 0);
  assert.ok(await still.locator("#summary table").isVisible());
  await picture(still, "no-script");
} catch (error) {
  complaints.push(error.stack ?? String(error));
}
await browser.close();
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length === 0 ? 0 : 1);
