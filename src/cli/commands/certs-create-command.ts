import { X509Certificate } from 'node:crypto';
import { Command } from 'commander';
import { keyKind } from '../../certificates/certificate.ts';
import { commonName } from '../../certificates/certificate-chain.ts';
import { pairFiles } from '../../certificates/certificate-pair.ts';
import { type Authority, type AuthorityRequest, createAuthority } from '../../certificates/create-authority.ts';
import { COMMON_NAME_CHARACTERS_MAX } from '../../dps/registration-id.ts';
import { makeOwnFolder } from '../../files/folders.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { type CertificateFlags, daysOption, keyOption, readCertificateFlags } from './certificate-options.ts';

/** Ten years, as roots of factories are. */
const DAYS_DEFAULT = 3_650;
const ROOT_FILE_NAME = 'root';

type CreateFlags = CertificateFlags & {
  readonly out: string;
  readonly rootName: string;
  readonly intermediate?: readonly string[];
};

export function certsCreateCommand(): Command {
  return new Command('create')
    .summary('make a root CA and intermediates')
    .description(
      'Makes DIR/root.pem with DIR/root.key, and for each --intermediate NAME a CA below it: DIR/NAME.pem with ' +
        'DIR/NAME.key. What is there already is kept. Upload the certificate of the root or of an intermediate to an ' +
        'enrollment group, and issue device certificates with dpsload certs issue.',
    )
    .option('-o, --out <dir>', 'folder, created for its owner alone when it is absent', 'certs')
    .option('--root-name <name>', 'common name of the root', 'dpsload root CA')
    .option('--intermediate <name>', 'file and common name of an intermediate; repeatable (default: none)', collect)
    .addOption(keyOption())
    .addOption(daysOption(DAYS_DEFAULT))
    .addHelpText('after', '\nExample:\n  dpsload certs create --intermediate line-a --intermediate line-b\n')
    .action((flags: CreateFlags, command: Command) => createAuthorities(flags, command));
}

function collect(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name];
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
      process.stderr.write(
        `warning: ${files.certificateFile} is kept as it is: ${kept}. For another one name another folder.\n`,
      );
    }
    return authority;
  };
  const root = await make(ROOT_FILE_NAME, { ...certificate, commonName: flags.rootName }, null);
  for (const name of flags.intermediate ?? []) await make(name, { ...certificate, commonName: name }, root);
}

/** What was asked for, and is not so in what is kept: certificates that were issued by it stay valid, so that it stays. */
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
    ...(isOtherName ? [`its name is ${quoteValue(name ?? '')}, not ${quoteValue(request.commonName)}`] : []),
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
      const remedy = 'Use letters, digits and . _ -, up to 64, other than "root": it names the files too';
      problems.push(problem(`--intermediate ${quoteValue(name)} cannot be used`, remedy));
    } else if (intermediate.indexOf(name) !== place) {
      problems.push(problem(`--intermediate ${quoteValue(name)} is given twice`, 'Remove one of them'));
    }
  }
  return problems;
}
