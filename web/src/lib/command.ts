import type { PolicySpec, RepositorySpec, Retention, SourceSpec } from '../api/types';

/** A word as a POSIX shell reads it back. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function line(words: string[]): string {
  return words.map(quoted).join(' ');
}

/** The call of the API that does the same. The token is the reader's own, and stays in the shell. */
export function call(method: string, path: string, body?: unknown, revision?: number): string {
  const words = ['curl', '-s'];
  if (method !== 'GET') words.push('-X', method);
  const lines = [line([...words, `${window.location.origin}/api/v1${path}`]), `-H "Authorization: Bearer $TOKEN"`];
  if (revision !== undefined) lines.push(`-H 'If-Match: "${revision}"'`);
  if (body !== undefined) {
    lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body))}`);
  }
  return lines.join(' \\\n  ');
}

/** The command that makes a snapshot of a source without the server. */
export function backup(source: SourceSpec): string {
  const words = ['datakeep', 'backup', source.location || '…', `--source=${source.name || '…'}`];
  source.exclude?.forEach((pattern) => words.push(`--exclude=${pattern}`));
  if (source.password?.startsWith('file:')) words.push(`--database-option=password-file=${source.password.slice(5)}`);
  return line(words);
}

/** The command that makes a repository. */
export function init(repository: RepositorySpec): string {
  const words = ['datakeep', 'init', `--repo=${repository.location || '…'}`];
  repository.store_options?.forEach((option) => words.push(`--store-option=${option}`));
  if (repository.password?.startsWith('file:')) words.push(`--password-file=${repository.password.slice(5)}`);
  if (repository.password?.startsWith('cmd:')) words.push(`--password-command=${repository.password.slice(4)}`);
  return line(words);
}

/** Rules of retention as flags of `datakeep forget`. */
export function keeps(retention: Partial<Retention>): string[] {
  const counts: [string, number | undefined][] = [
    ['last', retention.last],
    ['hourly', retention.hourly],
    ['daily', retention.daily],
    ['weekly', retention.weekly],
    ['monthly', retention.monthly],
    ['yearly', retention.yearly],
    ['at-least', retention.at_least],
  ];
  const flags = counts.filter(([, number]) => (number ?? 0) > 0).map(([rule, number]) => `--keep-${rule}=${number}`);
  if (retention.within) flags.push(`--keep-within=${retention.within}`);
  retention.tags?.forEach((tag) => flags.push(`--keep-tag=${tag}`));
  return flags;
}

/** The commands that do by hand what a policy does. */
export function byHand(policy: PolicySpec, sources: SourceSpec[]): string {
  const lines = sources.map(backup);
  const flags = policy.retention ? keeps(policy.retention) : [];
  if (flags.length > 0) {
    const zone = policy.schedule ? [`--time-zone=${policy.schedule.zone}`] : [];
    // Shown with --dry-run and a calendar: what it would keep is to be looked at first.
    sources.forEach((source) =>
      lines.push(line(['datakeep', 'forget', `--source=${source.name}`, ...zone, ...flags, '--calendar', '--dry-run'])),
    );
  }
  return lines.join('\n');
}
