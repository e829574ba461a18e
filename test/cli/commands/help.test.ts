import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/cli/commands/program.ts';
import { runCommand } from '../../../src/cli/commands/run-command.ts';
import { EXIT_CODE } from '../../../src/cli/host/exit-code.ts';
import { NOT_OF_A_RUN } from '../../../src/scenario/settings/setting.ts';
import { SETTING_NAMES, settingNamed, variableOf } from '../../../src/scenario/settings/settings.ts';

/** Help with everything that is added after the options. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** The whole tree of commands, each with the name of its golden file. */
async function commandTree(): Promise<readonly (readonly [string, Command])[]> {
  const root = await buildProgram(undefined);
  const tree: [string, Command][] = [['dpsload', root]];
  for (const name of root.commands.map((child) => child.name())) {
    const command = (await buildProgram(name)).commands.find((child) => child.name() === name);
    if (command === undefined) return expect.fail(name);
    tree.push(
      [name, command],
      ...command.commands.map((child): [string, Command] => [`${name}-${child.name()}`, child]),
    );
  }
  return tree;
}

const TREE = await commandTree();
/** Those that do something themselves. */
const COMMANDS = TREE.flatMap(([, command]) => (command.commands.length === 0 ? [command] : []));
const OPTIONS = COMMANDS.flatMap((command) =>
  command.options.map((option) => [command.name(), option.long ?? '', option] as const),
);

it.each(TREE)('the help of %s is worded as in its golden file', async (name, command) => {
  await expect(helpOf(command)).toMatchFileSnapshot(`golden/${name}.txt`);
});

describe('help', () => {
  it.each(OPTIONS)('of %s says what %s does', (_command, _long, option) => {
    expect(option.description).toMatch(/^\p{L}/u);
  });

  it.each(
    OPTIONS.filter(([command]) => !['runs', 'compare', 'report', 'emulator'].includes(command)),
  )('of %s says what holds without %s', (_command, _long, option) => {
    if (option.defaultValue === undefined || option.negate) expect(option.description).toMatch(/\(default: .+\)$/);
  });

  it('of run names every exit code, once', () => {
    const [, codes = ''] = /Exit codes:\n([\s\S]*?)\n\n/.exec(helpOf(runCommand())) ?? [];
    const named = [...codes.matchAll(/^ +(\d+) /gm)].map(([, code]) => Number(code));
    expect(named.toSorted((a, b) => a - b)).toEqual(Object.values(EXIT_CODE).toSorted((a, b) => a - b));
  });

  it('of run shows each setting with its default and its variable', () => {
    const text = helpOf(runCommand()).replace(/\s+/g, ' ');
    for (const name of SETTING_NAMES) {
      const { help, defaultText, flag, key, group } = settingNamed(name);
      if (NOT_OF_A_RUN.includes(group)) continue;
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

it.each([
  ['dpsload audit', ['audit']],
  ['dpsload certs issue', ['certs', 'issue', '--no-such-option']],
])('a mistake on the command line is one of %s', async (command, args) => {
  const program = await buildProgram(args[0]);
  await expect(program.parseAsync(args, { from: 'user' })).rejects.toMatchObject({ command });
});
