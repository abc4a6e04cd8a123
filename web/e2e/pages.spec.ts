import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { complaints, hindrances } from './checks';
import { world } from './world';

const OUT = join(import.meta.dirname, 'out');

/** Every page by a name, where it is, and what shows that it is there. */
function pages(): [string, string, string][] {
  const { repository, policy, sources, run, failed, partial, snapshot } = world();
  return [
    ['overview', '/', '[data-verdict]'],
    ['sources', '/sources', 'table tbody a'],
    ['source', `/sources/${sources.files}`, 'canvas'],
    ['source-new', '/sources/new', 'fieldset'],
    ['source-edit', `/sources/${sources.shop}/edit`, 'fieldset'],
    ['policies', '/policies', 'table tbody a'],
    ['policy', `/policies/${policy}`, 'table tbody a'],
    ['policy-new', '/policies/new', '.preview ol'],
    ['policy-edit', `/policies/${policy}/edit`, '.preview ol'],
    ['runs', '/runs', 'table tbody a'],
    ['runs-none', '/runs?state=queued', '.empty'],
    ['run', `/runs/${run}`, '.log li'],
    ['run-failed', `/runs/${failed}`, '.verdict'],
    ['run-partial', `/runs/${partial}`, '.verdict'],
    ['snapshots', '/snapshots', 'table tbody a'],
    ['snapshot', `/snapshots/${snapshot.repository}/${snapshot.source}/${snapshot.id}`, '.facts'],
    ['storage', '/storage', 'table tbody a'],
    ['repository', `/storage/${repository}`, 'canvas'],
    ['repository-new', '/storage/new', 'fieldset'],
    ['audit', '/audit', 'table tbody tr'],
    ['settings-users', '/settings?tab=users', 'table tbody tr'],
    ['settings-tokens', '/settings?tab=tokens', 'table tbody tr'],
    ['settings-look', '/settings?tab=look', '.ant-radio-group'],
    ['lost', '/nowhere', '.empty'],
  ];
}

/** What a page says that no reader should see. */
async function slips(page: Page, lang: string): Promise<string[]> {
  const text = await page.locator('body').innerText();
  const found = text.match(/undefined|\[object |NaN|Invalid Date|\b(?:words|common|overview)\.[a-z]+/g) ?? [];
  const head = await page.locator('h1').innerText();
  const nav = await page.locator('nav').first().innerText();
  const isChinese = /\p{Script=Han}/u.test(nav);
  return [...found, ...(isChinese === (lang === 'zh') ? [] : ['the navigation is in the other language']), ...(head.trim() === '' ? ['there is no heading'] : [])];
}

/** Waits until the colours of an appearance are all there: they come in by a transition. */
async function settled(page: Page, theme: string): Promise<void> {
  await page.waitForFunction((wanted) => {
    const ink = getComputedStyle(document.querySelector('.ant-app') ?? document.body).color;
    const first = Number(/\d+/.exec(ink)?.[0] ?? 0);
    return wanted === 'dark' ? first > 200 : first < 60;
  }, theme);
  await page.waitForTimeout(400);
}

test('every page, in both appearances', async ({ browser }, info) => {
  test.setTimeout(420_000);
  const { locale, viewport, reducedMotion } = info.project.use;
  const context = await browser.newContext({ storageState: world().state, baseURL: world().url, locale, viewport, reducedMotion, colorScheme: 'light' });
  const page = await context.newPage();
  const said = complaints(page);
  const wrong: string[] = [];
  for (const [name, path, there] of pages()) {
    const before = said.length;
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(path);
    await expect(page.locator(there).first(), `${name} shows what it is for`).toBeVisible();
    await expect(page.locator('.ant-spin-spinning')).toHaveCount(0);
    wrong.push(...(await slips(page, info.project.name)).map((slip) => `${name}: ${slip}`));
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
      await settled(page, theme);
      wrong.push(...(await hindrances(page)).map((one) => `${name}, ${theme}: ${one}`));
      // The check scrolls what it looks at.
      await page.evaluate(() => document.querySelectorAll('aside, main, body').forEach((one) => one.scrollTo(0, 0)));
      await page.screenshot({ path: join(OUT, `${name}-${info.project.name}-${theme}.png`), fullPage: true });
    }
    wrong.push(...said.slice(before).map((one) => `${name}: ${one}`));
  }
  await context.close();
  expect(wrong).toEqual([]);
});
