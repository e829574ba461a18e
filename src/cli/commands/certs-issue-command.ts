import { X509Certificate } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { loadIssuer } from '../../attestation/certificate-issuer.ts';
import { type IssuedCounts, issueFleetCertificates } from '../../attestation/issue-fleet-certificates.ts';
import { createCertificate, type KeyedCertificate } from '../../certificates/certificate.ts';
import { commonName } from '../../certificates/certificate-chain.ts';
import { DeviceBatch, type DeviceBatchSettings } from '../../certificates/device-batch.ts';
import { validityOf } from '../../certificates/validity.ts';
import { makeOwnFolder } from '../../files/folders.ts';
import type { FleetFile } from '../../fleet/fleet-file.ts';
import { surveyFleet } from '../../fleet/survey-fleet.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import { choice } from '../../scenario/notation/notation.ts';
import { gatherSetting } from '../../scenario/read/gather-settings.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { variableOf } from '../../scenario/settings/settings.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { type CertificateFlags, daysOption, keyOption, readCertificateFlags } from './certificate-options.ts';
import { givenFlags, settingOption } from './setting-option.ts';

const DAYS_DEFAULT = 365;

/** Rows between two lines of progress. */
const PROGRESS_ROWS = 1_000;

const DEFECT = choice(['expired', 'not-yet-valid', 'wrong-ca']);
type Defect = 'expired' | 'not-yet-valid' | 'wrong-ca';

type IssueFlags = CertificateFlags & {
  readonly out: string;
  readonly csv?: string;
  readonly defect?: string;
  readonly quiet?: true;
};

export function certsIssueCommand(): Command {
  const command = new Command('issue')
    .summary('make a certificate and a key for each device of a fleet CSV')
    .description(
      'Makes DIR/ID.pem (certificate, then intermediates) and DIR/ID.key for each row of a fleet CSV, and a CSV with the ' +
        'columns cert_file and key_file for dpsload run --attestation x509. Started again after an interruption, it keeps ' +
        'what is there and valid; what was made with another --key, --days, --defect or issuer, or has expired, is replaced, ' +
        'and counted.',
    )
    .argument('<FLEET.csv>', 'one row for each device, with a column registration_id');
  for (const name of ['issuerCertFile', 'issuerKeyFile'] as const) {
    const source = `(default: none, it must be given; ${variableOf(name)})`;
    command.addOption(settingOption(name, source).helpGroup('Options:'));
  }
  for (const name of ['delimiter', 'header', 'map'] as const) {
    command.addOption(settingOption(name).helpGroup('Options:'));
  }
  return command
    .option('-o, --out <dir>', 'folder, created for its owner alone when it is absent', 'certs')
    .option('--csv <file>', 'the new CSV (default: the name of FLEET.csv, in DIR)')
    .addOption(keyOption())
    .addOption(daysOption(DAYS_DEFAULT))
    .option(
      '--defect <kind>',
      `make certificates that the service refuses, for tests: ${DEFECT.placeholder} (default: none)`,
    )
    .option('--quiet', 'no progress on stderr (default: no)')
    .addHelpText(
      'after',
      '\nExample:\n  dpsload certs issue fleet.csv -o line-a \\\n    --issuer-cert-file certs/line-a.pem --issuer-key-file certs/line-a.key\n',
    )
    .action((fleet: string, flags: IssueFlags) => issueFleet(command, fleet, flags, process.env));
}

type IssueInput = {
  readonly fleet: FleetFile;
  readonly issuerCertFile: string;
  readonly issuerKeyFile: string;
  readonly csvFile: string;
  readonly defect: Defect | null;
  readonly settings: DeviceBatchSettings;
};

