import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken, isSignedWith, parseSasToken } from '../../src/dps/sas-token.ts';

// Keys, IDs and signatures of the service's public documentation.
const FACTORY_KEY = '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==';
const CONTOSO_KEY = 'oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==';
const DEVICE_KEY = '18RQk/hOPJR9EbsJlk2j8WA6vWaj/yi+oaYg7zmxfQNdOyMSu+SJ8O7TSlZhDJCYmn4rzEiVKIzNiVAWjLxrGA==';

describe('derived device keys', () => {
  it.each([
    [FACTORY_KEY, 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6', 'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc='],
    [CONTOSO_KEY, 'breakroom499-contoso-tstrsd-007', 'JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs='],
    [CONTOSO_KEY, 'mainbuilding167-contoso-hpsd-088', '6uejA9PfkQgmYylj8Zerp3kcbeVrGZ172YLa7VSnJzg='],
  ])('%s, %s', (groupKey, registrationId, deviceKey) => {
    expect(deriveDeviceKey(groupKey, registrationId)).toBe(deviceKey);
  });
});

describe('SAS signatures', () => {
  it.each([
    ['0ne00111111%2Fregistrations%2Fmy-symkey-device', '8VPprb8BiTkuVE0hBqHm%2FSVrzVpdD8VZcXugntdbhuU%3D', 1663952627],
    ['0ne00111111%2fregistrations%2fmy-symkey-device', '6GqlY2Tr8xDlSYE04oQcdEH7vznSt2LcTUobz9BmpAY%3D', 1663952627],
    ['0ne00111111/registrations/my-symkey-device', 'nywv584Rsikp8eagkd4XnrDkLPXMGakB0DWzqcS0hPQ%3D', 1663952627],
    [
      'MyExampleHub.azure-devices.net%2Fdevices%2Fmy-symkey-device',
      'f%2BwW8XOKeJOtiPc9Iwjc4OpExvPM7NlhM9qxN2a1aAM%3D',
      1663119026,
    ],
  ])('sr=%s', (resourceRaw, signature, expiry) => {
    const token = parseSasToken(`SharedAccessSignature sr=${resourceRaw}&sig=${signature}&se=${expiry}`);
    expect(token).not.toBeNull();
    expect(token && isSignedWith(token, DEVICE_KEY)).toBe(true);
    expect(token && isSignedWith({ ...token, expiryEpochSeconds: expiry + 1 }, DEVICE_KEY)).toBe(false);
    expect(token && isSignedWith(token, CONTOSO_KEY)).toBe(false);
  });

  it('derives and signs', () => {
    const registrationId = 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6';
    const deviceKey = deriveDeviceKey(FACTORY_KEY, registrationId);
    expect(buildSasToken('0ne00111111', registrationId, deviceKey, 1700000000)).toBe(
      'SharedAccessSignature sr=0ne00111111%2Fregistrations%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6&sig=2srIk05%2FHc3kiyY2AcAwJosiRYk6C6jOscAYhKLO2L8%3D&se=1700000000&skn=registration',
    );
  });
});
