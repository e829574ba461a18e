import { Command } from 'commander';
import { certsCreateCommand } from './certs-create-command.ts';
import { certsIssueCommand } from './certs-issue-command.ts';

export function certsCommand(): Command {
  return new Command('certs')
    .description(
      'Creates certificates for devices with X.509 attestation, and certificates that the service should refuse.',
    )
    .addCommand(certsCreateCommand())
    .addCommand(certsIssueCommand());
}
