import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Puts a packed twin beside each file that is worth it, so that the server packs nothing while it answers. */
function packed(): Plugin {
  return {
    name: 'packed',
    apply: 'build',
    closeBundle() {
      const dist = join(import.meta.dirname, 'dist');
      for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|svg|txt)$/.test(name)) continue;
        const bytes = readFileSync(join(dist, name));
        const small = gzipSync(bytes, { level: 9 });
        if (small.length < bytes.length * 0.9) writeFileSync(join(dist, `${name}.gz`), small);
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), packed()],
  // The server puts a fresh nonce in this place with every answer.
  html: { cspNonce: 'DATAKEEP_NONCE' },
  build: {
    target: 'es2022',
    // Pictures in a style sheet stay files: the policy of the page knows no other place.
    assetsInlineLimit: 0,
    // A preload of modules needs no helper where browsers know it.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    sourcemap: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8480' } },
  test: { include: ['src/**/*.test.ts'] },
});
