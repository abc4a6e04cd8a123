import { Button, Input } from 'antd';
import { useAudit, useVerdict } from '../api/queries';
import type { AuditRecord } from '../api/types';
import { useWords, worded } from '../i18n';
import { call } from '../lib/command';
import { Badge } from '../parts/Badge';
import { Commands } from '../parts/Commands';
import { Rows, useAddress } from '../parts/List';
import { Empty, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import { When } from '../parts/When';

/** Records of a page, as many as the server is asked for. */
const PAGE = 100;

/** The audit log, newest first. */
export default function Audit() {
  const words = useWords();
  const [address, change] = useAddress();
  const verdict = useVerdict();
  // The server lists oldest first, and a cursor is the number of the record before a page: so the newest page is counted from the end.
  const newest = Math.max(0, (verdict.data?.records ?? 0) - PAGE);
  const asked = Number(address.get('after') ?? Number.NaN);
  const after = Number.isInteger(asked) && asked >= 0 ? asked : newest;
  const audit = useAudit(String(after));
  const error = verdict.error ?? audit.error;
  if (error) return <Trouble error={error} retry={() => void Promise.all([verdict.refetch(), audit.refetch()])} />;
  if (!verdict.data || !audit.data) return <Waiting />;
  const rows = [...audit.data.items].reverse();
  const { whole, records, head, broken_at } = verdict.data;
  return (
    <>
      <Head title={words.audit.title} lead={words.audit.lead} />
      <section className={`sheet verdict tone-${whole ? 'good' : 'bad'}`}>
        <p>{whole ? words.audit.whole(records) : words.audit.broken(broken_at ?? 0)}</p>
        <label className="small soft">
          {words.audit.head}
          <Input className="mono" readOnly value={head} />
          {words.audit.headNote}
        </label>
      </section>
      {rows.length === 0 ? (
        <Sheet>
          <Empty title={words.audit.none} text={words.audit.noneText} />
        </Sheet>
      ) : (
        <Sheet flush>
          <Rows<AuditRecord>
            label={words.audit.title}
            rows={rows}
            rowKey={(record) => String(record.seq)}
            columns={[
              { title: words.audit.seq, align: 'right', render: (_, record) => <span className="number">{record.seq}</span> },
              { title: words.audit.at, render: (_, record) => <When ms={record.at_ms} /> },
              { title: words.audit.actor, render: (_, record) => record.actor },
              { title: words.audit.act, render: (_, record) => worded(words.audit.acts, record.act) },
              { title: words.audit.object, render: (_, record) => <span className="mono break">{record.object.replace('/api/v1', '')}</span> },
              {
                title: words.audit.result,
                render: (_, record) =>
                  record.result === 'ok' ? (
                    <Badge tone="good">{words.audit.ok}</Badge>
                  ) : (
                    <Badge tone="bad">{(words.problem.codes as Record<string, string[]>)[record.result]?.[0] ?? record.result}</Badge>
                  ),
              },
              { title: words.audit.hash, render: (_, record) => <span className="mono">{record.hash.slice(0, 12)}</span> },
            ]}
          />
          <div className="pager">
            <span className="soft small">{words.common.shown(rows.length)}</span>
            <Button disabled={after >= newest} onClick={() => change({ after: undefined })}>
              {words.common.first}
            </Button>
            <Button disabled={after === 0} onClick={() => change({ after: String(Math.max(0, after - PAGE)) })}>
              {words.common.next}
            </Button>
          </div>
        </Sheet>
      )}
      <Commands api={call('GET', '/audit/verdict')} />
    </>
  );
}
