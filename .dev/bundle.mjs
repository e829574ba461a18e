// Puts what a process of the program loads into few files, libraries included: of 600 modules, a third of the CPU of a short run
// went into finding and reading them. Each entry keeps its place, so that the paths it builds from it stay true.
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
  // Starts threads on files of its own.
  external: ['piscina'],
  // Of libraries: a loader of WebAssembly, and polyfills.
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
