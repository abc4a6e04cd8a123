import { Select } from 'antd';
import { useSnapshots, useSources } from '../api/queries';
import { useWords } from '../i18n';
import { Go } from '../parts/Go';
import { Pager, useAddress } from '../parts/List';
import { Empty, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { SnapshotRows } from '../parts/SnapshotRows';
import { Waiting } from '../parts/Waiting';

/** All snapshots of the catalogue, newest first. */
export default function Snapshots() {
  const words = useWords();
  const [address, change] = useAddress();
  const [source, cursor] = [address.get('source') ?? '', address.get('cursor') ?? ''];
  const [snapshots, sources] = [useSnapshots({ source, cursor }), useSources()];
  return (
    <>
      <Head title={words.snapshots.title} lead={words.snapshots.lead} />
      <div className="filters">
        <Select
          aria-label={words.snapshots.source}
          placeholder={words.snapshots.source}
          allowClear
          showSearch
          value={source || undefined}
          onChange={(value?: string) => change({ source: value, cursor: undefined })}
          options={(sources.data ?? []).map((one) => ({ value: one.spec.name, label: one.spec.name }))}
        />
      </div>
      {snapshots.error ? (
        <Trouble error={snapshots.error} retry={() => void snapshots.refetch()} />
      ) : !snapshots.data ? (
        <Waiting />
      ) : snapshots.data.items.length === 0 ? (
        <Sheet>
          <Empty title={words.snapshots.none} text={words.snapshots.noneText} act={<Go to="/storage">{words.storage.title}</Go>} />
        </Sheet>
      ) : (
        <Sheet flush>
          <SnapshotRows snapshots={snapshots.data.items} withSource />
          <Pager shown={snapshots.data.items.length} next={snapshots.data.next} cursor={cursor} go={(to) => change({ cursor: to })} />
        </Sheet>
      )}
    </>
  );
}
