import { expect, test } from 'vitest';
import { progressOf, told } from './events';

test('progress is the newest, in the phase that was told', () => {
  const all = [
    told('phase', '1', '{"phase":"planning"}'),
    told('progress', '2', '{"items":3,"bytes":10,"expected_bytes":20,"items_lost":0}'),
    told('phase', '3', '{"phase":"committing"}'),
  ];
  expect(progressOf(all)).toEqual({ phase: 'committing', items: 3, bytes: 10, expectedBytes: 20, itemsLost: 0 });
  expect(progressOf([])).toBeNull();
});

test('what is no JSON is kept as it came', () => {
  expect(told('warning', '7', 'oh')).toEqual({ seq: 7, kind: 'warning', body: { message: 'oh' } });
});
