// gRPC-Web from headless Chromium. Says the origin of its pages, and is then told on its standard
// input at which address the broker listens, which lists that origin or does not.
//
//   browser.js works|refused|example

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { createInterface } from "node:readline/promises";
import { chromium } from "playwright-core";
import { equal, nothingWasPublished } from "./checks.js";

const ROOT = new URL("../../../", import.meta.url);
const TYPES = { html: "text/html", js: "text/javascript" };

const scenarios = {
  works: (page, broker) => check(page, "works", broker),
  async refused(page, broker, origin) {
    await check(page, "refused", broker);
    await preflight(broker, origin);
    await nothingWasPublished(broker);
  },
  example,
};

// Runs one of the checks inside a page.
async function check(page, name, broker) {
  await page.goto(`${origin}/tests/clients/web/page.html`);
  await page.waitForFunction(() => window.checks);
  await page.evaluate(([name, broker]) => window.checks[name](broker), [name, broker]);
}

// What a browser asks before it calls is answered without a permission.
async function preflight(broker, origin) {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-grpc-web",
  };
  const asked = request(`${broker}/broker.Broker/Publish`, { method: "OPTIONS", headers });
  const answer = await new Promise((resolve, reject) => {
    asked.on("response", resolve).on("error", reject).end();
  });
  answer.resume();
  equal("preflight", answer.statusCode, 403);
  equal("permission", answer.headers["access-control-allow-origin"], undefined);
}

// The example, as a person uses it.
async function example(page, broker) {
  await page.goto(`${origin}/examples/web/index.html`);
  await page.getByLabel("server").fill(broker);
  const publish = async (text) => {
    await page.getByLabel("text").fill(text);
    await page.getByRole("button", { name: "Publish" }).click();
  };
  const fetch = async (id) => {
    await page.getByLabel("id", { exact: true }).fill(id);
    await page.getByRole("button", { name: "Fetch" }).click();
  };
  const shown = (text) => page.getByText(text, { exact: true }).waitFor();
  await publish("one tea");
  await shown("1 DISK");
  await page.getByRole("button", { name: "Subscribe" }).click();
  await shown("1 one tea");
  await publish("one coffee");
  await shown("2 one coffee");
  await fetch("2");
  await shown("one coffee");
  await fetch("99");
  const words = "no message was ever published to that subject under that id";
  await shown(`MESSAGE_NOT_FOUND: ${words}`);
}

const server = createServer(async ({ url }, answer) => {
  const file = await readFile(new URL(`.${url}`, ROOT)).catch(() => undefined);
  answer.writeHead(file ? 200 : 404, { "content-type": TYPES[url.split(".").pop()] ?? "text/plain" });
  answer.end(file);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;

const input = createInterface({ input: process.stdin });
const address = input.question("").then((line) => `http://${line}`);
console.log(`origin ${origin}`);

const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
// The browser's own sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.log(`on the page: ${error}`));
  page.on("console", (message) => console.log(`in the page's console: ${message.text()}`));
  await scenarios[process.argv[2]](page, await address, origin);
} finally {
  await browser.close();
  server.close();
  input.close();
}
