import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser } from "puppeteer-core";
import { browser, nativeEnvironment } from "../scripts/toolchain.mjs";

/* The browsers that are here, each with a profile of its own. */

const chrome = (url: string, profile: string) => [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  `--user-data-dir=${profile}`,
  url,
];
const firefox = (url: string, profile: string) => ["--headless", "--no-remote", "--profile", profile, url];

/** Each kind of browser, with its program where that is here. */
export const browsers = [
  { kind: "chrome", program: browser("chrome"), args: chrome },
  { kind: "firefox", program: browser("firefox"), args: firefox },
] as const;

const ended = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise<unknown>((resolve) => child.once("exit", resolve));

/** Opens a page: gives its answer, which comes by another way. */
export async function open<T>(
  { kind, program, args }: (typeof browsers)[number],
  url: string,
  answer: Promise<T>,
): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), "layernorm-wasm-profile-"));
  const child = spawn(program ?? kind, args(url, profile), { env: nativeEnvironment(), stdio: "ignore" });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  const early = ended(child).then(() => Promise.reject(new Error(`${kind} ended before the page answered`)));
  try {
    return await Promise.race([answer, failed, early]);
  } finally {
    early.catch(() => {});
    child.kill();
    await ended(child);
    // Chrome's own children may still write there for a moment; what is left over is no failure.
    await rm(profile, { recursive: true, force: true, maxRetries: 10 }).catch(() => {});
  }
}

/** As Firefox and Chrome number them. */
const SCHEMES = { dark: 0, light: 1 } as const;

/** Starts one to be driven, in Firefox by the standard WebDriver BiDi. */
export function launch(
  { kind, program }: (typeof browsers)[number],
  scheme: keyof typeof SCHEMES,
): Promise<Browser> {
  const forChrome = [
    "--no-sandbox",
    "--disable-gpu",
    `--blink-settings=preferredColorScheme=${SCHEMES[scheme]}`,
  ];
  return puppeteer.launch({
    browser: kind,
    executablePath: program ?? kind,
    env: nativeEnvironment(),
    args: kind === "chrome" ? forChrome : [],
    extraPrefsFirefox: { "layout.css.prefers-color-scheme.content-override": SCHEMES[scheme] },
  });
}
