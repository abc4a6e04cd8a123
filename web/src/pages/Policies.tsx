import { PlusOutlined } from '@ant-design/icons';
import { Link } from 'react-router';
import { usePolicies } from '../api/queries';
import type { Policy } from '../api/types';
import { useLang, useWords } from '../i18n';
import { preview } from '../lib/cron';
import { span } from '../lib/format';
import { keptInWords } from '../lib/keeps';
import { useNames } from '../lib/names';
import { Badge } from '../parts/Badge';
import { Go } from '../parts/Go';
import { Rows } from '../parts/List';
import { Empty, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { RunNow } from '../parts/RunNow';
import { Waiting } from '../parts/Waiting';
import { useNow, When } from '../parts/When';
import { useMay } from '../shell/viewer';

/** When a policy runs next by itself; nothing where it does not. */
export function NextRun({ policy }: { policy: Policy }) {
  const words = useWords();
  const now = useNow();
  const schedule = policy.spec.schedule;
  if (policy.spec.enabled === false) return <Badge tone="rest">{words.policies.resting}</Badge>;
  if (!schedule) return <span className="soft">{words.policies.noSchedule}</span>;
  const found = preview(schedule.cron, schedule.zone, now, 1);
  const at = 'times' in found ? found.times[0] : undefined;
  return at === undefined ? <span className="soft">{words.common.none}</span> : <When ms={at} zone={schedule.zone} />;
}

/** All policies. */
export default function Policies() {
  const words = useWords();
  const lang = useLang();
  const names = useNames();
  const [mayWrite, mayRun] = [useMay('config.write'), useMay('run.operate')];
  const policies = usePolicies();
  if (policies.error) return <Trouble error={policies.error} retry={() => void policies.refetch()} />;
  if (!policies.data) return <Waiting />;
  const add = mayWrite && (
    <Go to="/policies/new" primary icon={<PlusOutlined />}>
      {words.policies.add}
    </Go>
  );
  if (policies.data.length === 0) {
    return (
      <>
        <Head title={words.policies.title} lead={words.policies.lead} />
        <Sheet>
          <Empty title={words.policies.none} text={words.policies.noneText} act={add} />
        </Sheet>
      </>
    );
  }
  return (
    <>
      <Head title={words.policies.title} lead={words.policies.lead} acts={add} />
      <Sheet flush>
        <Rows<Policy>
          label={words.policies.title}
          rows={policies.data}
          rowKey={(policy) => policy.id}
          columns={[
            { title: words.common.name, render: (_, policy) => <Link to={`/policies/${policy.id}`}>{policy.spec.name}</Link> },
            {
              title: words.policies.sources,
              render: (_, policy) => (
                <span className="chips">
                  {policy.spec.sources.map((id) => (
                    <Link key={id} to={`/sources/${id}`}>
                      {names.source(id)}
                    </Link>
                  ))}
                </span>
              ),
            },
            { title: words.policies.repository, render: (_, policy) => <Link to={`/storage/${policy.spec.repository}`}>{names.repository(policy.spec.repository)}</Link> },
            {
              title: words.policies.schedule,
              render: (_, { spec }) =>
                spec.schedule ? (
                  <>
                    <code>{spec.schedule.cron}</code> <span className="soft small">{spec.schedule.zone}</span>
                  </>
                ) : (
                  <span className="soft">{words.policies.noSchedule}</span>
                ),
            },
            { title: words.policies.next, render: (_, policy) => <NextRun policy={policy} /> },
            { title: words.policies.objective, render: (_, { spec }) => (spec.rpo_s ? span(spec.rpo_s * 1000, lang) : <span className="soft">–</span>) },
            { title: words.policies.retention, render: (_, { spec }) => <span className="small">{keptInWords(words, spec.retention).join(' · ') || words.policies.keepsAll}</span> },
            ...(mayRun ? [{ title: words.common.actions, render: (_: unknown, policy: Policy) => <RunNow policy={policy.id} name={policy.spec.name} /> }] : []),
          ]}
        />
      </Sheet>
    </>
  );
}
