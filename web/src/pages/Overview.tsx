import { CheckCircleFilled, CloseCircleFilled, ExclamationCircleFilled, InfoCircleFilled } from '@ant-design/icons';
import { type ReactNode, useCallback, useMemo } from 'react';
import { Link } from 'react-router';
import { useOverdue, usePolicies, useRepositories, useRuns, useSources } from '../api/queries';
import type { Overdue, Policy, Run } from '../api/types';
import { useLang, useWords, worded, type Words } from '../i18n';
import { preview } from '../lib/cron';
import { byDay, type Day } from '../lib/days';
import { span } from '../lib/format';
import { useNames } from '../lib/names';
import { type State, unprotected, type Verdict, verdict } from '../lib/verdict';
import type { Tone } from '../parts/Badge';
import { RunBadge } from '../parts/Badge';
import type { Option } from '../parts/Chart';
import { Go } from '../parts/Go';
import { LazyChart } from '../parts/LazyChart';
import { Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import { useNow, When } from '../parts/When';

/** Runs that the overview looks back over. */
const LOOK_BACK = 500;

/** The state of everything: one sentence, then what needs somebody. */
export default function Overview() {
  const words = useWords();
  const [repositories, sources, policies] = [useRepositories(), useSources(), usePolicies()];
  const [overdue, runs] = [useOverdue(), useRuns({ limit: LOOK_BACK })];
  const running = useRuns({ state: 'running', limit: 20 });
  const failed = useRuns({ state: 'failed', limit: 5 });
  const all = [repositories, sources, policies, overdue, runs, running, failed];
  const error = all.find((one) => one.error)?.error;
  if (error) return <Trouble error={error} retry={() => all.forEach((one) => void one.refetch())} />;
  if (!repositories.data || !sources.data || !policies.data || !overdue.data || !runs.data || !running.data || !failed.data) return <Waiting />;
  const state: State = {
    repositories: repositories.data,
    sources: sources.data,
    policies: policies.data,
    overdue: overdue.data.items,
    runs: runs.data.items,
  };
  const found = verdict(state);
  return (
    <>
      <Head title={words.overview.title} />
      <Said verdict={found} state={state} />
      {found.kind === 'empty' ? <Steps state={state} /> : <Counts state={state} running={running.data.items.length} failed={failed.data.items} />}
      {found.kind !== 'empty' && (
        <div className="columns">
          <Sheet title={words.overview.overdue}>
            <OverdueList items={state.overdue} />
          </Sheet>
          <Sheet title={words.overview.running} more={<Link to="/runs?state=running">{words.common.every}</Link>}>
            <RunList runs={running.data.items} none={words.overview.runningNone} />
          </Sheet>
          <Sheet title={words.overview.failures} more={<Link to="/runs?state=failed">{words.common.every}</Link>}>
            <RunList runs={failed.data.items} none={words.overview.failuresNone} />
          </Sheet>
          <Sheet title={words.overview.next} more={<Link to="/policies">{words.common.every}</Link>}>
            <NextRuns policies={state.policies} />
          </Sheet>
          <Sheet title={words.overview.chart} className="wide">
            <History runs={state.runs} />
          </Sheet>
        </div>
      )}
    </>
  );
}

const TONES: Record<Verdict['kind'], Tone> = {
  well: 'good',
  overdue: 'bad',
  failing: 'bad',
  partial: 'warn',
  unprotected: 'warn',
  waiting: 'info',
  empty: 'info',
};

const SIGNS: Record<Tone, ReactNode> = {
  good: <CheckCircleFilled />,
  bad: <CloseCircleFilled />,
  warn: <ExclamationCircleFilled />,
  info: <InfoCircleFilled />,
  rest: <InfoCircleFilled />,
};

/** Where the rows behind a verdict are. */
function pathOf(found: Verdict, state: State): string {
  const paths: Record<Verdict['kind'], string> = {
    well: '/snapshots',
    overdue: '/sources?show=overdue',
    failing: '/runs?state=failed',
    partial: '/runs?state=partial',
    unprotected: '/sources?show=bare',
    waiting: '/policies',
    empty: state.repositories.length === 0 ? '/storage/new' : state.sources.length === 0 ? '/sources/new' : '/policies/new',
  };
  return paths[found.kind];
}

function sentence(words: Words, found: Verdict): string {
  return found.kind === 'empty' ? words.overview.verdict.empty : words.overview.verdict[found.kind](found.sources);
}

function Said({ verdict: found, state }: { verdict: Verdict; state: State }) {
  const words = useWords();
  const tone = TONES[found.kind];
  return (
    <section className={`sheet verdict tone-${tone}`} aria-live="polite" data-verdict={found.kind}>
      <span aria-hidden="true">{SIGNS[tone]}</span>
      <p>{sentence(words, found)}</p>
      <Go to={pathOf(found, state)}>{words.overview.act[found.kind]}</Go>
    </section>
  );
}

function Steps({ state }: { state: State }) {
  const { overview } = useWords();
  const steps: [string[], string, boolean][] = [
    [overview.steps.repository, '/storage/new', state.repositories.length > 0],
    [overview.steps.source, '/sources/new', state.sources.length > 0],
    [overview.steps.policy, '/policies/new', state.policies.length > 0],
  ];
  const next = steps.findIndex(([, , isDone]) => !isDone);
  return (
    <Sheet title={overview.steps.title}>
      <ol className="lines">
        {steps.map(([text, to, isDone], index) => (
          <li key={to}>
            <span aria-hidden="true">{isDone ? '✓' : index + 1}</span>
            <span>
              <strong>{text[0]}</strong>
              <br />
              <span className="soft">{text[1]}</span>
            </span>
            {!isDone && (
              <span className="end">
                <Go to={to} primary={index === next}>
                  {text[0]}
                </Go>
              </span>
            )}
          </li>
        ))}
      </ol>
    </Sheet>
  );
}

/** How far back a failure is called recent. */
const RECENT_MS = 24 * 3600_000;

function Counts({ state, running, failed }: { state: State; running: number; failed: Run[] }) {
  const { counts } = useWords().overview;
  const now = useNow();
  const recent = failed.filter((run) => now - (run.finished_ms ?? run.queued_ms) < RECENT_MS).length;
  const bare = unprotected(state.sources, state.policies).length;
  const all: [string, number, string, Tone][] = [
    [counts.sources, state.sources.length, '/sources', 'rest'],
    [counts.unprotected, bare, '/sources?show=bare', bare > 0 ? 'warn' : 'rest'],
    [counts.policies, state.policies.length, '/policies', 'rest'],
    [counts.overdue, state.overdue.length, '/sources?show=overdue', state.overdue.length > 0 ? 'bad' : 'rest'],
    [counts.running, running, '/runs?state=running', 'rest'],
    [counts.failed, recent, '/runs?state=failed', recent > 0 ? 'bad' : 'rest'],
  ];
  return (
    <ul className="counts">
      {all.map(([text, number, to, tone]) => (
        <li key={to + text}>
          <Link to={to} className={`tone-${tone}`}>
            <strong>{number}</strong>
            <span>{text}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function OverdueList({ items }: { items: Overdue[] }) {
  const words = useWords();
  const names = useNames();
  if (items.length === 0) return <p className="soft">{words.overview.overdueNone}</p>;
  return (
    <ul className="lines">
      {items.map((one) => (
        <li key={one.policy + one.source}>
          <Link to={`/sources/${one.source}`}>{names.source(one.source)}</Link>
          <Link className="soft" to={`/policies/${one.policy}`}>
            {names.policy(one.policy)}
          </Link>
          <span className="end small">
            {words.overview.overdueSince} <When ms={one.since_s * 1000} isBrief />
            {' · '}
            {one.newest_s ? (
              <>
                {words.overview.newest} <When ms={one.newest_s * 1000} isBrief />
              </>
            ) : (
              words.overview.noSnapshot
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function RunList({ runs, none }: { runs: Run[]; none: string }) {
  const words = useWords();
  const names = useNames();
  if (runs.length === 0) return <p className="soft">{none}</p>;
  return (
    <ul className="lines">
      {runs.map((run) => (
        <li key={run.id}>
          <Link to={`/runs/${run.id}`}>
            {worded(words.kinds, run.kind)} · {run.source ? names.source(run.source) : names.repository(run.repository)}
          </Link>
          <span className="soft small break">{run.message ?? ''}</span>
          <span className="end">
            <RunBadge state={run.state} />{' '}
            <span className="small soft">
              <When ms={run.finished_ms ?? run.started_ms ?? run.queued_ms} isBrief />
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function NextRuns({ policies }: { policies: Policy[] }) {
  const words = useWords();
  const lang = useLang();
  const now = useNow();
  const next = policies
    .filter((policy) => policy.spec.enabled !== false && policy.spec.schedule)
    .flatMap((policy) => {
      const schedule = policy.spec.schedule;
      const found = schedule ? preview(schedule.cron, schedule.zone, now, 1) : { fault: 'cron' as const };
      const at = 'times' in found ? found.times[0] : undefined;
      return at === undefined ? [] : [{ policy, at }];
    })
    .sort((a, b) => a.at - b.at)
    .slice(0, 6);
  if (next.length === 0) return <p className="soft">{words.overview.nextNone}</p>;
  return (
    <ul className="lines">
      {next.map(({ policy, at }) => (
        <li key={policy.id}>
          <Link to={`/policies/${policy.id}`}>{policy.spec.name}</Link>
          {(policy.spec.schedule?.jitter_s ?? 0) > 0 && (
            <span className="soft small">{words.overview.jitter(span((policy.spec.schedule?.jitter_s ?? 0) * 1000, lang))}</span>
          )}
          <span className="end small">
            <When ms={at} zone={policy.spec.schedule?.zone} />
          </span>
        </li>
      ))}
    </ul>
  );
}

const STATES: [Exclude<keyof Day, 'day'>, string][] = [
  ['complete', 'good'],
  ['partial', 'warn'],
  ['failed', 'bad'],
  ['cancelled', 'rest'],
];

function History({ runs }: { runs: Run[] }) {
  const words = useWords();
  const now = useNow(3600_000);
  const days = useMemo(() => byDay(runs, now), [runs, now]);
  const option = useCallback(
    (colour: (name: string) => string): Option => ({
      xAxis: { type: 'category', data: days.map((day) => day.day.slice(5)), axisLabel: { color: colour('ink-soft') }, axisLine: { lineStyle: { color: colour('line') } } },
      yAxis: { type: 'value', minInterval: 1, axisLabel: { color: colour('ink-soft') }, splitLine: { lineStyle: { color: colour('line') } } },
      series: STATES.map(([state, tone]) => ({
        type: 'bar',
        stack: 'runs',
        name: words.states[state],
        barMaxWidth: 28,
        itemStyle: { color: colour(tone) },
        data: days.map((day) => day[state]),
      })),
    }),
    [days, words],
  );
  if (days.every((day) => STATES.every(([state]) => day[state] === 0))) return <p className="soft">{words.overview.chartNone}</p>;
  return <LazyChart label={words.overview.chartLabel} option={option} />;
}
