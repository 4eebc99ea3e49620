// Opens a report as a reader does, works its controls, and fails on anything that the console says.
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

await read(report, null, async (open) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open({ colorScheme });
    await works(page);
    await picture(page, colorScheme);
    const small = await open({ colorScheme, viewport: { width: 400, height: 800 } });
    await fits(small);
    await picture(small, `${colorScheme}-400`);
  }
  const still = await open({ javaScriptEnabled: false });
  assert.ok((await still.locator("#rd svg path").count()) > 0);
  assert.ok(await still.locator("#summary table").isVisible());
  await picture(still, "no-script");
});
