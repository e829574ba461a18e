import { join } from 'node:path';
import { fleetOfRun } from '../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';
import { type FinalOutcome, finalOutcomes } from './final-outcomes.ts';
import { type JournalSurvey, surveyJournals } from './survey-journals.ts';
import { rejectedListOf, rowsOf } from './write-results.ts';

export type RunOutcomes = {
  readonly survey: JournalSurvey;
  /** In the order of the fleet, then of rounds; may be read several times. */
  readonly outcomes: () => AsyncIterable<FinalOutcome>;
  /** The missing or changed file without which rows without an outcome have no registration ID; `null` = none. */
  readonly lacking: string | null;
};

/** The outcomes of one run that count. @throws OperatorError without a usable journal */
export async function readRunOutcomes(folder: string): Promise<RunOutcomes> {
  const survey = await surveyJournals([join(folder, JOURNAL_FILE)]);
  if (survey.index.complete) return { survey, outcomes: () => finalOutcomes(survey, null), lacking: null };
  const fleet = fleetOfRun(folder);
  const rejected = await rejectedListOf([folder], survey.fleet.rejectedRows);
  const source = { folders: [folder], fleets: fleet === null ? [] : [fleet] };
  const { rows, lacking } = await rowsOf(survey, source, rejected);
  return { survey, outcomes: () => finalOutcomes(survey, rows), lacking };
}
