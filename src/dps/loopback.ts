const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const LOOPBACK = new RegExp(`^(?:localhost|::1|127(?:\\.${OCTET}){3})$`, 'i');

/** Whether a host name or IP address means this machine, whatever its name service says. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
