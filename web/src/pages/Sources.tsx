import { PlusOutlined } from '@ant-design/icons';
import { Radio } from 'antd';
import { Link } from 'react-router';
import { useOverdue, usePolicies, useRuns, useSources } from '../api/queries';
import type { Policy, Run, Source } from '../api/types';
import { useWords } from '../i18n';
import { kindOf } from '../lib/kind';
import { newestEnds } from '../lib/verdict';
import { Badge, RunBadge, toneOf } from '../parts/Badge';
import { Go } from '../parts/Go';
import { Rows, useAddress } from '../parts/List';
import { Empty, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import { When } from '../parts/When';
import { useMay } from '../shell/viewer';

const SHOWN = ['all', 'bare', 'overdue'] as const;
type Shown = (typeof SHOWN)[number];

/** How a source is protected. */
export function Protection({ source, policies, isOverdue }: { source: Source; policies: Policy[]; isOverdue: boolean }) {
  const { sources: words } = useWords();
  const its = policies.filter((policy) => policy.spec.sources.includes(source.id));
  if (isOverdue) return <Badge tone="bad">{words.overdue}</Badge>;
  if (its.length === 0) return <Badge tone="warn">{words.bare}</Badge>;
  if (its.every((policy) => policy.spec.enabled === false)) return <Badge tone="rest">{words.resting}</Badge>;
  return <Badge tone="good">{words.protected}</Badge>;
}

/** The last backups of a source as a strip, oldest first. */
function Strip({ runs }: { runs: Run[] }) {
  const words = useWords();
  return (
    <span className="strip">
      {runs
        .slice(0, 10)
        .reverse()
        .map((run) => (
          <Link key={run.id} to={`/runs/${run.id}`} className={`tone-${toneOf(run.state)}`} aria-label={words.states[run.state as keyof typeof words.states]} title={words.states[run.state as keyof typeof words.states]} />
        ))}
    </span>
  );
}

/** All sources: how each is protected, and what became of its last backup. */
export default function Sources() {
  const words = useWords();
  const mayWrite = useMay('config.write');
  const [address, change] = useAddress();
  const [sources, policies, overdue, runs] = [useSources(), usePolicies(), useOverdue(), useRuns({ limit: 500 })];
  const asked = [sources, policies, overdue, runs];
  const error = asked.find((one) => one.error)?.error;
  if (error) return <Trouble error={error} retry={() => asked.forEach((one) => void one.refetch())} />;
  if (!sources.data || !policies.data || !overdue.data || !runs.data) return <Waiting />;
  const shown: Shown = SHOWN.find((one) => one === address.get('show')) ?? 'all';
  const late = new Set(overdue.data.items.map((one) => one.source));
  const [allPolicies, backups] = [policies.data, runs.data.items.filter((run) => run.kind === 'backup')];
  const ends = newestEnds(backups);
  const of = (source: Source) => allPolicies.filter((policy) => policy.spec.sources.includes(source.id));
  const isBare = (source: Source) => of(source).every((policy) => policy.spec.enabled === false);
  const rows = sources.data.filter((source) => (shown === 'bare' ? isBare(source) : shown === 'overdue' ? late.has(source.id) : true));
  const add = mayWrite && (
    <Go to="/sources/new" primary icon={<PlusOutlined />}>
      {words.sources.add}
    </Go>
  );
  if (sources.data.length === 0) {
    return (
      <>
        <Head title={words.sources.title} lead={words.sources.lead} />
        <Sheet>
          <Empty title={words.sources.none} text={words.sources.noneText} act={add} />
        </Sheet>
      </>
    );
  }
  return (
    <>
      <Head title={words.sources.title} lead={words.sources.lead} acts={add} />
      <div className="filters">
        <Radio.Group
          aria-label={words.common.filter}
          value={shown}
          optionType="button"
          onChange={(event) => change({ show: event.target.value === 'all' ? undefined : event.target.value })}
          options={SHOWN.map((one) => ({ value: one, label: words.sources.show[one] }))}
        />
      </div>
      <Sheet flush>
        <Rows<Source>
          label={words.sources.title}
          rows={rows}
          rowKey={(source) => source.id}
          columns={[
            { title: words.common.name, render: (_, source) => <Link to={`/sources/${source.id}`}>{source.spec.name}</Link> },
            { title: words.sources.kind, render: (_, source) => words.sources.kinds[kindOf(source.spec.location)] },
            { title: words.common.location, render: (_, source) => <span className="mono break">{source.spec.location}</span> },
            { title: words.sources.state, render: (_, source) => <Protection source={source} policies={allPolicies} isOverdue={late.has(source.id)} /> },
            {
              title: words.sources.policies,
              render: (_, source) => (
                <span className="chips">
                  {of(source).map((policy) => (
                    <Link key={policy.id} to={`/policies/${policy.id}`}>
                      {policy.spec.name}
                    </Link>
                  ))}
                </span>
              ),
            },
            {
              title: words.sources.lastRun,
              render: (_, source) => {
                const last = ends.get(source.id);
                return last ? (
                  <>
                    <Link to={`/runs/${last.id}`}>
                      <RunBadge state={last.state} />
                    </Link>{' '}
                    <span className="soft small">
                      <When ms={last.finished_ms ?? last.queued_ms} isBrief />
                    </span>
                  </>
                ) : (
                  <span className="soft">{words.common.never}</span>
                );
              },
            },
            { title: words.nav.runs, render: (_, source) => <Strip runs={backups.filter((run) => run.source === source.id)} /> },
          ]}
        />
      </Sheet>
    </>
  );
}
