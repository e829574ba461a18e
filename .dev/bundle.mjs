// Bundles each entry of the program, libraries included: finding and reading 600 modules took a third of the CPU of a short run.
// Entries stay where they are, because they build paths from their own location.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const ENTRIES = ['cli/main', 'worker/registration-worker'];

const bundle = await rolldown({
  cwd: root,
  platform: 'node',
  input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(dist, `${entry}.js`)])),
  // Piscina starts threads from its own files, and only runs on agents need Redis.
  external: ['piscina', 'bullmq', 'ioredis'],
  // Libraries use eval to load WebAssembly and in polyfills.
  checks: { eval: false },
});
await bundle.write({ dir: dist, entryFileNames: '[name].js', chunkFileNames: 'cli/chunk-[name]-[hash].js' });
await bundle.close();

// The script of report.html: classic, and of one piece. uPlot stands before it in the page, as a global.
const page = await rolldown({
  cwd: root,
  platform: 'browser',
  input: join(root, 'src', 'report', 'page', 'draw-plots.ts'),
});
await page.write({ file: join(dist, 'report', 'page', 'draw-plots.js'), format: 'iife' });
await page.close();
