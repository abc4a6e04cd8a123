import { expect, test } from 'vitest';
import { preview } from './cron';

const FROM = Date.UTC(2026, 0, 1, 0, 0, 0);

test('a schedule is read on the wall of its zone', () => {
  expect(preview('0 2 * * *', 'Asia/Shanghai', FROM, 2)).toEqual({
    times: [Date.UTC(2026, 0, 1, 18), Date.UTC(2026, 0, 2, 18)],
  });
  expect(preview('@hourly', 'UTC', FROM, 1)).toEqual({ times: [Date.UTC(2026, 0, 1, 1)] });
});

test('what makes no sense is said as such', () => {
  expect(preview('0 2 * *', 'UTC', FROM)).toEqual({ fault: 'cron' });
  expect(preview('0 0 2 * * *', 'UTC', FROM), 'no seconds').toEqual({ fault: 'cron' });
  expect(preview('61 2 * * *', 'UTC', FROM)).toEqual({ fault: 'cron' });
  expect(preview('0 2 30 2 *', 'UTC', FROM)).toEqual({ fault: 'never' });
  expect(preview('0 2 * * *', 'Mars/Olympus', FROM)).toEqual({ fault: 'zone' });
});
