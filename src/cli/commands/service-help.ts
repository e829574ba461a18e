import { SERVICE_CONNECTION_VARIABLE } from '../../scenario/scenario.ts';

/** What the help of a command says of its connection string. @param needs the permissions, in lines of at most 80 columns */
export function connectionHelp(needs: string): string {
  return `Connection string:
  From the environment variable ${SERVICE_CONNECTION_VARIABLE}, or from a file
  (--service-connection-file); never on the command line itself.
${needs}`;
}
