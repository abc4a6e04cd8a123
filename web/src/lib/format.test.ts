import { expect, test } from 'vitest';
import { bytes, instant, offset, relative, short, span } from './format';

test('sizes are binary', () => {
  expect(bytes(0)).toBe('0 B');
  expect(bytes(1023)).toBe('1023 B');
  expect(bytes(1536)).toBe('1.5 KiB');
  expect(bytes(500 * 1024 * 1024)).toBe('500 MiB');
});

test('times are absolute on a wall, and relative', () => {
  const at = Date.UTC(2026, 2, 1, 18, 0, 0);
  expect(instant(at, 'en', 'Asia/Shanghai')).toBe('2026-03-02 Mon 02:00:00');
  expect(instant(at, 'zh', 'Asia/Shanghai')).toBe('2026-03-02 周一 02:00:00');
  expect(offset(at, 'Asia/Shanghai')).toBe('UTC+8');
  expect(relative(at, at + 3 * 3600_000, 'en')).toBe('3 hours ago');
  expect(relative(at, at - 120_000, 'zh')).toBe('2分钟后');
});

test('spans have at most two units', () => {
  expect(span(300, 'en')).toBe('300 ms');
  expect(span(5_400_000, 'en')).toBe('1 h 30 min');
  expect(span(90_061_000, 'zh')).toBe('1 天 1 小时');
  expect(short('0123456789abcdef')).toBe('01234567');
});