async function issueFleet(command: Command, file: string, flags: IssueFlags, environment: Environment): Promise<void> {
  const { fleet, issuerCertFile, issuerKeyFile, csvFile, defect, settings } = checkedInput(
    command,
    file,
    flags,
    environment,
  );
  const issuer = await loadIssuer(issuerCertFile, issuerKeyFile);
  const { rows } = await surveyFleet(fleet, { keys: 'certificates', files: null });
  const clock = systemClock(hrtimeMs());
  makeOwnFolder(settings.folder);
  // It appears when all certificates are there.
  makeOwnFolder(dirname(csvFile));
  const signer = defect === 'wrong-ca' ? await namesake(issuer, settings, clock.epochMs()) : issuer;
  const batch = await DeviceBatch.open(settings, signer);
  const onProgress = flags.quiet ? () => {} : progressLines(rows);
  const counts = await issueFleetCertificates({ fleet, batch, csvFile, clock, onProgress });
  process.stdout.write(`${describeCounts(counts)} for ${formatNoun(rows, 'device')}: ${csvFile}\n`);
}

function checkedInput(command: Command, file: string, flags: IssueFlags, environment: Environment): IssueInput {
  const problems: Problem[] = [];
  const given = givenFlags(command);
  const gather = <Name extends Parameters<typeof gatherSetting>[0]>(name: Name) =>
    gatherSetting(name, given, environment, undefined, problems).value;
  const { keyAlgorithm, days } = readCertificateFlags(flags, problems);
  const [issuerCertFile, issuerKeyFile] = [gather('issuerCertFile'), gather('issuerKeyFile')];
  if (issuerCertFile === null || issuerKeyFile === null) {
    problems.push(problem('no issuer is named', 'Give --issuer-cert-file FILE and --issuer-key-file FILE'));
  }
  const defect = flags.defect === undefined ? { value: null } : DEFECT.read(flags.defect);
  if ('problem' in defect) {
    problems.push(problem(`--defect ${quoteValue(flags.defect ?? '')} ${defect.problem}`, DEFECT.remedy));
  }
  const csvFile = flags.csv ?? join(flags.out, basename(file));
  if (resolve(csvFile) === resolve(file))
    problems.push(problem('the new CSV is the old one', 'Give --csv another file'));
  const fleet = {
    file,
    delimiter: gather('delimiter') ?? ',',
    header: gather('header') ?? true,
    columns: gather('map') ?? {},
  };
  if (problems.length > 0 || issuerCertFile === null || issuerKeyFile === null || 'problem' in defect) {
    throw new OperatorError('usage', problems);
  }
  const validity = defect.value === null || defect.value === 'wrong-ca' ? 'current' : defect.value;
  const settings = { folder: flags.out, keyAlgorithm, validity, days } as const;
  return { fleet, issuerCertFile, issuerKeyFile, csvFile, defect: defect.value, settings };
}

/** Another CA of the same name, whose key is kept nowhere. */
function namesake(
  { certificatePem }: KeyedCertificate,
  { keyAlgorithm, days }: DeviceBatchSettings,
  nowMs: number,
): Promise<KeyedCertificate> {
  const name = commonName(new X509Certificate(certificatePem)) ?? 'wrong CA';
  const validity = validityOf('current', days, nowMs);
  return createCertificate({ kind: 'authority', commonName: name, keyAlgorithm, ...validity }, null);
}

function progressLines(rows: number): (counts: IssuedCounts) => void {
  let next = PROGRESS_ROWS;
  return (counts) => {
    const done = counts.issued + counts.kept + counts.replaced;
    if (done < next) return;
    next = done + PROGRESS_ROWS;
    process.stderr.write(`${done} of ${rows} devices\n`);
  };
}

function describeCounts({ issued, kept, replaced }: IssuedCounts): string {
  return [
    `${formatNoun(issued, 'certificate')} issued`,
    ...(replaced === 0 ? [] : [`${formatCount(replaced)} replaced with their keys`]),
    ...(kept === 0 ? [] : [`${formatCount(kept)} kept`]),
  ].join(', ');
}
