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
import { formatCount, formatNoun } from '../../report/format.ts';
import { choice } from '../../scenario/notation/notation.ts';
import { gatherSetting } from '../../scenario/read/gather-settings.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { variableOf } from '../../scenario/settings/settings.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import {
  type CertificateFlags,
  certificateOptions,
  givenFlags,
  quietOption,
  readCertificateFlags,
  readFlag,
  settingOption,
} from './options.ts';

const DEVICE_DAYS_DEFAULT = 365;

/** Devices between two lines of progress. */
const PROGRESS_ROWS = 1_000;

const DEFECTS = ['expired', 'not-yet-valid', 'wrong-ca'] as const;
const DEFECT = choice(DEFECTS);

type IssueFlags = CertificateFlags & {
  readonly out: string;
  readonly csv?: string;
  readonly defect?: string;
  readonly quiet?: true;
};

export function certsIssueCommand(): Command {
  const command = new Command('issue')
    .summary('Create a certificate and a key for each device of a fleet CSV')
    .description(
      'Creates DIR/ID.pem (certificate, then intermediates) and DIR/ID.key for each row of a fleet CSV, and a CSV with ' +
        'the columns cert_file and key_file for dpsload run --attestation x509. When restarted after an interruption, it ' +
        'keeps valid files, and replaces and counts those that have expired or were created with another --key, --days, ' +
        '--defect or issuer.',
    )
    .argument('<FLEET.csv>', 'one row per device, with a column registration_id');
  for (const name of ['issuerCertFile', 'issuerKeyFile'] as const) {
    const source = `(default: none; required; ${variableOf(name)})`;
    command.addOption(settingOption(name, source).helpGroup('Options:'));
  }
  for (const name of ['delimiter', 'header', 'map'] as const) {
    command.addOption(settingOption(name).helpGroup('Options:'));
  }
  for (const option of certificateOptions(DEVICE_DAYS_DEFAULT)) command.addOption(option);
  return command
    .option('-o, --out <dir>', 'folder; created with access for its owner only', 'certs')
    .option('--csv <file>', 'CSV to write (default: the name of FLEET.csv, in DIR)')
    .option(
      '--defect <kind>',
      `create certificates that the service should refuse: ${DEFECT.placeholder} (default: none)`,
    )
    .addOption(quietOption())
    .addHelpText(
      'after',
      '\nExample:\n  dpsload certs issue fleet.csv -o line-a \\\n    --issuer-cert-file certs/line-a.pem --issuer-key-file certs/line-a.key\n',
    )
    .action((fleet: string, flags: IssueFlags) => issueFleet(command, fleet, flags, process.env));
}

async function issueFleet(command: Command, file: string, flags: IssueFlags, environment: Environment): Promise<void> {
  const { fleet, issuerFiles, csvFile, defect, settings } = readInput(command, file, flags, environment);
  const issuer = await loadIssuer(...issuerFiles);
  const { rows } = await surveyFleet(fleet, { keys: 'certificates', files: null });
  const clock = systemClock(hrtimeMs());
  makeOwnFolder(settings.folder);
  makeOwnFolder(dirname(csvFile));
  const signer = defect === 'wrong-ca' ? await namesake(issuer, settings, clock.epochMs()) : issuer;
  const batch = await DeviceBatch.open(settings, signer);
  const onProgress = flags.quiet ? () => {} : progressLines(rows);
  const counts = await issueFleetCertificates({ fleet, batch, csvFile, clock, onProgress });
  process.stdout.write(`${describeCounts(counts)} for ${formatNoun(rows, 'device')}: ${csvFile}\n`);
}

function readInput(command: Command, file: string, flags: IssueFlags, environment: Environment) {
  const problems: Problem[] = [];
  const given = givenFlags(command);
  const gather = <Name extends Parameters<typeof gatherSetting>[0]>(name: Name) =>
    gatherSetting(name, { flags: given, environment }, problems).value;
  const { keyAlgorithm, days } = readCertificateFlags(flags, problems);
  const [issuerCertFile, issuerKeyFile] = [gather('issuerCertFile'), gather('issuerKeyFile')];
  if (issuerCertFile === null || issuerKeyFile === null) {
    problems.push(problem('no issuer given', 'Give --issuer-cert-file FILE and --issuer-key-file FILE'));
  }
  const defect = readFlag('--defect', flags.defect, DEFECT, problems);
  const csvFile = flags.csv ?? join(flags.out, basename(file));
  if (resolve(csvFile) === resolve(file))
    problems.push(problem('the new CSV would overwrite the fleet CSV', 'Name another file with --csv'));
  const fleet: FleetFile = {
    file,
    delimiter: gather('delimiter'),
    header: gather('header') ?? true,
    columns: gather('map') ?? {},
  };
  if (problems.length > 0 || issuerCertFile === null || issuerKeyFile === null) {
    throw new OperatorError('usage', problems);
  }
  const validity: DeviceBatchSettings['validity'] = defect === null || defect === 'wrong-ca' ? 'current' : defect;
  const settings: DeviceBatchSettings = { folder: flags.out, keyAlgorithm, validity, days };
  const issuerFiles = [issuerCertFile, issuerKeyFile] as const;
  return { fleet, issuerFiles, csvFile, defect, settings };
}

/** A different CA with the name of the issuer; its key is not saved. */
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
    process.stderr.write(`${formatCount(done)} of ${formatNoun(rows, 'device')}\n`);
  };
}

function describeCounts({ issued, kept, replaced }: IssuedCounts): string {
  return [
    `${formatNoun(issued, 'certificate')} issued`,
    ...(replaced === 0 ? [] : [`${formatCount(replaced)} replaced with their keys`]),
    ...(kept === 0 ? [] : [`${formatCount(kept)} kept`]),
  ].join(', ');
}
