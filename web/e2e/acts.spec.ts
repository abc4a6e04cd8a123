import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { en } from '../src/i18n/en';
import type { Words } from '../src/i18n/words';
import { zh } from '../src/i18n/zh';
import { complaints, hindrances } from './checks';
import { serve } from './server';
import { OWNER, world } from './world';

const OUT = join(import.meta.dirname, 'out');
const wordsOf = (project: string): Words => (project === 'zh' ? zh : en);

test.describe('signed in', () => {
  test.use({ storageState: async ({}, use) => use(world().state), baseURL: async ({}, use) => use(world().url) });

  test('a source is added, changed with a problem shown, and removed by its name', async ({ page }, info) => {
    const words = wordsOf(info.project.name);
    const said = complaints(page);
    const name = `letters ${info.project.name}`;
    await page.goto('/sources/new');
    await page.getByLabel(words.common.location).fill('not/absolute');
    await page.getByLabel(words.common.name, { exact: true }).fill(name);
    await expect(page.getByText(`datakeep backup not/absolute '--source=${name}'`)).toBeVisible();
    await page.getByRole('button', { name: words.common.save }).click();
    const problem = page.getByRole('alert').filter({ hasText: 'location-unknown' });
    await expect(problem).toContainText(words.problem.codes['location-unknown'][0] ?? '');
    await expect(problem).toContainText('nothing known is at such a location');
    expect(await hindrances(page)).toEqual([]);
    await page.screenshot({ path: join(OUT, `problem-${info.project.name}.png`), fullPage: true });
    await page.getByLabel(words.common.location).fill('/srv/letters');
    await page.getByRole('button', { name: words.common.save }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    await page.getByRole('button', { name: `${words.common.remove}: ${name}` }).click();
    const dialog = page.getByRole('dialog');
    const sure = dialog.getByRole('button', { name: words.common.remove, exact: true });
    await expect(sure).toBeDisabled();
    await dialog.getByLabel(words.confirm.type(name)).fill(name);
    expect(await hindrances(page)).toEqual([]);
    await page.screenshot({ path: join(OUT, `remove-${info.project.name}.png`) });
    await sure.click();
    await expect(page).toHaveURL(/\/sources$/);
    await expect(page.getByRole('link', { name })).toHaveCount(0);
    // The refusal is meant to be told, and the browser tells it, too.
    expect(said.filter((one) => !one.includes('422'))).toEqual([]);
  });

  test('a policy is made, and a schedule that never comes is said as such', async ({ page }, info) => {
    const words = wordsOf(info.project.name);
    await page.goto(`/policies/new?source=${world().sources.archive}`);
    await page.getByLabel(words.common.name, { exact: true }).fill(`archive ${info.project.name}`);
    await expect(page.locator('.preview li')).toHaveCount(5);
    await page.getByLabel(words.policies.cron).fill('0 2 30 2 *');
    await expect(page.getByText(words.policies.faults.never)).toBeVisible();
    await page.getByRole('button', { name: words.common.save }).click();
    await expect(page.getByRole('alert').filter({ hasText: 'cron-never' })).toBeVisible();
    await page.getByLabel(words.policies.cron).fill('0 2 1 * *');
    await page.getByRole('button', { name: words.common.save }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(`archive ${info.project.name}`);
    await page.getByRole('button', { name: `${words.common.remove}: archive ${info.project.name}` }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(words.confirm.type(`archive ${info.project.name}`)).fill(`archive ${info.project.name}`);
    await dialog.getByRole('button', { name: words.common.remove, exact: true }).click();
    await expect(page).toHaveURL(/\/policies$/);
  });

  test('a run is started, watched live, cancelled or complete, and retried', async ({ page }, info) => {
    const words = wordsOf(info.project.name);
    const said = complaints(page);
    await page.goto(`/policies/${world().slow}`);
    await page.getByRole('button', { name: new RegExp(words.policies.start) }).click();
    await expect(page).toHaveURL(/\/runs\/[0-9a-f-]+/);
    await expect(page.locator('.log li').first()).toBeVisible({ timeout: 20_000 });
    await page.screenshot({ path: join(OUT, `live-${info.project.name}.png`), fullPage: true });
    const cancel = page.getByRole('button', { name: words.runs.cancel });
    if (await cancel.isVisible()) await cancel.click();
    const retry = page.getByRole('button', { name: words.runs.retry });
    await expect(retry).toBeVisible({ timeout: 45_000 });
    await expect(page.locator('.head .badge')).toHaveText(new RegExp(`${words.states.cancelled}|${words.states.complete}`));
    await retry.click();
    await expect(page.getByText(words.runs.retryOf)).toBeVisible();
    await expect(page.locator('.head .badge')).toHaveText(words.states.complete, { timeout: 50_000 });
    expect(said).toEqual([]);
  });

  test('filters stand in the address, and the address is the list', async ({ page }, info) => {
    const words = wordsOf(info.project.name);
    await page.goto('/runs');
    await page.getByRole('combobox', { name: words.runs.state }).click();
    await page.locator('.ant-select-item-option', { hasText: words.states.failed }).click();
    await expect(page).toHaveURL(/state=failed/);
    await page.reload();
    await expect(page.locator('tbody .badge').first()).toHaveText(words.states.failed);
    await page.goto('/runs?state=nonsense');
    await expect(page.getByRole('alert')).toContainText('state-unknown');
  });

  test('the keyboard reaches the content and the navigation', async ({ page }, info) => {
    const words = wordsOf(info.project.name);
    await page.goto('/');
    await expect(page.locator('[data-verdict]')).toBeVisible();
    await page.keyboard.press('Tab');
    await expect(page.getByText(words.app.skip)).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.locator('main')).toBeFocused();
    await page.getByRole('link', { name: words.nav.audit }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.audit.title);
  });

  test('language and appearance are switched and kept', async ({ page }, info) => {
    const other = wordsOf(info.project.name === 'zh' ? 'en' : 'zh');
    await page.goto('/settings?tab=look');
    await page.getByRole('radio', { name: info.project.name === 'zh' ? 'English' : '中文' }).check();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(other.settings.title);
    await page.getByRole('radio', { name: other.common.dark }).check();
    await page.reload();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(other.settings.title);
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  });

  test('it fits a phone', async ({ page }, info) => {
    const words = wordsOf(info.project.name);
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of ['/', '/runs', '/policies/new', `/runs/${world().run}`]) {
      await page.goto(path);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, path).toBeLessThanOrEqual(390);
    }
    await page.getByRole('button', { name: words.app.menu }).click();
    await page.getByRole('link', { name: words.nav.sources }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.sources.title);
  });
});

