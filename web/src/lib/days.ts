import type { Run } from '../api/types';

/** Ended runs of one day, by state. */
export interface Day {
  /** `2026-03-01` on the reader's wall. */
  day: string;
  complete: number;
  partial: number;
  failed: number;
  cancelled: number;
}

function dayOf(ms: number): string {
  const date = new Date(ms);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The last days with what ended on them, oldest first; days without anything are there, too. */
export function byDay(runs: Run[], nowMs: number, days = 14): Day[] {
  const all = new Map<string, Day>();
  for (let back = days - 1; back >= 0; back -= 1) {
    const at = new Date(nowMs);
    at.setDate(at.getDate() - back);
    const day = dayOf(at.getTime());
    all.set(day, { day, complete: 0, partial: 0, failed: 0, cancelled: 0 });
  }
  for (const run of runs) {
    const day = run.finished_ms ? all.get(dayOf(run.finished_ms)) : undefined;
    if (day && run.state in day && run.state !== 'day') day[run.state as Exclude<keyof Day, 'day'>] += 1;
  }
  return [...all.values()];
}
