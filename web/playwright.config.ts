import { defineConfig } from '@playwright/test';

/** Debian's Chromium: no browser is downloaded. */
const CHROMIUM = process.env.DATAKEEP_CHROMIUM ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/world.ts',
  outputDir: 'e2e/out/failed',
  timeout: 120_000,
  expect: { timeout: 20_000 },
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  use: {
    viewport: { width: 1360, height: 860 },
    // Chromium's own sandbox does not work where the tests run as root.
    launchOptions: { executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] },
    trace: 'off',
    reducedMotion: 'reduce',
  },
  projects: [
    { name: 'en', use: { locale: 'en-GB' } },
    { name: 'zh', use: { locale: 'zh-CN' } },
  ],
});
