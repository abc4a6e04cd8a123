import { usePolicies, useRepositories, useSources } from '../api/queries';
import { short } from './format';

/** Names of things by their ids; one that is not there any more is told by the start of its id. */
export function useNames() {
  const [repositories, sources, policies] = [useRepositories(), useSources(), usePolicies()];
  const repository = (id: string) => repositories.data?.find((one) => one.id === id);
  const source = (id: string) => sources.data?.find((one) => one.id === id);
  const policy = (id: string) => policies.data?.find((one) => one.id === id);
  return {
    repository: (id: string) => repository(id)?.spec.name ?? short(id),
    source: (id: string) => source(id)?.spec.name ?? short(id),
    policy: (id: string) => policy(id)?.spec.name ?? short(id),
    /** The owner of a run: a policy, or a repository for its own work. */
    owner: (id: string) => policy(id)?.spec.name ?? repository(id)?.spec.name ?? short(id),
    ownerPath: (id: string) => (policy(id) ? `/policies/${id}` : repository(id) ? `/storage/${id}` : null),
    sourceId: (name: string) => sources.data?.find((one) => one.spec.name === name)?.id,
  };
}
