import type { Snapshot, SnapshotDocument } from '../api/types';

/** What snapshots of one source stored anew, in all. */
export interface Stored {
  source: string;
  snapshots: number;
  storedBytes: number;
}

/** Sums by source, largest first. */
export function storedBySource(snapshots: Snapshot[]): Stored[] {
  const sums = new Map<string, Stored>();
  for (const one of snapshots) {
    const sum = sums.get(one.source) ?? { source: one.source, snapshots: 0, storedBytes: 0 };
    sum.snapshots += 1;
    sum.storedBytes += (one.document as SnapshotDocument).stored_bytes ?? 0;
    sums.set(one.source, sum);
  }
  return [...sums.values()].sort((a, b) => b.storedBytes - a.storedBytes || a.source.localeCompare(b.source));
}
