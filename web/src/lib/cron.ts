import { Cron } from 'croner';

/** The next instants of a schedule, or why there are none. */
export type Preview = { times: number[] } | { fault: 'cron' | 'zone' | 'never' };

/** Zones the browser knows. */
export function zones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((name) => name !== 'UTC')];
}

/** The reader's own zone. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone !== '';
  } catch {
    return false;
  }
}

/**
 * When a schedule comes next, in milliseconds since 1970. A preview: the server decides, and reads the same five fields; it spreads
 * starts by the jitter, which is not in here.
 */
export function preview(cron: string, zone: string, fromMs: number, most = 5): Preview {
  if (!isZone(zone)) return { fault: 'zone' };
  const text = cron.trim();
  const isShape = /^@(yearly|annually|monthly|weekly|daily|hourly)$/i.test(text) || text.split(/\s+/).length === 5;
  if (!isShape) return { fault: 'cron' };
  try {
    const times = new Cron(text, { timezone: zone, paused: true }).nextRuns(most, new Date(fromMs)).map((date) => date.getTime());
    return times.length === 0 ? { fault: 'never' } : { times };
  } catch {
    return { fault: 'cron' };
  }
}
