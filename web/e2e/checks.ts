import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** Everything a page complains about. */
export function complaints(page: Page): string[] {
  const all: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) all.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => all.push(`thrown: ${error.message}`));
  return all;
}

/** Serious things that axe finds, in few words. */
export async function hindrances(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  return found.violations
    .filter((one) => ['serious', 'critical'].includes(one.impact ?? ''))
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
}
