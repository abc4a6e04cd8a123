import { RedoOutlined, StopOutlined } from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { App, Button } from 'antd';
import { type ReactNode, useCallback } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, take } from '../api/client';
import { useItems, useRefresh, useRun } from '../api/queries';
import type { Run } from '../api/types';
import { useLang, useWords, worded, type Words } from '../i18n';
import { call } from '../lib/command';
import { progressOf, type Told } from '../lib/events';
import { bytes, count, instant, type Lang, short, span } from '../lib/format';
import { useNames } from '../lib/names';
import { useEvents } from '../lib/useEvents';
import { Badge, RunBadge } from '../parts/Badge';
import { Commands } from '../parts/Commands';
import { Counters } from '../parts/Counters';
import { Pager, Rows, useAddress } from '../parts/List';
import { Facts, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { snapshotPath } from '../parts/SnapshotRows';
import { Waiting } from '../parts/Waiting';
import { useNow, When } from '../parts/When';
import { useMay } from '../shell/viewer';

/** One run: how far it is, what it told, what it lost, what came of it. */
export default function RunPage() {
  const { id = '' } = useParams();
  const words = useWords();
  const run = useRun(id);
  const refresh = useRefresh();
  const ended = useCallback(() => {
    void refresh('run', 'items', 'runs', 'snapshots', 'overdue');
    // `refresh` is made anew with every drawing and always does the same.
  }, []);
  const { told, isLive } = useEvents(id, ended);
  if (run.error) return <Trouble error={run.error} retry={() => void run.refetch()} />;
  if (!run.data) return <Waiting />;
  return (
    <>
      <RunHead run={run.data} />
      <Outcome run={run.data} />
      <About run={run.data} told={told} />
      <Losses run={run.data} />
      <Sheet title={words.runs.log} more={isLive && <Badge tone="info">{words.runs.logLive}</Badge>}>
        <Log told={told} />
      </Sheet>
      {run.data.summary != null && (
        <Sheet title={words.runs.summary}>
          <Counters document={run.data.summary as Record<string, unknown>} />
          <details>
            <summary>{words.runs.summaryRaw}</summary>
            <pre className="raw">{JSON.stringify(run.data.summary, null, 2)}</pre>
          </details>
        </Sheet>
      )}
      <Commands api={call('GET', `/runs/${id}`)} cli={run.data.snapshot ? `datakeep show ${short(run.data.snapshot)}` : undefined} />
    </>
  );
}

function useTitle(run: Run): string {
  const words = useWords();
  const names = useNames();
  const of = run.source ? names.source(run.source) : names.repository(run.repository);
  return `${worded(words.kinds, run.kind)} · ${of}`;
}

function RunHead({ run }: { run: Run }) {
  const words = useWords();
  const go = useNavigate();
  const refresh = useRefresh();
  const mayRun = useMay('run.operate');
  const { message } = App.useApp();
  const title = useTitle(run);
  const path = { params: { path: { id: run.id } } };
  const cancel = useMutation({ mutationFn: () => take(api.POST('/api/v1/runs/{id}/cancel', path)), onSuccess: () => refresh('run', 'runs') });
  const retry = useMutation({
    mutationFn: () => take(api.POST('/api/v1/runs/{id}/retry', path)),
    onSuccess: async (next) => {
      message.success(words.runs.retried);
      await refresh('runs');
      await go(`/runs/${next.id}`);
    },
  });
  const isOver = !['queued', 'running'].includes(run.state);
  return (
    <>
      <Head
        title={title}
        up={{ to: '/runs', text: words.runs.title }}
        lead={<RunBadge state={run.state} />}
        acts={
          mayRun &&
          (isOver ? (
            <Button icon={<RedoOutlined />} loading={retry.isPending} onClick={() => retry.mutate()}>
              {words.runs.retry}
            </Button>
          ) : (
            <Button danger icon={<StopOutlined />} disabled={run.cancel_asked} loading={cancel.isPending} onClick={() => cancel.mutate()}>
              {words.runs.cancel}
            </Button>
          ))
        }
      />
      <Trouble error={cancel.error ?? retry.error} />
      {run.cancel_asked && !isOver && <p className="sheet">{words.runs.cancelAsked}</p>}
    </>
  );
}

function Outcome({ run }: { run: Run }) {
  const words = useWords();
  if (!run.message && !run.hint) return null;
  const tone = run.state === 'failed' ? 'bad' : run.state === 'partial' ? 'warn' : 'rest';
  // For codes with a fixed meaning the server's sentence says no more than the word here.
  const hint = (words.runs.hints as Record<string, string>)[run.code ?? ''];
  return (
    <section className={`sheet verdict tone-${tone}`}>
      <p>{run.code ? worded(words.runs.codes, run.code) : ''}</p>
      <Facts
        items={[
          [words.runs.detail, run.message && !hint ? <span lang="en">{run.message}</span> : null],
          [words.runs.hint, hint ?? (run.hint ? <span lang="en">{run.hint}</span> : null)],
          [words.problem.code, <span className="mono">{run.code}</span>],
        ]}
      />
    </section>
  );
}

function About({ run, told }: { run: Run; told: Told[] }) {
  const words = useWords();
  const lang = useLang();
  const names = useNames();
  const now = useNow(1000);
  const owner = names.ownerPath(run.owner);
  const progress = progressOf(told);
  const isRunning = run.state === 'running';
  const share = progress?.expectedBytes ? Math.min(1, progress.bytes / progress.expectedBytes) : null;
  const items: [string, ReactNode][] = [
    [words.runs.owner, owner ? <Link to={owner}>{names.owner(run.owner)}</Link> : <span className="mono">{names.owner(run.owner)}</span>],
    [words.runs.source, run.source ? <Link to={`/sources/${run.source}`}>{names.source(run.source)}</Link> : null],
    [words.runs.repository, <Link to={`/storage/${run.repository}`}>{names.repository(run.repository)}</Link>],
    [words.runs.slot, run.slot_s ? <When ms={run.slot_s * 1000} /> : null],
    [words.runs.queued, <When ms={run.queued_ms} />],
    [words.runs.started, run.started_ms ? <When ms={run.started_ms} /> : null],
    [words.runs.finished, run.finished_ms ? <When ms={run.finished_ms} /> : null],
    [words.runs.took, run.started_ms ? span((run.finished_ms ?? Math.max(now, run.started_ms)) - run.started_ms, lang) : null],
    [words.runs.attempt, run.attempt > 1 ? run.attempt : null],
    [words.runs.retryOf, run.retry_of ? <Link to={`/runs/${run.retry_of}`}>{short(run.retry_of)}</Link> : null],
    [
      words.runs.snapshot,
      run.snapshot ? (
        <Link className="mono" to={snapshotPath({ repository: run.repository, source: names.source(run.source), id: run.snapshot })}>
          {short(run.snapshot)}
        </Link>
      ) : null,
    ],
  ];
  return (
    <Sheet>
      {isRunning && progress && (
        <div className="preview" aria-live="polite">
          <strong>{progress.phase ? worded(words.runs.phases, progress.phase) : words.runs.progress}</strong>{' '}
          <span className="number">
            {words.runs.read(count(progress.items, lang), bytes(progress.bytes))} {progress.expectedBytes ? words.runs.of(bytes(progress.expectedBytes)) : ''}
          </span>
          {share !== null && (
            <svg className="bar" width="100%" height="8" role="img" aria-label={`${Math.round(share * 100)} %`}>
              <rect width={`${share * 100}%`} height="8" rx="4" fill="var(--accent)" />
            </svg>
          )}
        </div>
      )}
      <Facts items={items} />
    </Sheet>
  );
}

function Losses({ run }: { run: Run }) {
  const words = useWords();
  const [address, change] = useAddress();
  const cursor = address.get('items') ?? '';
  const items = useItems(run.id, cursor);
  if (items.error) return <Trouble error={items.error} />;
  if (!items.data || (items.data.items.length === 0 && run.state !== 'partial')) return null;
  return (
    <Sheet flush title={words.runs.items}>
      <Rows
        label={words.runs.items}
        rows={items.data.items}
        rowKey={(item) => item.path}
        columns={[
          { title: words.runs.path, render: (_, item) => <span className="mono break">{item.path}</span> },
          { title: words.runs.cause, render: (_, item) => worded(words.runs.causes, item.cause) },
          {
            title: words.runs.detail,
            render: (_, item) => (
              <span lang="en" className="break">
                {item.detail}
              </span>
            ),
          },
        ]}
      />
      <Pager shown={items.data.items.length} next={items.data.next} cursor={cursor} go={(to) => change({ items: to })} />
    </Sheet>
  );
}

function line(words: Words, lang: Lang, { kind, body }: Told): string {
  if (kind === 'phase') return worded(words.runs.phases, String(body.phase ?? ''));
  if (kind === 'progress') {
    const [items, size] = [count(Number(body.items ?? 0), lang), bytes(Number(body.bytes ?? 0))];
    const expected = typeof body.expected_bytes === 'number' ? ` ${words.runs.of(bytes(body.expected_bytes))}` : '';
    return words.runs.read(items, size) + expected;
  }
  if (kind === 'loss') return `${String(body.path ?? '')} – ${worded(words.runs.causes, String(body.cause ?? ''))}: ${String(body.detail ?? '')}`;
  return typeof body.message === 'string' ? body.message : JSON.stringify(body);
}

function Log({ told }: { told: Told[] }) {
  const words = useWords();
  const lang = useLang();
  if (told.length === 0) return <p className="soft">{words.runs.logNone}</p>;
  return (
    <ol className="log" tabIndex={0} aria-label={words.runs.log}>
      {told.map((one) => {
        const at = typeof one.body.ts === 'string' ? Date.parse(one.body.ts) : Number.NaN;
        return (
          <li key={one.seq}>
            <span className="soft number small">{Number.isNaN(at) ? '' : instant(at, lang).slice(-8)}</span>
            <span className="soft small">{worded(words.runs.events, one.kind)}</span>
            <span className="break">{line(words, lang, one)}</span>
          </li>
        );
      })}
    </ol>
  );
}
