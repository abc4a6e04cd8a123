import { useLang, useWords, worded } from '../i18n';
import { bytes, count, span } from '../lib/format';
import { Facts } from './Page';

/** Counters of a document, those that have a word, in its own unit. */
export function Counters({ document }: { document: Record<string, unknown> }) {
  const words = useWords();
  const lang = useLang();
  const said = (name: string, value: unknown): string => {
    if (typeof value !== 'number') return worded(words.states, String(value));
    if (name.endsWith('_bytes')) return bytes(value);
    return name.endsWith('_ms') ? span(value, lang) : count(value, lang);
  };
  const items = (Object.keys(words.counters) as (keyof typeof words.counters)[])
    .filter((name) => typeof document[name] === 'number' || typeof document[name] === 'string')
    .map((name): [string, string] => [words.counters[name], said(name, document[name])]);
  return <Facts items={items} />;
}
