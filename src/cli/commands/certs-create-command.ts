import { X509Certificate } from 'node:crypto';
import { Command } from 'commander';
import { commonName } from '../../certificates/certificate-chain.ts';
import { pairFiles } from '../../certificates/certificate-pair.ts';
import { type Authority, type AuthorityRequest, createAuthority } from '../../certificates/create-authority.ts';
import { keyKind } from '../../certificates/key-algorithm.ts';
import { COMMON_NAME_CHARACTERS_MAX } from '../../dps/registration-id.ts';
import { makeOwnFolder } from '../../files/folders.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { warningLines } from '../view/terminal-line.ts';
import { appendValue, type CertificateFlags, certificateOptions, readCertificateFlags } from './options.ts';

/** Ten years, as is usual for the roots of factories. */
const AUTHORITY_DAYS_DEFAULT = 3_650;
const ROOT_FILE_NAME = 'root';

type CreateFlags = CertificateFlags & {
  readonly out: string;
  readonly rootName: string;
  readonly intermediate?: readonly string[];
};

export function certsCreateCommand(): Command {
  const command = new Command('create')
    .summary('Create a root CA and intermediates')
    .description(
      'Creates DIR/root.pem with DIR/root.key, and for each --intermediate NAME a CA signed by the root: DIR/NAME.pem ' +
        'with DIR/NAME.key. Existing files are kept. Upload the certificate of the root or of an intermediate to an ' +
        'enrollment group, and issue device certificates with dpsload certs issue.',
    )
    .option('-o, --out <dir>', 'folder; created with access for its owner only', 'certs')
    .option('--root-name <name>', 'common name of the root', 'dpsload root CA')
    .option(
      '--intermediate <name>',
      'file and common name of an intermediate; repeatable (default: none)',
      appendValue,
    );
  for (const option of certificateOptions(AUTHORITY_DAYS_DEFAULT)) command.addOption(option);
  return command
    .addHelpText('after', '\nExample:\n  dpsload certs create --intermediate line-a --intermediate line-b\n')
    .action((flags: CreateFlags) => createAuthorities(flags, command));
}

async function createAuthorities(flags: CreateFlags, command: Command): Promise<void> {
  const problems: Problem[] = [];
  const certificate = readCertificateFlags(flags, problems);
  problems.push(...nameProblems(flags));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  makeOwnFolder(flags.out);
  const nowMs = systemClock(hrtimeMs()).epochMs();
  const make = async (fileName: string, request: AuthorityRequest, issuer: Authority | null): Promise<Authority> => {
    const files = pairFiles(flags.out, fileName);
    const authority = await createAuthority(files, request, issuer, nowMs);
    process.stdout.write(`${authority.result} ${files.certificateFile} ${files.keyFile}\n`);
    for (const kept of keptOtherwise(authority, request, (name) => command.getOptionValueSource(name) === 'cli')) {
      const warning = `${files.certificateFile} is kept as it is: ${kept}. To create a different CA, choose another folder.`;
      process.stderr.write(warningLines([warning], process.stderr));
    }
    return authority;
  };
  const root = await make(ROOT_FILE_NAME, { ...certificate, commonName: flags.rootName }, null);
  for (const name of flags.intermediate ?? []) await make(name, { ...certificate, commonName: name }, root);
}

/** How a kept CA differs from the request. It is kept because the certificates it has issued must stay valid. */
function keptOtherwise(
  { result, certificatePem }: Authority,
  request: AuthorityRequest,
  isGiven: (option: 'key' | 'rootName') => boolean,
): readonly string[] {
  if (result !== 'kept') return [];
  const certificate = new X509Certificate(certificatePem);
  const name = commonName(certificate);
  const kind = keyKind(certificate.publicKey);
  const isOtherName = isGiven('rootName') && name !== request.commonName;
  const isOtherKey = isGiven('key') && kind !== request.keyAlgorithm;
  return [
    ...(isOtherName ? [`its common name is ${quoteValue(name ?? '')}, not ${quoteValue(request.commonName)}`] : []),
    ...(isOtherKey ? [`its key is ${kind}, not ${request.keyAlgorithm}`] : []),
  ];
}

function nameProblems({ rootName, intermediate = [] }: CreateFlags): readonly Problem[] {
  const problems: Problem[] = [];
  if (rootName === '' || rootName.length > COMMON_NAME_CHARACTERS_MAX) {
    problems.push(problem(`--root-name has ${rootName.length} characters`, `Give 1 to ${COMMON_NAME_CHARACTERS_MAX}`));
  }
  for (const [place, name] of intermediate.entries()) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) || name === ROOT_FILE_NAME) {
      const remedy = 'Use up to 64 letters, digits and . _ -, but not "root": the name is also that of the files';
      problems.push(problem(`--intermediate ${quoteValue(name)} is not allowed`, remedy));
    } else if (intermediate.indexOf(name) !== place) {
      problems.push(problem(`--intermediate ${quoteValue(name)} is given twice`, 'Remove one of them'));
    }
  }
  return problems;
}
