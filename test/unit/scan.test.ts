import { expect, it } from 'vitest';
import { mintPassword } from '../../src/rotation/mint.ts';
import { guisesOf } from '../support/leaks.ts';
import { searchEverything } from '../support/scan/search.ts';

const SECRET = 'p:y/x+nothing-else-is-so-4713==';
const VALUE = JSON.stringify({ user: 'app', password: SECRET });
const transcript = (wrote: Readonly<Record<string, string>>, value = VALUE) => ({
  secrets: [['a value of the vault', value]] as const,
  wrote,
});

it('the search after a run finds nothing in what is clean, and says what it searched', () => {
  const { findings, summary } = searchEverything([transcript({ 'output of the app': 'logged in as app' })], {
    'output of the run': 'passed',
  });
  expect(findings).toEqual([]);
  expect(summary).toContain('searched 1 sandboxes for 2 secrets, 0 found: output of the app 0 kB, output of the run');
});

it.each([...guisesOf(SECRET)])('it finds a password %s, wherever it stands', (_, text) => {
  expect(searchEverything([transcript({ 'the topic': `before ${text} after` })], {}).findings).toEqual([
    expect.stringMatching(/^the topic holds a value of the vault .* at 7$/),
  ]);
  const report = searchEverything([transcript({})], { report: `${'x'.repeat(5000)}${text}` });
  expect(report.findings.join()).toContain('report holds a value of the vault');
});

it('a sandbox is searched for its own secrets, what all have written for those of all', () => {
  const other = transcript({ 'the topic': SECRET }, 'another-secret-of-another-run');
  expect(searchEverything([transcript({}), other], {}).findings).toEqual([]);
  expect(searchEverything([transcript({}), other], { printed: SECRET }).findings).toHaveLength(1);
});

it('a verifier is no password, whatever its base64 looks like; what stands beside it may be one', () => {
  const piece = 'ABCDEFGHJKabcdefghjk23456789ABCDEFGHJKab';
  expect(searchEverything([transcript({ log: piece })], {}).findings, 'it has the shape').toHaveLength(1);
  const verifier = `SCRAM-SHA-256$4096:c2FsdA==$ab+${piece}=:de/${piece}=`;
  const log = `ALTER ROLE app PASSWORD '${verifier}'`;
  expect(searchEverything([transcript({ log })], {}).findings).toEqual([]);
  expect(searchEverything([transcript({ log: `${log} ${mintPassword().reveal()}` })], {}).findings).toHaveLength(1);
});

it('a minted password that never came into a vault is found by its shape', () => {
  const { findings } = searchEverything([transcript({ 'queue messages': `{"x":"${mintPassword().reveal()}"}` })], {});
  expect(findings).toEqual(['queue messages holds what looks like a minted password at 6']);
});
