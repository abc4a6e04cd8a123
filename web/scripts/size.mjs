// Measures what a browser loads before it shows anything: the files that index.html names at once, packed, and says whether it is
// within the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KIB = 450;
const dist = join(import.meta.dirname, '..', 'dist');
const index = readFileSync(join(dist, 'index.html'), 'utf8');
const named = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1]);
const first = new Set(named);
// What the entry imports without being asked is loaded at once, too.
for (const name of first) {
  if (!name.endsWith('.js')) continue;
  const text = readFileSync(join(dist, name), 'utf8');
  const fixed = [...text.matchAll(/(?:^|[;}])\s*(?:import|export)\s*[^;"']*?["']\.\/([^"']+\.js)["']/g)].map((match) => match[1]);
  fixed.forEach((other) => first.add(`assets/${other}`));
}
const packed = (name) => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
const kib = (bytes) => (bytes / 1024).toFixed(1);
let total = packed('index.html');
for (const name of [...first].sort()) {
  total += packed(name);
  console.log(`${kib(packed(name)).padStart(8)} KiB  ${name}`);
}
const all = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(js|css|html|svg)$/.test(name));
const whole = all.reduce((sum, name) => sum + packed(name), 0);
console.log(`first load: ${kib(total)} KiB gzip of ${BUDGET_KIB}; everything: ${kib(whole)} KiB gzip in ${all.length} files`);
if (named.length === 0) throw new Error('index.html names no file: was it built?');
if (total > BUDGET_KIB * 1024) {
  console.error(`the first load is larger than ${BUDGET_KIB} KiB: split what is not shown at once`);
  process.exit(1);
}
