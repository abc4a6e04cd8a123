import { Link, useParams } from 'react-router';
import { useRepositories, useSnapshot } from '../api/queries';
import type { SnapshotDocument } from '../api/types';
import { useLang, useWords } from '../i18n';
import { quoted } from '../lib/command';
import { short, span } from '../lib/format';
import { useNames } from '../lib/names';
import { Badge } from '../parts/Badge';
import { Commands } from '../parts/Commands';
import { Counters } from '../parts/Counters';
import { Go } from '../parts/Go';
import { Empty, Facts, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { snapshotPath } from '../parts/SnapshotRows';
import { Waiting } from '../parts/Waiting';
import { When } from '../parts/When';

/** Commands that look into a snapshot and bring it back. */
function commands(id: string, location: string, kind: string, repo: string): string {
  const [name, at] = [short(id), repo ? ` --repo=${quoted(repo)}` : ''];
  const isTables = kind === 'sqlite' || kind === 'postgres' || /^(sqlite:|postgres)/.test(location);
  const target = location.startsWith('postgres') ? 'postgres://USER@HOST/NEW_DATABASE' : location.startsWith('sqlite:') ? 'sqlite:/NEW.db' : '/DIRECTORY';
  return [
    `datakeep show ${name}${at}`,
    `datakeep ls ${isTables ? '-l ' : ''}${name}${at}`,
    `datakeep diff ${name}${at}`,
    `datakeep restore ${name} --to ${target} --dry-run${at}`,
  ].join('\n');
}

/** One snapshot. */
export default function SnapshotPage() {
  const { repository = '', source = '', id = '' } = useParams();
  const words = useWords();
  const lang = useLang();
  const names = useNames();
  const repositories = useRepositories();
  const snapshot = useSnapshot(repository, source, id);
  if (snapshot.error) return <Trouble error={snapshot.error} retry={() => void snapshot.refetch()} />;
  if (snapshot.isPending) return <Waiting />;
  const up = { to: '/snapshots', text: words.snapshots.title };
  if (!snapshot.data) {
    return (
      <>
        <Head title={words.snapshots.missing} up={up} />
        <Sheet>
          <Empty title={words.snapshots.missing} text={words.snapshots.missingText} act={<Go to="/storage">{words.storage.title}</Go>} />
        </Sheet>
      </>
    );
  }
  const said = snapshot.data.document as SnapshotDocument;
  const sourceId = names.sourceId(source);
  const began = Date.parse(snapshot.data.started);
  const parent = said.parent;
  const read = said.read_bytes ?? 0;
  const share = read > 0 ? Math.max(0, 1 - (said.new_bytes ?? 0) / read) : 0;
  const location = repositories.data?.find((one) => one.id === repository)?.spec.location ?? '';
  return (
    <>
      <Head
        title={words.snapshots.title1(source)}
        up={up}
        lead={
          <span className="chips">
            {said.outcome === 'partial' ? <Badge tone="warn">{words.snapshots.partial}</Badge> : <Badge tone="good">{words.snapshots.complete}</Badge>}
            <Badge tone="rest">{words.snapshots.unproven}</Badge>
          </span>
        }
      />
      <Sheet>
        <Facts
          items={[
            [words.common.id, <span className="mono">{id}</span>],
            [words.snapshots.source, sourceId ? <Link to={`/sources/${sourceId}`}>{source}</Link> : source],
            [words.common.location, said.location ? <span className="mono">{said.location}</span> : null],
            [words.snapshots.repository, <Link to={`/storage/${repository}`}>{names.repository(repository)}</Link>],
            [words.snapshots.started, <When ms={began} />],
            [words.snapshots.took, said.finished ? span(Date.parse(said.finished) - began, lang) : null],
            [words.snapshots.mark, said.mark?.time ? <When ms={Date.parse(said.mark.time)} /> : null],
            [words.snapshots.host, said.host],
            [
              words.snapshots.parent,
              parent ? (
                <Link className="mono" to={snapshotPath({ repository, source, id: parent })}>
                  {short(parent)}
                </Link>
              ) : null,
            ],
            [words.snapshots.tags, said.tags?.join(', ')],
            [words.snapshots.writer, said.writer],
            [words.snapshots.origin, said.origin?.snapshot ? <span className="mono">{short(said.origin.snapshot)}</span> : null],
          ]}
        />
      </Sheet>
      <Sheet title={words.snapshots.counters}>
        <Counters document={snapshot.data.document as Record<string, unknown>} />
        {share > 0 && <p className="soft small">{words.snapshots.saved(`${Math.floor(share * 100)} %`)}</p>}
      </Sheet>
      <Commands title={words.snapshots.look} cli={commands(id, said.location ?? '', said.source_kind ?? '', location)} />
      <p className="soft small">
        {words.snapshots.lookNote}
      </p>
    </>
  );
}
