import type { Overdue, Policy, Repository, Run, Source } from '../api/types';

/** What the verdict is made from. */
export interface State {
  repositories: Repository[];
  sources: Source[];
  policies: Policy[];
  overdue: Overdue[];
  /** The newest runs, newest first. */
  runs: Run[];
}

/** The one thing to say first. Worst first: what is overdue was promised and is not there. */
export type Verdict =
  | { kind: 'empty'; missing: 'repository' | 'source' | 'policy' }
  | { kind: 'overdue'; sources: number }
  | { kind: 'failing'; sources: number }
  | { kind: 'partial'; sources: number }
  | { kind: 'unprotected'; sources: number }
  | { kind: 'waiting'; sources: number }
  | { kind: 'well'; sources: number };

/** Sources of policies that are switched on. */
export function protectedSources(policies: Policy[]): Set<string> {
  return new Set(policies.filter((policy) => policy.spec.enabled !== false).flatMap((policy) => policy.spec.sources));
}

/** Sources that no policy protects. */
export function unprotected(sources: Source[], policies: Policy[]): Source[] {
  const known = protectedSources(policies);
  return sources.filter((source) => !known.has(source.id));
}

/** The newest backup of each source that came to an end, by id of the source; cancelled ones say nothing. */
export function newestEnds(runs: Run[]): Map<string, Run> {
  const newest = new Map<string, Run>();
  for (const run of runs) {
    const isEnd = run.kind === 'backup' && ['complete', 'partial', 'failed'].includes(run.state);
    if (isEnd && !newest.has(run.source)) newest.set(run.source, run);
  }
  return newest;
}

/** The verdict over everything. */
export function verdict(state: State): Verdict {
  if (state.repositories.length === 0) return { kind: 'empty', missing: 'repository' };
  if (state.sources.length === 0) return { kind: 'empty', missing: 'source' };
  if (state.policies.length === 0) return { kind: 'empty', missing: 'policy' };
  const late = new Set(state.overdue.map((one) => one.source));
  if (late.size > 0) return { kind: 'overdue', sources: late.size };
  const isThere = new Set(state.sources.map((source) => source.id));
  const ends = [...newestEnds(state.runs).entries()].filter(([source]) => isThere.has(source)).map(([, run]) => run);
  const of = (wanted: string) => ends.filter((run) => run.state === wanted).length;
  if (of('failed') > 0) return { kind: 'failing', sources: of('failed') };
  if (of('partial') > 0) return { kind: 'partial', sources: of('partial') };
  const bare = unprotected(state.sources, state.policies).length;
  if (bare > 0) return { kind: 'unprotected', sources: bare };
  const waiting = state.sources.length - ends.length;
  if (waiting > 0) return { kind: 'waiting', sources: waiting };
  return { kind: 'well', sources: state.sources.length };
}
