import { expect, test } from 'vitest';
import { backup, byHand, keeps, quoted } from './command';

test('words survive a shell', () => {
  expect(quoted('/srv/files')).toBe('/srv/files');
  expect(quoted("it's")).toBe(`'it'\\''s'`);
  expect(quoted('*.o')).toBe(`'*.o'`);
  expect(quoted('')).toBe(`''`);
  expect(quoted('$(rm)')).toBe(`'$(rm)'`);
});

test('a source is a backup', () => {
  expect(backup({ name: 'shop', location: 'sqlite:/srv/app.db' })).toBe('datakeep backup sqlite:/srv/app.db --source=shop');
  expect(backup({ name: 'f', location: '/srv', exclude: ['*.o'], password: 'file:/p' })).toBe(
    "datakeep backup /srv --source=f '--exclude=*.o' --database-option=password-file=/p",
  );
});

test('retention is forget, only looked at', () => {
  expect(keeps({ daily: 7, hourly: 0, within: '30d', tags: ['x'] })).toEqual(['--keep-daily=7', '--keep-within=30d', '--keep-tag=x']);
  const policy = { name: 'p', repository: 'r', sources: ['s'], retention: { daily: 7 }, schedule: { cron: '0 2 * * *', zone: 'UTC' } };
  expect(byHand(policy as never, [{ name: 'f', location: '/srv' }])).toContain('--keep-daily=7 --calendar --dry-run');
});
