// Opens a page in a browser, and fails on any console message or network request.
import { chromium } from "playwright-core";
import { strict as assert } from "node:assert";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/// Runs `work(open)` and exits. `open(options, hash)` returns a page of `file`, after `ready` (if
/// given) holds in it.
export async function read(file, ready, work) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
  const complaints = [];
  const open = async (options, hash = "") => {
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
    await page.goto(pathToFileURL(resolve(file)).href + hash);
    if (ready) await page.waitForFunction(ready);
    return page;
  };
  try {
    await work(open);
  } catch (error) {
    complaints.push(error.stack ?? String(error));
  }
  await browser.close();
  for (const complaint of complaints) console.error(complaint);
  process.exit(complaints.length === 0 ? 0 : 1);
}

/// Fails if a page is wider than its window.
export async function fits(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than a telephone`);
}
