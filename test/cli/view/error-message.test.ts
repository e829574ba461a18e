import { CommanderError } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCodeOfError } from '../../../src/cli/host/exit-code.ts';
import { CommandLineError, errorMessage } from '../../../src/cli/view/error-message.ts';
import { OperatorError, problem } from '../../../src/problem/operator-error.ts';
import { symmetricKeys } from '../../support/arbitraries.ts';

/** How an error ends the process. */
function errorReport(error: unknown): { readonly exitCode: number; readonly message: string } {
  return { exitCode: exitCodeOfError(error), message: errorMessage(error) };
}

describe('an error', () => {
  it.each([
    ['usage', 2],
    ['unreachable', 4],
    ['local', 1],
  ] as const)('of the operator, %s, ends with %d and its problems', (kind, exitCode) => {
    const error = new OperatorError(kind, [problem('a', 'b'), problem('c', null)]);
    expect(errorReport(error)).toEqual({ exitCode, message: 'a. b.\nc.\n' });
  });

  it('inside ends with 1, and asks for a report', () => {
    const report = errorReport(new TypeError('broken'));
    expect(report.exitCode).toBe(1);
    expect(report.message).toMatch(/^Internal error in dpsload. Please report[\s\S]*TypeError: broken[\s\S]* at /);
    expect(errorReport('text')).toMatchObject({ exitCode: 1, message: expect.stringContaining('text') });
  });

  it.each([
    ['help that was asked for', 0, 'commander.helpDisplayed', '(outputHelp)', 0, ''],
    ['version', 0, 'commander.version', '0.1.0', 0, ''],
    ['no command', 1, 'commander.help', '(outputHelp)', 2, ''],
    ['an unknown option', 1, 'commander.unknownOption', "error: unknown option '--x'", 2, "unknown option '--x'"],
    ['its value', 1, 'commander.unknownOption', "error: unknown option '--x=abc'", 2, "unknown option '--x'"],
  ])('of the command line: %s', (_, code, name, text, exitCode, shown) => {
    const { exitCode: actual, message } = errorReport(new CommanderError(code, name, text));
    expect(actual).toBe(exitCode);
    expect(message.split('\n')[0]).toBe(shown);
    if (shown !== '') expect(message).toContain('--help');
  });

  it('of the command line names the command whose help to read', () => {
    const missing = new CommanderError(1, 'commander.missingArgument', "error: missing required argument 'RUN_DIR'");
    expect(errorReport(new CommandLineError(missing, 'dpsload audit'))).toEqual({
      exitCode: 2,
      message: "missing required argument 'RUN_DIR'\nRun dpsload audit --help.\n",
    });
  });

  it('never quotes a padded key, wherever it was quoted', () => {
    const key = Buffer.alloc(32, 5).toString('base64');
    for (const error of [new OperatorError('usage', [problem(`out/${key}: is no folder`)]), new Error(key)]) {
      expect(errorReport(error).message).toContain('(not shown: it looks like a secret)');
      expect(errorReport(error).message).not.toContain(key);
    }
  });

  it('of the command line never quotes a key', () => {
    const places = ['--group-key=KEY', '-kKEY', 'KEY', '--KEY', '--x=KEY'];
    fc.assert(
      fc.property(symmetricKeys, fc.constantFrom(...places), (key, place) => {
        const text = `error: unknown option '${place.replace('KEY', () => key)}'\n(Did you mean --x?)`;
        expect(errorReport(new CommanderError(1, 'commander.unknownOption', text)).message).not.toContain(key);
      }),
    );
  });
});
