import { expect, it } from 'vitest';
import { serveMetrics } from '../../src/prometheus/publish-metrics.ts';

it('a scrape that fails is answered, and the next one too', async () => {
  const texts = [() => Promise.reject(new Error('no number')), () => Promise.resolve('up 1\n')];
  const server = await serveMetrics(
    { contentType: 'text/plain', text: () => texts.shift()?.() ?? Promise.resolve('') },
    0,
  );
  const failed = await fetch(server.url);
  expect([failed.status, await failed.text()]).toEqual([500, 'Error: no number\n']);
  const fine = await fetch(server.url);
  expect([fine.status, await fine.text()]).toEqual([200, 'up 1\n']);
  await server.close();
});
