import type { components } from './schema';

type Schemas = components['schemas'];

export type Problem = Schemas['Problem'];
export type Repository = Schemas['KeptWire_RepositoryWire'];
export type RepositorySpec = Schemas['RepositoryWire'];
export type Source = Schemas['KeptWire_SourceWire'];
export type SourceSpec = Schemas['SourceWire'];
export type Policy = Schemas['KeptWire_PolicyWire'];
export type PolicySpec = Schemas['PolicyWire'];
export type Schedule = Schemas['ScheduleWire'];
export type Retention = Schemas['RetentionWire'];
export type Run = Schemas['RunWire'];
export type Snapshot = Schemas['SnapshotWire'];
export type Overdue = Schemas['OverdueWire'];
export type AuditRecord = Schemas['RecordWire'];
export type User = Schemas['UserWire'];
export type Token = Schemas['TokenWire'];
export type Session = Schemas['SessionWire'];

/** States of a run, in the order of its life. */
export const RUN_STATES = ['queued', 'running', 'complete', 'partial', 'failed', 'cancelled'] as const;
export type RunState = (typeof RUN_STATES)[number];
export const RUN_KINDS = ['backup', 'forget', 'gc', 'check', 'catalogue'] as const;
export type RunKind = (typeof RUN_KINDS)[number];
export const ROLES = ['owner', 'admin', 'operator', 'restorer', 'viewer', 'auditor', 'metrics'] as const;
export type Role = (typeof ROLES)[number];
/** Rights that a token may have. */
export const SCOPES = [
  'state.read',
  'config.write',
  'run.operate',
  'data.read',
  'restore',
  'user.manage',
  'audit.read',
  'metrics.read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** What a snapshot's document says, as far as the console shows it (docs/json-output.md). */
export interface SnapshotDocument {
  source_kind?: string;
  location?: string;
  host?: string;
  started?: string;
  finished?: string;
  outcome?: string;
  parent?: string | null;
  tags?: string[];
  files?: number;
  directories?: number;
  others?: number;
  items_new?: number;
  items_changed?: number;
  items_unchanged?: number;
  items_removed?: number;
  items_lost?: number;
  len_bytes?: number;
  read_bytes?: number;
  new_bytes?: number;
  stored_bytes?: number;
  chunks_new?: number;
  chunks_known?: number;
  writer?: string;
  mark?: { kind?: string; time?: string };
  origin?: { repository?: string; snapshot?: string; copied?: string } | null;
}

/** Whether a role has a right: the same table as the server's, which decides. Here it only hides what would be refused. */
export function may(role: string, right: Scope): boolean {
  const table: Record<Role, readonly Scope[]> = {
    owner: SCOPES,
    admin: SCOPES,
    operator: ['state.read', 'run.operate', 'metrics.read'],
    restorer: ['state.read', 'data.read', 'restore'],
    viewer: ['state.read'],
    auditor: ['state.read', 'audit.read'],
    metrics: ['metrics.read'],
  };
  return (table[role as Role] ?? []).includes(right);
}
