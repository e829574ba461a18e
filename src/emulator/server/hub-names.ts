/**
 * Names of hubs for the server certificate: as at the real hubs, one wildcard for all of a domain, which also covers a hub that is
 * linked later. Clients accept no wildcard right below a top-level domain.
 */
export function hubNamesInCertificate(hostNames: readonly string[]): readonly string[] {
  const names = hostNames.map((name) => {
    const domain = name.slice(name.indexOf('.') + 1);
    return domain.includes('.') ? `*.${domain}`.toLowerCase() : name.toLowerCase();
  });
  return [...new Set(names)];
}
