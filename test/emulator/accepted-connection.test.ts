import type { TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { CONVERSATION_LIMITS_DEFAULT, KeptConversations } from '../../src/emulator/conversation/kept-conversations.ts';
import { keptConnect } from '../../src/emulator/conversation/kept-steps.ts';
import { acceptedConnection } from '../../src/emulator/server/accepted-connection.ts';

/** A connection whose device presents a chain of certificates with subjects as long as this. */
function socketWith(certificates: number, subjectCharacters: number): TLSSocket {
  const chain = (left: number): object | undefined => {
    const names = { subject: `CN=${'x'.repeat(subjectCharacters)}`, issuer: 'CN=Plant', validTo: '' };
    return left === 0 ? undefined : { ...names, issuerCertificate: chain(left - 1) };
  };
  return {
    remoteAddress: '192.0.2.7',
    servername: 'dps.test',
    getProtocol: () => 'TLSv1.2',
    getCipher: () => ({ name: 'suite' }),
    getPeerX509Certificate: () => chain(certificates),
  } as unknown as TLSSocket;
}

const connect = {
  protocol: 'MQTT 4',
  username: null,
  password: null,
  keepAliveSeconds: 0,
  cleanSession: true,
  hasWill: false,
};

it('keeps no more of a certificate than a person reads', () => {
  const socket = socketWith(1, 50_000);
  expect(JSON.stringify(acceptedConnection(socket, socket).handshake()).length).toBeLessThan(2_000);
});

it('counts the certificates of a connection among what is kept', () => {
  const socket = socketWith(10, 500);
  const bytesMax = 1_000_000;
  const conversations = new KeptConversations(
    { ...CONVERSATION_LIMITS_DEFAULT, bytesMax },
    { onStep: () => {}, onFinding: () => {}, wantsFindings: () => false },
  );
  for (let device = 0; device < 500; device += 1) {
    const kept = keptConnect({ ...connect, clientId: `dev-${device}` }, 0, 0);
    conversations.begin(acceptedConnection(socket, socket).handshake(), kept);
  }
  const all = conversations
    .summaries('', 1_000)
    .map(({ registrationId }) => conversations.conversation(registrationId));
  const certificates = all.flatMap((one) => one?.connections.flatMap((connection) => connection.certificates) ?? []);
  expect(certificates.length).toBeGreaterThan(0);
  expect(JSON.stringify(certificates).length).toBeLessThan(bytesMax);
});
