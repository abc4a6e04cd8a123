import { Select } from 'antd';
import { usePolicies, useRepositories, useRuns } from '../api/queries';
import { RUN_STATES } from '../api/types';
import { useWords } from '../i18n';
import { Go } from '../parts/Go';
import { Pager, useAddress } from '../parts/List';
import { Empty, Head, Sheet } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { RunRows } from '../parts/RunRows';
import { Waiting } from '../parts/Waiting';

/** All runs, newest first; filters and place stand in the address. */
export default function Runs() {
  const words = useWords();
  const [address, change] = useAddress();
  const [state, owner, cursor] = [address.get('state') ?? '', address.get('owner') ?? '', address.get('cursor') ?? ''];
  const [runs, policies, repositories] = [useRuns({ state, owner, cursor }), usePolicies(), useRepositories()];
  const owners = [
    { label: words.policies.title, options: (policies.data ?? []).map((one) => ({ value: one.id, label: one.spec.name })) },
    { label: words.storage.title, options: (repositories.data ?? []).map((one) => ({ value: one.id, label: one.spec.name })) },
  ];
  const isFiltered = state !== '' || owner !== '';
  return (
    <>
      <Head title={words.runs.title} lead={words.runs.lead} />
      <div className="filters">
        <Select
          aria-label={words.runs.state}
          placeholder={words.runs.state}
          allowClear
          value={state || undefined}
          onChange={(value?: string) => change({ state: value, cursor: undefined })}
          options={RUN_STATES.map((one) => ({ value: one, label: words.states[one] }))}
        />
        <Select
          aria-label={words.runs.owner}
          placeholder={words.runs.owner}
          allowClear
          showSearch={{ optionFilterProp: 'label' }}
          value={owner || undefined}
          onChange={(value?: string) => change({ owner: value, cursor: undefined })}
          options={owners}
        />
      </div>
      {runs.error ? (
        <Trouble error={runs.error} retry={() => void runs.refetch()} />
      ) : !runs.data ? (
        <Waiting />
      ) : runs.data.items.length === 0 ? (
        <Sheet>
          <Empty
            title={isFiltered ? words.runs.noneFound : words.runs.none}
            text={isFiltered ? words.runs.noneFoundText : words.runs.noneText}
            act={isFiltered ? <Go to="/runs">{words.common.every}</Go> : <Go to="/policies">{words.policies.title}</Go>}
          />
        </Sheet>
      ) : (
        <Sheet flush>
          <RunRows runs={runs.data.items} />
          <Pager shown={runs.data.items.length} next={runs.data.next} cursor={cursor} go={(to) => change({ cursor: to })} />
        </Sheet>
      )}
    </>
  );
}
