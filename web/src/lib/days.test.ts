import { expect, test } from 'vitest';
import type { Run } from '../api/types';
import { byDay } from './days';

test('days without runs are there, and older ones are not', () => {
  const now = new Date(2026, 2, 14, 12).getTime();
  const run = (state: string, finished: Date) => ({ state, finished_ms: finished.getTime() }) as Run;
  const days = byDay([run('failed', new Date(2026, 2, 14, 1)), run('complete', new Date(2026, 2, 13, 23)), run('complete', new Date(2026, 1, 1))], now, 3);
  expect(days.map((day) => [day.day, day.complete, day.failed])).toEqual([
    ['2026-03-12', 0, 0],
    ['2026-03-13', 1, 0],
    ['2026-03-14', 0, 1],
  ]);
});
