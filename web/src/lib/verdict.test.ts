import { expect, test } from 'vitest';
import type { Run } from '../api/types';
import { newestEnds, type State, verdict } from './verdict';

const kept = <T,>(id: string, spec: T) => ({ id, revision: 1, created_ms: 0, updated_ms: 0, spec });
const run = (source: string, state: string, kind = 'backup') => ({ id: `${source}${state}`, kind, source, state }) as Run;
const state = (change: Partial<State> = {}): State => ({
  repositories: [kept('r', { name: 'r', location: '/r' })] as State['repositories'],
  sources: [kept('a', { name: 'a', location: '/a' }), kept('b', { name: 'b', location: '/b' })] as State['sources'],
  policies: [kept('p', { name: 'p', repository: 'r', sources: ['a', 'b'] })] as State['policies'],
  overdue: [],
  runs: [run('a', 'complete'), run('b', 'complete')],
  ...change,
});

test('the worst comes first', () => {
  expect(verdict(state())).toEqual({ kind: 'well', sources: 2 });
  expect(verdict(state({ repositories: [] }))).toEqual({ kind: 'empty', missing: 'repository' });
  expect(verdict(state({ runs: [run('a', 'failed'), run('b', 'partial')] }))).toEqual({ kind: 'failing', sources: 1 });
  expect(verdict(state({ runs: [run('a', 'complete'), run('b', 'partial')] }))).toEqual({ kind: 'partial', sources: 1 });
  const overdue = [{ policy: 'p', source: 'a', since_s: 0 }];
  expect(verdict(state({ overdue, runs: [run('a', 'failed')] }))).toEqual({ kind: 'overdue', sources: 1 });
  expect(verdict(state({ runs: [run('a', 'complete')] }))).toEqual({ kind: 'waiting', sources: 1 });
});

test('a policy that rests protects nothing', () => {
  const policies = [kept('p', { name: 'p', repository: 'r', sources: ['a', 'b'], enabled: false })] as State['policies'];
  expect(verdict(state({ policies }))).toEqual({ kind: 'unprotected', sources: 2 });
});

test('only the newest backup that ended counts, and cancelled ones say nothing', () => {
  const runs = [run('a', 'cancelled'), run('a', 'failed', 'forget'), run('a', 'complete'), run('a', 'failed')];
  expect(newestEnds(runs).get('a')?.state).toBe('complete');
});
