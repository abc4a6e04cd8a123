import { EditOutlined } from '@ant-design/icons';
import { useCallback } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, builtOn, take } from '../api/client';
import { useOverdue, usePolicies, useRefresh, useSnapshots, useSources } from '../api/queries';
import type { Snapshot, SnapshotDocument } from '../api/types';
import { useLang, useWords } from '../i18n';
import { backup, call } from '../lib/command';
import { bytes, instant, span } from '../lib/format';
import { kindOf } from '../lib/kind';
import { Badge } from '../parts/Badge';
import type { Option } from '../parts/Chart';
import { Commands } from '../parts/Commands';
import { Go } from '../parts/Go';
import { LazyChart } from '../parts/LazyChart';
import { Facts, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { RemoveButton } from '../parts/RemoveButton';
import { SnapshotRows } from '../parts/SnapshotRows';
import { Waiting } from '../parts/Waiting';
import { useNow, When } from '../parts/When';
import { useMay } from '../shell/viewer';
import Lost from './Lost';
import { Protection } from './Sources';

/** Snapshots the chart looks back over. */
const CHARTED = 60;

/** One source: how it is protected, how old its newest snapshot is, and what it became. */
export default function SourcePage() {
  const { id = '' } = useParams();
  const words = useWords();
  const lang = useLang();
  const go = useNavigate();
  const refresh = useRefresh();
  const mayWrite = useMay('config.write');
  const now = useNow();
  const [sources, policies, overdue] = [useSources(), usePolicies(), useOverdue()];
  const source = sources.data?.find((one) => one.id === id);
  const snapshots = useSnapshots({ source: source?.spec.name ?? ' ', limit: CHARTED });
  const asked = [sources, policies, overdue, snapshots];
  const error = asked.find((one) => one.error)?.error;
  if (error) return <Trouble error={error} retry={() => asked.forEach((one) => void one.refetch())} />;
  if (!sources.data || !policies.data || !overdue.data || !snapshots.data) return <Waiting />;
  if (!source) return <Lost />;
  const its = policies.data.filter((policy) => policy.spec.sources.includes(id));
  const late = overdue.data.items.find((one) => one.source === id);
  const newest = snapshots.data.items[0];
  const objective = Math.min(...its.map((policy) => policy.spec.rpo_s ?? Number.POSITIVE_INFINITY));
  const remove = async () => {
    await take(api.DELETE('/api/v1/sources/{id}', { params: { path: { id }, header: builtOn(source.revision) } }));
    await refresh('sources');
    await go('/sources');
  };
  return (
    <>
      <Head
        title={source.spec.name}
        up={{ to: '/sources', text: words.sources.title }}
        lead={<Protection source={source} policies={policies.data} isOverdue={Boolean(late)} />}
        acts={
          mayWrite && (
            <>
              <Go to={`/sources/${id}/edit`} icon={<EditOutlined />}>
                {words.common.edit}
              </Go>
              <RemoveButton name={source.spec.name} api={call('DELETE', `/sources/${id}`, undefined, source.revision)} remove={remove} />
            </>
          )
        }
      />
      <Sheet>
        <Facts
          items={[
            [words.sources.kind, words.sources.kinds[kindOf(source.spec.location)]],
            [words.common.location, <span className="mono">{source.spec.location}</span>],
            [words.common.password, source.spec.password ? <code>{source.spec.password}</code> : null],
            [words.sources.exclude, source.spec.exclude?.length ? <code>{source.spec.exclude.join('  ')}</code> : null],
            [
              words.sources.policies,
              its.length > 0 ? (
                <span className="chips">
                  {its.map((policy) => (
                    <Link key={policy.id} to={`/policies/${policy.id}`}>
                      {policy.spec.name}
                    </Link>
                  ))}
                </span>
              ) : (
                <>
                  {words.sources.noPolicy} <Link to={`/policies/new?source=${id}`}>{words.sources.protect}</Link>
                </>
              ),
            ],
            [words.sources.newest, newest ? <When ms={Date.parse(newest.started)} /> : words.overview.noSnapshot],
            [words.sources.age, newest ? span(now - Date.parse(newest.started), lang) : null],
            [
              words.sources.objective,
              Number.isFinite(objective) ? (
                <>
                  {span(objective * 1000, lang)} {late ? <Badge tone="bad">{words.sources.overdue}</Badge> : <Badge tone="good">{words.sources.inTime}</Badge>}
                </>
              ) : null,
            ],
          ]}
        />
      </Sheet>
      {snapshots.data.items.length > 1 && (
        <Sheet title={words.sources.growth}>
          <Growth snapshots={snapshots.data.items} />
        </Sheet>
      )}
      <Sheet flush title={words.sources.snapshots} more={<Link to={`/snapshots?source=${encodeURIComponent(source.spec.name)}`}>{words.common.every}</Link>}>
        <SnapshotRows snapshots={snapshots.data.items.slice(0, 8)} />
      </Sheet>
      <Commands cli={backup(source.spec)} api={call('GET', `/sources/${id}`)} />
    </>
  );
}

function Growth({ snapshots }: { snapshots: Snapshot[] }) {
  const words = useWords();
  const lang = useLang();
  const option = useCallback(
    (colour: (name: string) => string): Option => {
      const all = [...snapshots].reverse();
      const said = (one: Snapshot) => one.document as SnapshotDocument;
      const axis = { axisLabel: { color: colour('ink-soft'), formatter: (value: number) => bytes(value) }, splitLine: { lineStyle: { color: colour('line') } } };
      return {
        xAxis: { type: 'category', data: all.map((one) => instant(Date.parse(one.started), lang).slice(5, -3)), axisLabel: { color: colour('ink-soft') }, axisLine: { lineStyle: { color: colour('line') } } },
        yAxis: [{ type: 'value', ...axis }],
        tooltip: { valueFormatter: (value) => bytes(Number(value)) },
        legend: {},
        series: [
          { type: 'line', name: words.sources.size, showSymbol: all.length < 20, itemStyle: { color: colour('info') }, data: all.map((one) => said(one).len_bytes ?? 0) },
          { type: 'bar', name: words.sources.added, barMaxWidth: 24, itemStyle: { color: colour('good') }, data: all.map((one) => said(one).stored_bytes ?? 0) },
        ],
      };
    },
    [snapshots, words, lang],
  );
  return <LazyChart label={words.sources.growth} option={option} />;
}
