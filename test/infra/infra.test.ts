/**
 * The templates in infra/: no compiler is at hand where these tests run, so that they are read here, what they would deploy is
 * worked out for several sets of parameters, and that is compared with the code and with Azure's own type data. Nothing of it
 * asks Azure.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { ENTRIES, project, readFolder } from './support/bicep/project.ts';
import { readCode } from './support/code.ts';
import { CHECKS, type Given } from './support/everything.ts';
import { otherGuids, verifiedRoles } from './support/ids.ts';
import { readTypeData } from './support/resource-types/shapes.ts';
import { deployAll } from './support/scenarios.ts';
import { secondOpinion, type SecondOpinion } from './support/second-opinion.ts';

const templates = project(readFolder('.'));
const bicep = [...templates.texts].filter(([path]) => /\.bicep(?:param)?$/.test(path));

describe('the text', () => {
  let reads: SecondOpinion;
  beforeAll(async () => {
    reads = await secondOpinion();
  });

  test('is there', () => {
    expect([...templates.files.keys()]).toEqual(expect.arrayContaining(['infra/main.bicep', 'infra/main.bicepparam']));
  });

  test('is Bicep, by our reading and by that of the published grammar', () => {
    expect(templates.mistakes).toEqual([]);
    expect(bicep.flatMap(([path, text]) => reads(path, text))).toEqual([]);
  });

  test('has no tabs, no blanks at the end of a line, and a line end at its end', () => {
    const untidy = bicep.filter(
      ([, text]) => /\t|[ \t]+$/m.test(text) || !text.endsWith('\n') || text.endsWith('\n\n'),
    );
    expect(untidy.map(([path]) => path)).toEqual([]);
  });
});

describe('what it would deploy', () => {
  const { scenarios, problems } = deployAll(templates);
  let given: Given;
  beforeAll(async () => {
    const code = await readCode();
    const [roles, others] = [verifiedRoles(), otherGuids()];
    given = { project: templates, entries: ENTRIES, scenarios, code, types: readTypeData(), roles, otherGuids: others };
  });

  test('can be worked out', () => {
    expect(problems).toEqual([]);
    expect(scenarios.flatMap(({ resources }) => resources).length).toBeGreaterThan(100);
  });

  test.each(Object.entries(CHECKS))('%s', (_, check) => {
    expect(check(given)).toEqual([]);
  });
});

test('the data of types says where it is from, under which licence, and how to make it anew', () => {
  const { source, version, license, regenerate } = readTypeData();
  expect([source, version, license].every((text) => text !== '')).toBe(true);
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly scripts: object };
  expect(Object.keys(scripts)).toContain(/npm run ([\w:]+)/.exec(regenerate)?.[1]);
});
