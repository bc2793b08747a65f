import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_TAG_NAMES, readCertificateTags } from '../../src/config/certificate-tags.ts';
import { readDefaults } from '../../src/config/defaults.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { DAY } from '../support/memory/clock.ts';

const defaults = (more: object = {}): ReturnType<typeof readDefaults> =>
  readDefaults({ KEYTURN_DEFAULTS: JSON.stringify(more) }, (path, message) => {
    throw new Error(`${path}: ${message}`);
  });

function problems(tags: Record<string, string>): readonly string[] {
  try {
    readCertificateTags(tags, defaults());
    return [];
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return error.problems.map(({ path }) => path);
  }
}

describe('the tags of a certificate', () => {
  it('have it renewed where Rotator says so, or the settings do for all', () => {
    expect(readCertificateTags({ rotator: 'Vault-Certificate' }, defaults())).toMatchObject({
      rotator: 'vault-certificate',
      policy: { leadTimeMs: 30 * DAY, paused: false },
    });
    expect(readCertificateTags({ owner: 'shop', Paused: 'true' }, defaults())).toBeUndefined();
    expect(readCertificateTags({ Paused: 'true' }, defaults({ certificates: 'all' }))).toMatchObject({
      policy: { paused: true },
    });
  });

  it('are read as a whole: every problem is reported', () => {
    const wrong = {
      Rotator: 'vault-key',
      LeadTimeDays: '-1',
      RotationWindow: 'now',
      Paused: 'perhaps',
      LeadTimeDay: '3',
    };
    expect([...problems(wrong)].sort()).toEqual(
      ['tags.LeadTimeDay', 'tags.LeadTimeDays', 'tags.Paused', 'tags.RotationWindow', 'tags.Rotator'].sort(),
    );
  });

  it('are those of docs/certificate-tags.schema.json', () => {
    const schema = JSON.parse(readFileSync('docs/certificate-tags.schema.json', 'utf8')) as { properties: object };
    const valid = new Ajv2020({ allErrors: true, strict: true }).compile(schema);
    expect(Object.keys(schema.properties)).toEqual([...CERTIFICATE_TAG_NAMES]);
    const cases: readonly Record<string, string>[] = [
      { Rotator: 'vault-certificate' },
      { Rotator: 'postgres' },
      { Rotator: 'vault-certificate', LeadTimeDays: '0.25', Paused: 'true' },
      { Rotator: 'vault-certificate', LeadTimeDays: 'soon' },
      { Rotator: 'vault-certificate', Paused: 'perhaps' },
    ];
    expect(cases.map((tags) => valid(tags))).toEqual(cases.map((tags) => problems(tags).length === 0));
  });
});
