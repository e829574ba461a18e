import { Command } from 'commander';
import { certsCreateCommand } from './certs-create-command.ts';
import { certsIssueCommand } from './certs-issue-command.ts';

export function certsCommand(): Command {
  return new Command('certs')
    .description('Makes certificates for devices that prove their identity with X.509, and for tests of their refusal.')
    .addCommand(certsCreateCommand())
    .addCommand(certsIssueCommand());
}
