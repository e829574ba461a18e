// npm run bench quota: how long 10,000 registrations take within 1000 a minute, in virtual time, for each way in which a
// service may count; alone, and while somebody else takes half of the quota.
import { COUNTINGS, QUOTA_PER_MINUTE, quotaRun } from '../support/quota-scenarios.ts';
import { simulateSession } from '../support/simulated-session.ts';

const SHARES = [0.75, 0.9];
const REGISTRATIONS = 10_000;
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

console.log(
  '| counted by | share | from elsewhere | minutes | over the ideal time | throttled requests | of the others |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const algorithm of COUNTINGS) {
  for (const share of SHARES) {
    for (const foreignPerMinute of [0, QUOTA_PER_MINUTE / 2]) {
      const result = await simulateSession(quotaRun(algorithm, share, { foreignPerMinute }));
      const minutes = result.durationMs / 60_000;
      const idealMinutes = REGISTRATIONS / (QUOTA_PER_MINUTE - foreignPerMinute);
      const foreign = foreignPerMinute * minutes;
      const cells = [
        algorithm,
        percent(share),
        `${foreignPerMinute}/min`,
        minutes.toFixed(2),
        percent(minutes / idealMinutes - 1),
        percent(result.throttled / result.requests),
        foreign === 0 ? '–' : percent(result.foreignThrottled / foreign),
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
  }
}
