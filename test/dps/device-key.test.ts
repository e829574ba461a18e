import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSecret } from '../../src/dps/device-key.ts';

describe('a secret', () => {
  it.each([
    ['a padded key', randomBytes(32).toString('base64')],
    ['a longer key without padding', 'qL3vXo8TtUuW0dR5kz7hYpJmN2bCfG4eSiA1xVwB6yQ9ZnDaEoHrKsMgPjTlFcUI'],
    ['a connection string', 'HostName=hub.azure-devices.net;SharedAccessKey=abc'],
    ['a token', 'SharedAccessSignature sr=hub&sig=x&se=1'],
    ['a private key', '-----BEGIN PRIVATE KEY-----'],
  ])('is %s', (_, text) => {
    expect(isSecret(text)).toBe(true);
  });

  it.each([
    ['a name', 'fleet.csv'],
    ['a long path of letters and slashes', '/home/user/provisioning/manufacturing/batches/november/results/first'],
    ['a long path with digits', '/home/user/provisioning/manufacturing/batches/line7/results/batch012'],
  ])('is not %s', (_, text) => {
    expect(isSecret(text)).toBe(false);
  });
});
