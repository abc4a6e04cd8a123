import { PlusOutlined } from '@ant-design/icons';
import { Link } from 'react-router';
import { usePolicies, useRepositories } from '../api/queries';
import type { Repository, Schedule } from '../api/types';
import { useWords } from '../i18n';
import { preview } from '../lib/cron';
import { Go } from '../parts/Go';
import { Rows } from '../parts/List';
import { Empty, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import { useNow, When } from '../parts/When';
import { useMay } from '../shell/viewer';

/** A schedule of a repository's own work, and when it comes next. */
export function Planned({ schedule }: { schedule: Schedule | null | undefined }) {
  const words = useWords();
  const now = useNow();
  if (!schedule) return <span className="soft">{words.storage.notPlanned}</span>;
  const found = preview(schedule.cron, schedule.zone, now, 1);
  const at = 'times' in found ? found.times[0] : undefined;
  return (
    <>
      <code>{schedule.cron}</code> {at !== undefined && <When ms={at} zone={schedule.zone} />}
    </>
  );
}

/** All repositories. */
export default function Storage() {
  const words = useWords();
  const mayWrite = useMay('config.write');
  const [repositories, policies] = [useRepositories(), usePolicies()];
  const error = repositories.error ?? policies.error;
  if (error) return <Trouble error={error} retry={() => void repositories.refetch()} />;
  if (!repositories.data || !policies.data) return <Waiting />;
  const using = policies.data;
  const add = mayWrite && (
    <Go to="/storage/new" primary icon={<PlusOutlined />}>
      {words.storage.add}
    </Go>
  );
  if (repositories.data.length === 0) {
    return (
      <>
        <Head title={words.storage.title} lead={words.storage.lead} />
        <Sheet>
          <Empty title={words.storage.none} text={words.storage.noneText} act={add} />
        </Sheet>
      </>
    );
  }
  return (
    <>
      <Head title={words.storage.title} lead={words.storage.lead} acts={add} />
      <Sheet flush>
        <Rows<Repository>
          label={words.storage.title}
          rows={repositories.data}
          rowKey={(one) => one.id}
          columns={[
            { title: words.common.name, render: (_, one) => <Link to={`/storage/${one.id}`}>{one.spec.name}</Link> },
            { title: words.common.location, render: (_, one) => <span className="mono break">{one.spec.location}</span> },
            {
              title: words.storage.policies,
              render: (_, one) => (
                <span className="chips">
                  {using
                    .filter((policy) => policy.spec.repository === one.id)
                    .map((policy) => (
                      <Link key={policy.id} to={`/policies/${policy.id}`}>
                        {policy.spec.name}
                      </Link>
                    ))}
                </span>
              ),
            },
            { title: words.storage.gc, render: (_, one) => <Planned schedule={one.spec.gc} /> },
            { title: words.storage.check, render: (_, one) => <Planned schedule={one.spec.check} /> },
          ]}
        />
      </Sheet>
    </>
  );
}
