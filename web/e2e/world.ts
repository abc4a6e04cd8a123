// Makes what the pages show: a real server, a real repository, sources of files and of SQLite, policies, and runs of the real
// program that succeed, lose items and fail.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAM, serve } from './server';

export const OWNER = { name: 'ann', password: 'a few plain words' };
const REPOSITORY_PASSWORD = 'the words of the repository';

/** What tests know of the world, by environment: they run in processes of their own. */
export interface World {
  url: string;
  state: string;
  repository: string;
  policy: string;
  slow: string;
  sources: Record<string, string>;
  run: string;
  failed: string;
  partial: string;
  snapshot: { repository: string; source: string; id: string };
}

/** The world that was made. */
export function world(): World {
  const text = process.env.DATAKEEP_WORLD;
  if (!text) throw new Error('there is no world: the global set-up did not run');
  return JSON.parse(text) as World;
}

function database(file: string, statements: string): void {
  execFileSync('python3', ['-c', 'import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()', file, statements]);
}

class Client {
  private cookie = '';
  private csrf = '';

  constructor(private readonly url: string) {}

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', cookie: this.cookie, 'x-csrf-token': this.csrf },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    const cookie = answer.headers.get('set-cookie');
    if (cookie) this.cookie = cookie.split(';')[0] ?? '';
    const document = text ? (JSON.parse(text) as T & { csrf?: string }) : ({} as T & { csrf?: string });
    if (document.csrf) this.csrf = document.csrf;
    return document;
  }

  async id(path: string, body: unknown): Promise<string> {
    return (await this.call<{ id: string }>('POST', path, body)).id;
  }

  /** Starts a policy and waits until its runs have ended. */
  async run(policy: string): Promise<string[]> {
    const { runs } = await this.call<{ runs: string[] }>('POST', `/policies/${policy}/runs`);
    for (const run of runs) await this.ended(run);
    return runs;
  }

  async ended(run: string): Promise<{ state: string; snapshot: string | null; source: string }> {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = await this.call<{ state: string; snapshot: string | null; source: string }>('GET', `/runs/${run}`);
      if (!['queued', 'running'].includes(found.state)) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the run ${run} does not end`);
  }

  /** Waits until nothing is queued or runs any more: retention follows behind backups. */
  async quiet(): Promise<void> {
    for (let tries = 0; tries < 300; tries += 1) {
      const [queued, running] = await Promise.all(
        ['queued', 'running'].map((state) => this.call<{ items: unknown[] }>('GET', `/runs?state=${state}`)),
      );
      if (queued?.items.length === 0 && running?.items.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('runs do not end');
  }

  get session(): string {
    return this.cookie.split('=')[1] ?? '';
  }
}

export default async function make(): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'datakeep-console-'));
  const [repo, files, big, app, secret] = ['repo', 'files', 'big', 'shop.db', 'password'].map((name) => join(home, name)) as [string, string, string, string, string];
  writeFileSync(secret, REPOSITORY_PASSWORD);
  [files, big].forEach((folder) => mkdirSync(folder));
  for (let number = 0; number < 40; number += 1) writeFileSync(join(files, `report-${number}.txt`), `report ${number}\n`.repeat(200 * (number + 1)));
  writeFileSync(join(big, 'film.bin'), randomBytes(96 << 20));
  const rows = Array.from({ length: 500 }, (_, number) => `(${number}, 'customer ${number}', ${number * 3.5})`).join(',');
  database(app, `create table orders(id integer primary key, customer text, price real); insert into orders values ${rows};`);
  execFileSync(PROGRAM, ['init', '--repo', repo, '--password-file', secret], { stdio: 'ignore' });
  const server = await serve(join(home, 'data'));
  const client = new Client(server.url);
  const token = new URL(server.setup ?? '', server.url).searchParams.get('token');
  await client.call('POST', '/setup', { token, ...OWNER });
  await client.call('POST', '/session', OWNER);
  const daily = (cron: string) => ({ cron, zone: 'Asia/Shanghai', jitter_s: 600 });
  const repository = await client.id('/repositories', {
    name: 'main',
    location: repo,
    password: `file:${secret}`,
    check: daily('0 4 * * *'),
    gc: daily('0 5 * * 0'),
  });
  const sources: Record<string, string> = {};
  const locations = { files, shop: `sqlite:${app}`, film: big, kernel: '/proc/sys/net/ipv4/route', gone: join(home, 'not-there'), archive: join(home, 'archive') };
  for (const [name, location] of Object.entries(locations)) {
    sources[name] = await client.id('/sources', { name, location, ...(name === 'files' ? { exclude: ['*.tmp'] } : {}) });
  }
  const of = (...names: string[]) => names.map((name) => sources[name]);
  const policy = await client.id('/policies', {
    name: 'gold',
    repository,
    sources: of('files', 'shop'),
    schedule: daily('0 2 * * *'),
    rpo_s: 93_600,
    retention: { last: 10, daily: 7, weekly: 5, monthly: 12 },
  });
  const nightly = await client.id('/policies', { name: 'kernel settings', repository, sources: of('kernel'), schedule: daily('30 1 * * *') });
  const late = await client.id('/policies', { name: 'moved away', repository, sources: of('gone'), rpo_s: 60, schedule: daily('15 3 * * *') });
  const slow = await client.id('/policies', { name: 'films by hand', repository, sources: of('film') });
  let runs = await client.run(policy);
  for (let round = 1; round <= 3; round += 1) {
    writeFileSync(join(files, `new-${round}.txt`), randomBytes(200_000 * round));
    database(app, `update orders set price = price + 1 where id % 10 = ${round}; insert into orders values (${1000 + round}, 'new', 1.0);`);
    runs = await client.run(policy);
  }
  const [partial] = await client.run(nightly);
  const [failed] = await client.run(late);
  for (const kind of ['catalogue', 'check']) {
    const started = await client.call<{ runs: string[] }>('POST', `/repositories/${repository}/runs`, { kind });
    for (const run of started.runs) await client.ended(run);
  }
  await client.quiet();
  await client.call('POST', '/users', { name: 'vera', role: 'viewer', password: 'another few plain words' });
  await client.call('POST', '/users', { name: 'otto', role: 'operator', password: 'another few plain words' });
  await client.call('POST', '/tokens', { name: 'gate of the scheduler', scopes: ['state.read', 'run.operate'], days: 90 });
  const ended = await Promise.all(runs.map((run) => client.ended(run)));
  const first = runs[ended.findIndex((run) => run.source === sources.files)] ?? '';
  const state = join(home, 'state.json');
  const { hostname } = new URL(server.url);
  const cookie = { name: 'datakeep_session', value: client.session, domain: hostname, path: '/', expires: -1, httpOnly: true, secure: false, sameSite: 'Strict' };
  writeFileSync(state, JSON.stringify({ cookies: [cookie], origins: [] }));
  const made: World = {
    url: server.url,
    state,
    repository,
    policy,
    slow,
    sources,
    run: first,
    failed: failed ?? '',
    partial: partial ?? '',
    snapshot: { repository, source: 'files', id: (await client.ended(first)).snapshot ?? '' },
  };
  process.env.DATAKEEP_WORLD = JSON.stringify(made);
  return async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  };
}
