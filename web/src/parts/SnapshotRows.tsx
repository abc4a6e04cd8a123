import { Link } from 'react-router';
import type { Snapshot, SnapshotDocument } from '../api/types';
import { useWords } from '../i18n';
import { bytes, short } from '../lib/format';
import { useNames } from '../lib/names';
import { Badge } from './Badge';
import { Rows } from './List';
import { When } from './When';

/** Where a snapshot is shown. */
export function snapshotPath(one: Pick<Snapshot, 'repository' | 'source' | 'id'>): string {
  return `/snapshots/${one.repository}/${encodeURIComponent(one.source)}/${one.id}`;
}

/** Snapshots as a table; `withSource` where they are of several sources. */
export function SnapshotRows({ snapshots, withSource, isLoading }: { snapshots: Snapshot[]; withSource?: boolean; isLoading?: boolean }) {
  const words = useWords();
  const names = useNames();
  const said = (one: Snapshot) => one.document as SnapshotDocument;
  return (
    <Rows<Snapshot>
      label={words.snapshots.title}
      rows={snapshots}
      isLoading={isLoading}
      rowKey={(one) => one.repository + one.id}
      columns={[
        {
          title: words.common.id,
          render: (_, one) => (
            <Link className="mono" to={snapshotPath(one)}>
              {short(one.id)}
            </Link>
          ),
        },
        ...(withSource
          ? [
              {
                title: words.snapshots.source,
                render: (_: unknown, one: Snapshot) => {
                  const id = names.sourceId(one.source);
                  return id ? <Link to={`/sources/${id}`}>{one.source}</Link> : one.source;
                },
              },
            ]
          : []),
        { title: words.snapshots.started, render: (_, one) => <When ms={Date.parse(one.started)} /> },
        {
          title: words.snapshots.outcome,
          render: (_, one) =>
            said(one).outcome === 'partial' ? <Badge tone="warn">{words.snapshots.partial}</Badge> : <Badge tone="good">{words.snapshots.complete}</Badge>,
        },
        { title: words.snapshots.size, align: 'right', render: (_, one) => <span className="number">{bytes(said(one).len_bytes ?? 0)}</span> },
        { title: words.snapshots.stored, align: 'right', render: (_, one) => <span className="number">{bytes(said(one).stored_bytes ?? 0)}</span> },
        { title: words.snapshots.repository, render: (_, one) => <Link to={`/storage/${one.repository}`}>{names.repository(one.repository)}</Link> },
        { title: words.snapshots.tags, render: (_, one) => <span className="small">{said(one).tags?.join(', ')}</span> },
      ]}
    />
  );
}
