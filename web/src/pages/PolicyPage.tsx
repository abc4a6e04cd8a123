import { EditOutlined } from '@ant-design/icons';
import { Link, useNavigate, useParams } from 'react-router';
import { api, builtOn, take } from '../api/client';
import { usePolicies, useRefresh, useRuns, useSources } from '../api/queries';
import { useLang, useWords } from '../i18n';
import { byHand, call } from '../lib/command';
import { span } from '../lib/format';
import { keptInWords } from '../lib/keeps';
import { useNames } from '../lib/names';
import { Badge } from '../parts/Badge';
import { Commands } from '../parts/Commands';
import { Go } from '../parts/Go';
import { Facts, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { RemoveButton } from '../parts/RemoveButton';
import { RunNow } from '../parts/RunNow';
import { RunRows } from '../parts/RunRows';
import { SchedulePreview } from '../parts/SchedulePreview';
import { Waiting } from '../parts/Waiting';
import { useMay } from '../shell/viewer';
import Lost from './Lost';

/** One policy: what it promises, when it runs next, what became of its runs. */
export default function PolicyPage() {
  const { id = '' } = useParams();
  const words = useWords();
  const lang = useLang();
  const names = useNames();
  const go = useNavigate();
  const refresh = useRefresh();
  const [mayWrite, mayRun] = [useMay('config.write'), useMay('run.operate')];
  const [policies, sources, runs] = [usePolicies(), useSources(), useRuns({ owner: id, limit: 10 })];
  const error = policies.error ?? sources.error ?? runs.error;
  if (error) return <Trouble error={error} retry={() => void policies.refetch()} />;
  if (!policies.data || !sources.data || !runs.data) return <Waiting />;
  const policy = policies.data.find((one) => one.id === id);
  if (!policy) return <Lost />;
  const { spec } = policy;
  const remove = async () => {
    await take(api.DELETE('/api/v1/policies/{id}', { params: { path: { id }, header: builtOn(policy.revision) } }));
    await refresh('policies');
    await go('/policies');
  };
  const specs = sources.data.filter((source) => spec.sources.includes(source.id)).map((source) => source.spec);
  return (
    <>
      <Head
        title={spec.name}
        up={{ to: '/policies', text: words.policies.title }}
        lead={spec.enabled === false ? <Badge tone="rest">{words.policies.resting}</Badge> : <Badge tone="good">{words.policies.enabled}</Badge>}
        acts={
          <>
            {mayRun && <RunNow policy={id} name={spec.name} isPrimary />}
            {mayWrite && (
              <>
                <Go to={`/policies/${id}/edit`} icon={<EditOutlined />}>
                  {words.common.edit}
                </Go>
                <RemoveButton name={spec.name} api={call('DELETE', `/policies/${id}`, undefined, policy.revision)} remove={remove} />
              </>
            )}
          </>
        }
      />
      <div className="columns">
        <Sheet>
          <Facts
            items={[
              [
                words.policies.sources,
                <span className="chips">
                  {spec.sources.map((source) => (
                    <Link key={source} to={`/sources/${source}`}>
                      {names.source(source)}
                    </Link>
                  ))}
                </span>,
              ],
              [words.policies.repository, <Link to={`/storage/${spec.repository}`}>{names.repository(spec.repository)}</Link>],
              [words.policies.objective, spec.rpo_s ? span(spec.rpo_s * 1000, lang) : '–'],
              [words.policies.retention, keptInWords(words, spec.retention).join(' · ') || words.policies.keepsAll],
            ]}
          />
        </Sheet>
        <Sheet>
          {spec.schedule ? (
            <>
              <p>
                <code>{spec.schedule.cron}</code> · {spec.schedule.zone}
                {(spec.schedule.jitter_s ?? 0) > 0 && ` · ${words.overview.jitter(span((spec.schedule.jitter_s ?? 0) * 1000, lang))}`}
              </p>
              <SchedulePreview cron={spec.schedule.cron} zone={spec.schedule.zone} />
            </>
          ) : (
            <p>{words.policies.noSchedule}</p>
          )}
        </Sheet>
      </div>
      <Sheet flush title={words.policies.runs} more={<Link to={`/runs?owner=${id}`}>{words.common.every}</Link>}>
        {runs.data.items.length > 0 ? <RunRows runs={runs.data.items} /> : <p className="soft pager">{words.runs.none}</p>}
      </Sheet>
      <Commands cli={byHand(spec, specs)} api={call('POST', `/policies/${id}/runs`)} />
    </>
  );
}
