import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { certsCommand } from '../../../src/cli/commands/certs-command.ts';
import { checkCommand } from '../../../src/cli/commands/check-command.ts';
import { compareCommand } from '../../../src/cli/commands/compare-command.ts';
import { emulatorCommand } from '../../../src/cli/commands/emulator-command.ts';
import { fleetCommand } from '../../../src/cli/commands/fleet-command.ts';
import { buildProgram, COMMAND_NAMES } from '../../../src/cli/commands/program.ts';
import { reportCommand } from '../../../src/cli/commands/report-command.ts';
import { resumeCommand } from '../../../src/cli/commands/resume-command.ts';
import { runCommand } from '../../../src/cli/commands/run-command.ts';
import { sasCommand } from '../../../src/cli/commands/sas-command.ts';
import { scenarioCommand } from '../../../src/cli/commands/scenario-command.ts';
import { EXIT_CODE } from '../../../src/cli/host/exit-code.ts';
import { SETTING_NAMES, settingNamed, variableOf } from '../../../src/scenario/settings/settings.ts';

/** Help with everything that is added after the options. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

const run = runCommand();

const COMMANDS = [
  run,
  resumeCommand(),
  checkCommand(),
  compareCommand(),
  reportCommand(),
  emulatorCommand(),
  sasCommand(),
  ...[fleetCommand(), certsCommand(), scenarioCommand()].flatMap(({ commands }) => commands),
];
const OPTIONS = COMMANDS.flatMap((command) =>
  command.options.map((option) => [command.name(), option.long ?? '', option] as const),
);

/** The whole tree of commands, each with the name of its golden file. */
async function commandTree(): Promise<readonly (readonly [string, Command])[]> {
  const tree: [string, Command][] = [['dpsload', await buildProgram(undefined)]];
  for (const name of COMMAND_NAMES) {
    const command = (await buildProgram(name)).commands.find((child) => child.name() === name);
    if (command === undefined) return expect.fail(name);
    tree.push(
      [name, command],
      ...command.commands.map((child): [string, Command] => [`${name}-${child.name()}`, child]),
    );
  }
  return tree;
}

it.each(await commandTree())('the help of %s is worded as in its golden file', async (name, command) => {
  await expect(helpOf(command)).toMatchFileSnapshot(`golden/${name}.txt`);
});

describe('help', () => {
  it.each(OPTIONS)('of %s says what %s does', (_command, _long, option) => {
    expect(option.description).toMatch(/^\p{L}/u);
  });

  it.each(
    OPTIONS.filter(([command]) => !['compare', 'report', 'emulator'].includes(command)),
  )('of %s says what holds without %s', (_command, _long, option) => {
    if (option.defaultValue === undefined || option.negate) expect(option.description).toMatch(/\(default: .+\)$/);
  });

  it('of run names every exit code, once', () => {
    const [, codes = ''] = /Exit codes:\n([\s\S]*?)\n\n/.exec(helpOf(run)) ?? [];
    const named = [...codes.matchAll(/^ +(\d+) /gm)].map(([, code]) => Number(code));
    expect(named.toSorted((a, b) => a - b)).toEqual(Object.values(EXIT_CODE).toSorted((a, b) => a - b));
  });

  it('of run shows each setting with its default and its variable', () => {
    const text = helpOf(run).replace(/\s+/g, ' ');
    for (const name of SETTING_NAMES) {
      const { help, defaultText, flag, key } = settingNamed(name);
      expect(help).not.toBe('');
      expect(defaultText).not.toBe('');
      expect(text).toContain(`${help} (default: ${defaultText}; ${variableOf(name)}`);
      const word = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(text).toContain(flag === null ? key : `${name === 'header' ? '--no-' : '--'}${word} `);
    }
  });

  it('names no option twice, and no setting without a reason', () => {
    for (const command of COMMANDS) {
      const names = command.options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined);
      expect(new Set(names).size).toBe(names.length);
    }
    expect(SETTING_NAMES.filter((name) => settingNamed(name).reason === '')).toEqual([]);
    const keys = SETTING_NAMES.map((name) => settingNamed(name).key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('fits a terminal of 80 columns', () => {
    for (const command of COMMANDS) {
      expect(
        helpOf(command)
          .split('\n')
          .filter((line) => line.length > 80),
      ).toEqual([]);
    }
  });
});
