import type { Retention } from '../api/types';
import type { Words } from '../i18n/words';

/** What rules keep, in words; nothing where there are none. */
export function keptInWords(words: Words, retention: Retention | null | undefined): string[] {
  if (!retention) return [];
  const keep = words.policies.keep;
  const counts: [keyof typeof keep & keyof Retention, number | undefined][] = [
    ['last', retention.last],
    ['hourly', retention.hourly],
    ['daily', retention.daily],
    ['weekly', retention.weekly],
    ['monthly', retention.monthly],
    ['yearly', retention.yearly],
    ['at_least', retention.at_least],
  ];
  const said = counts.filter(([, number]) => (number ?? 0) > 0).map(([rule, number]) => (keep[rule] as (n: number) => string)(number ?? 0));
  if (retention.within) said.push(keep.within(retention.within));
  if (retention.tags?.length) said.push(keep.tags(retention.tags.join(', ')));
  return said;
}
