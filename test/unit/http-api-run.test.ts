/** `npm run contract:http-api`: whoever writes a description is told what is wrong with it before anything is made. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-'));
afterAll(() => rmSync(folder, { recursive: true }));

const widgets = JSON.parse(readFileSync('test/fixtures/http-api/widgets.json', 'utf8')) as {
  readonly description: object;
};

function run(content: string, secret = ''): { readonly status: number | null; readonly said: string } {
  const file = join(folder, 'service.json');
  writeFileSync(file, content);
  const { status, stderr } = spawnSync(process.execPath, ['test/contract/http-api-run.ts', file], {
    encoding: 'utf8',
    env: { ...process.env, TEST_HTTP_API_SECRET: secret },
  });
  return { status, said: stderr };
}

describe('the check of a description of one’s own', { timeout: 30_000 }, () => {
  test('is content with the example of docs/http-api.md', () => {
    expect(run(JSON.stringify(widgets))).toEqual({
      status: 2,
      said: expect.stringContaining('as the schema and the rules want it') as string,
    });
  });

  test('names every problem of the whole entry by its path', () => {
    const { status, said } = run(
      JSON.stringify({ description: { ...widgets.description, surplus: 1 }, variables: [], hosts: 'a.example' }),
    );
    expect(status).toBe(1);
    expect(said).toContain('hosts: there is no such property');
    expect(said).toContain('variables: is not an object');
    const { said: more } = run(JSON.stringify({ description: { ...widgets.description, surplus: 1 } }));
    expect(more).toContain('description.surplus: there is no such property');
    const { said: rest } = run(JSON.stringify({ description: widgets.description }));
    expect(rest).toContain('variables.workspace: is required');
    expect(rest).toContain('host: is required');
  });

  test('says what is no JSON', () => {
    expect(run('{')).toEqual({ status: 1, said: expect.stringContaining('service.json is no JSON') as string });
  });

  test('looks at the service once before the suite does, and says in a sentence why it cannot', () => {
    const { status, said } = run(JSON.stringify({ ...widgets, host: '127.0.0.1:1' }), 'secret-of-the-administrator');
    expect(status).toBe(1);
    expect(said).toMatch(/^CONFIG_INVALID: listing the keys at live .* no public address\n.*"allowPrivate": true/);
    expect(said).not.toContain('secret-of-the-administrator');
  });
});
