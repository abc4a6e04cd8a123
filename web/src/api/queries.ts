import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, rememberCsrf, take } from './client';
import { ProblemError } from './problem';
import type { Policy, Repository, Session, Snapshot, Source } from './types';

/** Most entries the server gives on one page. */
const MOST = 500;
/** Most pages that are read where all are wanted: beyond it lists are pages, not names. */
const MOST_PAGES = 10;
/** How often what lives is asked again. */
const LIVE_MS = 5000;

interface Page<T> {
  items: T[];
  next?: string | null;
}

async function everything<T>(page: (cursor: string) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let cursor = '';
  for (let count = 0; count < MOST_PAGES; count += 1) {
    const { items, next } = await page(cursor);
    all.push(...items);
    if (!next) break;
    cursor = next;
  }
  return all;
}

/** Who is signed in; null when nobody is. */
export function useSession() {
  return useQuery({
    queryKey: ['session'],
    queryFn: async (): Promise<Session | null> => {
      try {
        const session = await take(api.GET('/api/v1/session'));
        rememberCsrf(session.csrf);
        return session;
      } catch (error) {
        if (error instanceof ProblemError && error.problem.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

export function useHealth() {
  return useQuery({ queryKey: ['health'], queryFn: () => take(api.GET('/api/v1/health')), staleTime: 10_000 });
}

export function useRepositories() {
  const page = (cursor: string) => take(api.GET('/api/v1/repositories', { params: { query: { cursor, limit: MOST } } }));
  return useQuery({ queryKey: ['repositories'], queryFn: () => everything<Repository>(page) });
}

export function useSources() {
  const page = (cursor: string) => take(api.GET('/api/v1/sources', { params: { query: { cursor, limit: MOST } } }));
  return useQuery({ queryKey: ['sources'], queryFn: () => everything<Source>(page) });
}

export function usePolicies() {
  const page = (cursor: string) => take(api.GET('/api/v1/policies', { params: { query: { cursor, limit: MOST } } }));
  return useQuery({ queryKey: ['policies'], queryFn: () => everything<Policy>(page) });
}

export interface RunsAsked {
  state?: string;
  owner?: string;
  cursor?: string;
  limit?: number;
}

export function useRuns(asked: RunsAsked) {
  const query = {
    limit: asked.limit ?? 50,
    cursor: asked.cursor ?? '',
    ...(asked.state ? { state: asked.state } : {}),
    ...(asked.owner ? { owner: asked.owner } : {}),
  };
  return useQuery({
    queryKey: ['runs', query],
    queryFn: () => take(api.GET('/api/v1/runs', { params: { query } })),
    refetchInterval: LIVE_MS,
    placeholderData: keepPreviousData,
  });
}

export function useRun(id: string) {
  return useQuery({
    queryKey: ['run', id],
    queryFn: () => take(api.GET('/api/v1/runs/{id}', { params: { path: { id } } })),
    refetchInterval: (query) => (['queued', 'running'].includes(query.state.data?.state ?? '') ? 2000 : false),
  });
}

export function useItems(id: string, cursor: string) {
  return useQuery({
    queryKey: ['items', id, cursor],
    queryFn: () => take(api.GET('/api/v1/runs/{id}/items', { params: { path: { id }, query: { cursor, limit: 100 } } })),
  });
}

export function useSnapshots(asked: { source?: string; cursor?: string; limit?: number }) {
  const query = { source: asked.source ?? '', cursor: asked.cursor ?? '', limit: asked.limit ?? 50 };
  return useQuery({
    queryKey: ['snapshots', query],
    queryFn: () => take(api.GET('/api/v1/snapshots', { params: { query } })),
    placeholderData: keepPreviousData,
  });
}

/** One snapshot: the API lists those of a source, so it is looked for there. Undefined data: it is not in the catalogue. */
export function useSnapshot(repository: string, source: string, id: string) {
  return useQuery({
    queryKey: ['snapshot', repository, source, id],
    queryFn: async (): Promise<Snapshot | null> => {
      const page = (cursor: string) => take(api.GET('/api/v1/snapshots', { params: { query: { source, cursor, limit: MOST } } }));
      const all = await everything<Snapshot>(page);
      return all.find((one) => one.id === id && one.repository === repository) ?? null;
    },
  });
}

export function useOverdue() {
  return useQuery({ queryKey: ['overdue'], queryFn: () => take(api.GET('/api/v1/overdue')), refetchInterval: 15_000 });
}

export function useAudit(cursor: string) {
  const query = { cursor, limit: 100 };
  return useQuery({
    queryKey: ['audit', query],
    queryFn: () => take(api.GET('/api/v1/audit', { params: { query } })),
    placeholderData: keepPreviousData,
  });
}

export function useVerdict() {
  return useQuery({ queryKey: ['audit-verdict'], queryFn: () => take(api.GET('/api/v1/audit/verdict')) });
}

export function useUsers() {
  return useQuery({
    queryKey: ['users'],
    queryFn: () => everything((cursor) => take(api.GET('/api/v1/users', { params: { query: { cursor, limit: MOST } } }))),
  });
}

export function useTokens() {
  return useQuery({
    queryKey: ['tokens'],
    queryFn: () => everything((cursor) => take(api.GET('/api/v1/tokens', { params: { query: { cursor, limit: MOST } } }))),
  });
}

/** Forgets what is known of some kinds, so that it is asked again. */
export function useRefresh(): (...kinds: string[]) => Promise<void> {
  const client = useQueryClient();
  return async (...kinds) => {
    await Promise.all(kinds.map((kind) => client.invalidateQueries({ queryKey: [kind] })));
  };
}
