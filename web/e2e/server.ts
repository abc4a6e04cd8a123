import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The program under test. */
export const PROGRAM = process.env.DATAKEEP_BIN ?? join(import.meta.dirname, '..', '..', 'target', 'debug', 'datakeep');

/** A real server that runs. */
export interface Server {
  url: string;
  /** The one-time link, while there is no user. */
  setup: string | null;
  stop: () => Promise<void>;
}

/** Starts the real program on a data folder. */
export async function serve(data: string): Promise<Server> {
  const child: ChildProcess = spawn(PROGRAM, ['--json', 'server', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const started = await new Promise<{ address: string; setup: string | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${PROGRAM} ended with ${code}: was it built with the feature console?`)));
    if (child.stdout) createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url: `http://${started.address}`, setup: started.setup, stop };
}
