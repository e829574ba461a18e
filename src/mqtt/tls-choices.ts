export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** How TLS is spoken, beyond host, port and roots. */
export type TlsChoices = {
  /** `true`: the given roots stand instead of the system's; `false`: beside them. */
  readonly caOnly: boolean;
  readonly versionMin: TlsVersion;
  readonly versionMax: TlsVersion;
  /** Sent as SNI, and the name that the certificate must bear; `null` = the host. */
  readonly serverName: string | null;
  /** Source addresses, used in turn: each has local ports of its own. Empty = the system chooses. */
  readonly localAddresses: readonly string[];
};

export const TLS_CHOICES_DEFAULT: TlsChoices = Object.freeze({
  caOnly: false,
  // The only version that the service's documentation promises; older ones are dead.
  versionMin: 'TLSv1.2',
  versionMax: 'TLSv1.3',
  serverName: null,
  localAddresses: [],
});
