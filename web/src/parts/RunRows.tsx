import { Link } from 'react-router';
import type { Run } from '../api/types';
import { useLang, useWords, worded } from '../i18n';
import { short, span } from '../lib/format';
import { useNames } from '../lib/names';
import { RunBadge } from './Badge';
import { Rows } from './List';
import { useNow, When } from './When';

/** Runs as a table. */
export function RunRows({ runs, isLoading }: { runs: Run[]; isLoading?: boolean }) {
  const words = useWords();
  const lang = useLang();
  const names = useNames();
  const now = useNow(1000);
  return (
    <Rows<Run>
      label={words.runs.title}
      rows={runs}
      isLoading={isLoading}
      rowKey={(run) => run.id}
      columns={[
        { title: words.runs.state, render: (_, run) => <RunBadge state={run.state} /> },
        { title: words.runs.run, render: (_, run) => <Link to={`/runs/${run.id}`}>{worded(words.kinds, run.kind)}</Link> },
        {
          title: words.runs.what,
          render: (_, run) =>
            run.source ? <Link to={`/sources/${run.source}`}>{names.source(run.source)}</Link> : <Link to={`/storage/${run.repository}`}>{names.repository(run.repository)}</Link>,
        },
        {
          title: words.runs.owner,
          render: (_, run) => {
            const path = names.ownerPath(run.owner);
            return path ? <Link to={path}>{names.owner(run.owner)}</Link> : <span className="mono">{names.owner(run.owner)}</span>;
          },
        },
        { title: words.runs.queued, render: (_, run) => <When ms={run.queued_ms} /> },
        {
          title: words.runs.took,
          align: 'right',
          render: (_, run) => <span className="number">{run.started_ms ? span((run.finished_ms ?? Math.max(now, run.started_ms)) - run.started_ms, lang) : ''}</span>,
        },
        {
          title: words.runs.result,
          render: (_, run) =>
            run.state === 'complete' && run.snapshot ? <span className="mono">{short(run.snapshot)}</span> : <span className="small break">{run.code && run.code !== 'ok' ? worded(words.runs.codes, run.code) : ''}</span>,
        },
      ]}
    />
  );
}
