// Makes src/api/schema.d.ts from the description that the real server serves; with --check only says whether it still agrees.
// The program is DATAKEEP_BIN, else target/debug/datakeep.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import openapi, { astToString } from 'openapi-typescript';

const root = join(import.meta.dirname, '..', '..');
const program = process.env.DATAKEEP_BIN ?? join(root, 'target', 'debug', 'datakeep');
const file = join(import.meta.dirname, '..', 'src', 'api', 'schema.d.ts');
const NOTE = '// Made by `npm run client` from the description that the server serves. Not to be edited.\n';

async function description() {
  const data = mkdtempSync(join(tmpdir(), 'datakeep-client-'));
  const server = spawn(program, ['--json', 'server', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const address = await new Promise((resolve, reject) => {
      server.on('error', reject);
      server.on('exit', (code) => reject(new Error(`${program} ended with ${code}: was it built with the feature server?`)));
      createInterface({ input: server.stdout }).once('line', (line) => resolve(JSON.parse(line).address));
    });
    const answer = await fetch(`http://${address}/api/v1/openapi.json`);
    return await answer.json();
  } finally {
    server.removeAllListeners('exit');
    server.kill('SIGTERM');
    rmSync(data, { recursive: true, force: true });
  }
}

const made = NOTE + astToString(await openapi(await description()));
if (!process.argv.includes('--check')) {
  writeFileSync(file, made);
} else if (readFileSync(file, 'utf8') !== made) {
  console.error('src/api/schema.d.ts is not what the server describes: run `npm run client` in web/, and look at what changed');
  process.exit(1);
} else {
  console.log('the client agrees with the server');
}
