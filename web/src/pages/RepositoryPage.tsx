import { EditOutlined } from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { App, Button } from 'antd';
import { useCallback, useMemo } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, builtOn, take } from '../api/client';
import { usePolicies, useRefresh, useRepositories, useRuns, useSnapshots } from '../api/queries';
import { useLang, useWords } from '../i18n';
import { call, quoted } from '../lib/command';
import { bytes, count } from '../lib/format';
import { type Stored, storedBySource } from '../lib/stored';
import type { Option } from '../parts/Chart';
import { Commands } from '../parts/Commands';
import { Go } from '../parts/Go';
import { LazyChart } from '../parts/LazyChart';
import { Facts, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { RemoveButton } from '../parts/RemoveButton';
import { RunRows } from '../parts/RunRows';
import { Waiting } from '../parts/Waiting';
import { useMay } from '../shell/viewer';
import Lost from './Lost';
import { Planned } from './Storage';

const WORKS = ['catalogue', 'check', 'gc'] as const;

/** One repository: its work, and what its snapshots stored. */
export default function RepositoryPage() {
  const { id = '' } = useParams();
  const words = useWords();
  const lang = useLang();
  const go = useNavigate();
  const refresh = useRefresh();
  const { message } = App.useApp();
  const [mayWrite, mayRun] = [useMay('config.write'), useMay('run.operate')];
  const [repositories, policies, runs, snapshots] = [useRepositories(), usePolicies(), useRuns({ owner: id, limit: 10 }), useSnapshots({ limit: 500 })];
  const start = useMutation({
    mutationFn: (kind: string) => take(api.POST('/api/v1/repositories/{id}/runs', { params: { path: { id } }, body: { kind } })),
    onSuccess: async () => {
      message.success(words.storage.queued);
      await refresh('runs');
    },
  });
  const its = useMemo(() => (snapshots.data?.items ?? []).filter((one) => one.repository === id), [snapshots.data, id]);
  const stored = useMemo(() => storedBySource(its), [its]);
  const asked = [repositories, policies, runs, snapshots];
  const error = asked.find((one) => one.error)?.error;
  if (error) return <Trouble error={error} retry={() => asked.forEach((one) => void one.refetch())} />;
  if (!repositories.data || !policies.data || !runs.data || !snapshots.data) return <Waiting />;
  const repository = repositories.data.find((one) => one.id === id);
  if (!repository) return <Lost />;
  const { spec } = repository;
  const using = policies.data.filter((policy) => policy.spec.repository === id);
  const remove = async () => {
    await take(api.DELETE('/api/v1/repositories/{id}', { params: { path: { id }, header: builtOn(repository.revision) } }));
    await refresh('repositories');
    await go('/storage');
  };
  const repo = `--repo=${quoted(spec.location)}`;
  return (
    <>
      <Head
        title={spec.name}
        up={{ to: '/storage', text: words.storage.title }}
        lead={<span className="mono break">{spec.location}</span>}
        acts={
          <>
            {mayRun &&
              WORKS.map((kind) => (
                <Button key={kind} loading={start.isPending && start.variables === kind} onClick={() => start.mutate(kind)}>
                  {words.storage.work[kind]}
                </Button>
              ))}
            {mayWrite && (
              <>
                <Go to={`/storage/${id}/edit`} icon={<EditOutlined />}>
                  {words.common.edit}
                </Go>
                <RemoveButton name={spec.name} api={call('DELETE', `/repositories/${id}`, undefined, repository.revision)} remove={remove} />
              </>
            )}
          </>
        }
      />
      <Trouble error={start.error} />
      <Sheet>
        <Facts
          items={[
            [words.common.password, spec.password ? <code>{spec.password}</code> : words.common.none],
            [words.storage.options, spec.store_options?.length ? <code>{spec.store_options.join('  ')}</code> : null],
            [words.storage.gc, <Planned schedule={spec.gc} />],
            [words.storage.check, <Planned schedule={spec.check} />],
            [words.storage.slices, words.storage.coverage(spec.check_slices ?? 30)],
            [
              words.storage.policies,
              using.length > 0 ? (
                <span className="chips">
                  {using.map((policy) => (
                    <Link key={policy.id} to={`/policies/${policy.id}`}>
                      {policy.spec.name}
                    </Link>
                  ))}
                </span>
              ) : (
                words.common.none
              ),
            ],
            [words.storage.snapshots, `${count(its.length, lang)}${snapshots.data.next ? '+' : ''}`],
            [words.storage.added, bytes(stored.reduce((sum, one) => sum + one.storedBytes, 0))],
          ]}
        />
      </Sheet>
      {stored.length > 0 && (
        <Sheet title={words.storage.chart}>
          <StoredChart stored={stored} />
          <p className="soft small">{words.storage.chartNote}</p>
        </Sheet>
      )}
      <Sheet flush title={words.storage.works} more={<Link to={`/runs?owner=${id}`}>{words.common.every}</Link>}>
        {runs.data.items.length > 0 ? <RunRows runs={runs.data.items} /> : <p className="soft pager">{words.runs.none}</p>}
      </Sheet>
      <Commands
        cli={[`datakeep snapshots ${repo}`, `datakeep check --slice=1/${spec.check_slices ?? 30} ${repo}`, `datakeep gc --dry-run ${repo}`].join('\n')}
        api={call('POST', `/repositories/${id}/runs`, { kind: 'catalogue' })}
      />
    </>
  );
}

function StoredChart({ stored }: { stored: Stored[] }) {
  const words = useWords();
  const option = useCallback(
    (colour: (name: string) => string): Option => {
      const shown = stored.slice(0, 8).reverse();
      return {
        grid: { left: 8, right: 24, top: 4, bottom: 4, containLabel: true },
        legend: { show: false },
        xAxis: { type: 'value', axisLabel: { color: colour('ink-soft'), formatter: (value: number) => bytes(value) }, splitLine: { lineStyle: { color: colour('line') } } },
        yAxis: { type: 'category', data: shown.map((one) => one.source), axisLabel: { color: colour('ink-soft') }, axisLine: { lineStyle: { color: colour('line') } } },
        tooltip: { valueFormatter: (value) => bytes(Number(value)) },
        series: [{ type: 'bar', name: words.storage.added, barMaxWidth: 22, itemStyle: { color: colour('info') }, data: shown.map((one) => one.storedBytes) }],
      };
    },
    [stored, words],
  );
  return <LazyChart label={words.storage.chart} option={option} />;
}