test('who is not signed in signs in and comes to the same address; a wrong password is told', async ({ page }, info) => {
  const words = wordsOf(info.project.name);
  await page.goto(`${world().url}/runs?state=failed`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.sign.title);
  expect(await hindrances(page)).toEqual([]);
  await page.screenshot({ path: join(OUT, `sign-in-${info.project.name}.png`) });
  await page.getByLabel(words.sign.name).fill(OWNER.name);
  await page.getByRole('textbox', { name: words.sign.password }).fill('wrong and wrong again');
  await page.getByRole('button', { name: words.sign.submit }).click();
  await expect(page.getByRole('alert')).toContainText(words.problem.codes['login-failed'][0] ?? '');
  await page.getByRole('textbox', { name: words.sign.password }).fill(OWNER.password);
  await page.getByRole('button', { name: words.sign.submit }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.runs.title);
  await expect(page).toHaveURL(/state=failed/);
  await page.getByRole('button', { name: words.sign.out }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.sign.title);
});

test('the one-time link makes the owner once, and the first page leads on', async ({ page }, info) => {
  const words = wordsOf(info.project.name);
  const data = mkdtempSync(join(tmpdir(), 'datakeep-owner-'));
  const server = await serve(data);
  try {
    await page.goto(server.url);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.sign.empty);
    await page.goto(server.setup ?? '');
    await expect(page).toHaveURL(/\/setup$/);
    await page.getByLabel(words.sign.name).fill('olga');
    await page.getByRole('textbox', { name: words.sign.password, exact: true }).fill('short');
    await page.getByRole('textbox', { name: words.sign.again }).fill('other');
    await page.getByRole('button', { name: words.sign.setupSubmit }).click();
    await expect(page.getByText(words.sign.differ)).toBeVisible();
    expect(await hindrances(page)).toEqual([]);
    await page.screenshot({ path: join(OUT, `setup-${info.project.name}.png`) });
    await page.getByRole('textbox', { name: words.sign.password, exact: true }).fill(OWNER.password);
    await page.getByRole('textbox', { name: words.sign.again }).fill(OWNER.password);
    await page.getByRole('button', { name: words.sign.setupSubmit }).click();
    await expect(page.getByText(words.overview.verdict.empty)).toBeVisible();
    expect(await hindrances(page)).toEqual([]);
    await page.screenshot({ path: join(OUT, `first-${info.project.name}.png`) });
    for (const [name, path] of [['sources', '/sources'], ['policies', '/policies'], ['runs', '/runs'], ['snapshots', '/snapshots'], ['storage', '/storage']]) {
      await page.goto(server.url + path);
      await expect(page.locator('.empty')).toBeVisible();
      await page.screenshot({ path: join(OUT, `empty-${name}-${info.project.name}.png`) });
    }
    await page.goto(server.setup ?? '');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.sign.done);
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
});

test('the page is strict about what it loads, and files are kept as they may be', async ({ request }) => {
  const { url } = world();
  const page = await request.get(`${url}/runs/anything`);
  const policy = page.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toContain('unsafe');
  expect(page.headers()['cache-control']).toBe('no-store');
  const text = await page.text();
  const nonce = /'nonce-([0-9a-f]+)'/.exec(policy)?.[1] ?? '';
  expect(nonce).not.toBe('');
  expect(text).toContain(nonce);
  expect(text).not.toContain('DATAKEEP_NONCE');
  expect(await (await request.get(url)).text(), 'each answer has its own').not.toContain(nonce);
  const script = /\/(assets\/[^"]+\.js)/.exec(text)?.[1] ?? '';
  const asset = await request.get(`${url}/${script}`, { headers: { 'accept-encoding': 'gzip' } });
  expect(asset.headers()['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(asset.headers()['content-encoding']).toBe('gzip');
  expect(asset.headers()['x-content-type-options']).toBe('nosniff');
  expect((await request.get(`${url}/assets/none.js`)).status()).toBe(404);
  const missing = await request.get(`${url}/api/v1/none`);
  expect([missing.status(), (await missing.json()).code]).toEqual([404, 'no-route']);
  expect((await request.post(`${url}/runs`)).status()).toBe(404);
});
