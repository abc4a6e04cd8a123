import { expect, test } from 'vitest';
import type { Snapshot } from '../api/types';
import { storedBySource } from './stored';

test('sums are by source, the largest first', () => {
  const one = (source: string, stored_bytes: number) => ({ source, document: { stored_bytes } }) as Snapshot;
  expect(storedBySource([one('a', 1), one('b', 5), one('a', 2)])).toEqual([
    { source: 'b', snapshots: 1, storedBytes: 5 },
    { source: 'a', snapshots: 2, storedBytes: 3 },
  ]);
});
