import { it } from 'vitest';
import { chaosRound, type FAULT_KINDS } from '../support/chaos-round.ts';
import { brokenPromises, overMarked } from '../support/chaos-verdict.ts';

const FROM = Number(process.env['FROM'] ?? 1);
const COUNT = Number(process.env['COUNT'] ?? 40);
const kinds = process.env['KINDS']?.split(',') as typeof FAULT_KINDS | undefined;
it('try', async () => {
  const t = Date.now();
  let over = 0,
    maxOver = 0;
  const causes = new Map<string, number>();
  for (let seed = FROM; seed < FROM + COUNT; seed++) {
    const quota = seed % 4 === 0;
    const r = await chaosRound({
      seed,
      devices: quota ? 800 : 300,
      ratePerSecond: 15,
      sharePerMinute: quota ? 600 : null,
      concurrency: 90,
      faults: 1 + (seed % 4),
      ...(kinds ? { kinds } : {}),
    });
    const b = brokenPromises(r);
    const o = overMarked(r).length;
    over += o;
    maxOver = Math.max(maxOver, o);
    if (b.length || process.env['VERBOSE'])
      console.log(
        seed,
        r.durationMs,
        'over',
        o,
        'late',
        r.outcomesTooLate,
        r.faults,
        b.slice(0, 5),
        b.length,
        process.env['VERBOSE'] ? r.notices : '',
      );
    for (const one of b.slice(0, 1))
      causes.set(
        one.replace(/[0-9.]+/g, 'N').slice(0, 60),
        (causes.get(one.replace(/[0-9.]+/g, 'N').slice(0, 60)) ?? 0) + 1,
      );
  }
  console.log((Date.now() - t) / COUNT, 'ms a round', { over, maxOver }, causes);
}, 600000);
