/**
 * A description of one's own, on the service itself: `npm run contract:http-api -- my-service.json` (docs/http-api.md). Without
 * a service to go to, the one of the documentation is played, so that the way there is walked whenever the tests run.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startProvider, type ProviderService } from '../../sandbox/http-api/http-api.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { Description } from '../../src/rotators/http-api/description.ts';
import { READY } from '../../src/rotators/http-api/descriptions/index.ts';
import { WIDGETS } from '../support/widgets.ts';
import { LiveHttpApiHarness, type LiveInstance } from './http-api-live.harness.ts';
import { describeRotator } from './rotator-suite.ts';

/** The host is the description's where the entry says none, as in the app; that there is one was checked before. */
function read(path: string): LiveInstance {
  const entry = JSON.parse(readFileSync(path, 'utf8')) as Partial<LiveInstance>;
  const description = typeof entry.description === 'string' ? READY.get(entry.description) : entry.description;
  return { ...entry, description, host: entry.host ?? (description as Description).host ?? '' };
}
const { TEST_HTTP_API: file, TEST_HTTP_API_SECRET: secret } = process.env;

if (file === undefined || file === '') {
  describe('the service of docs/http-api.md', () => {
    let run: Run;
    let service: ProviderService | undefined;
    const undo: (() => void)[] = [];
    const example = read('test/fixtures/http-api/widgets.json');
    beforeAll(async () => {
      run = await createRun();
      undo.push(installSandboxDns(), trustSandbox(run.ctx.pki));
      service = await startProvider(run.ctx, WIDGETS);
    });
    afterAll(async () => {
      await service?.stop();
      for (const one of undo) one();
      run.dispose();
    });
    const instance = {
      ...example,
      get host() {
        return service?.host ?? example.host;
      },
    };
    describeRotator(new LiveHttpApiHarness(instance, () => new SecretValue(service?.administrator.stored ?? '')));
  });
} else {
  if (secret === undefined || secret === '')
    throw new Error('TEST_HTTP_API_SECRET must hold the administrator’s credential');
  describeRotator(new LiveHttpApiHarness(read(file), () => new SecretValue(secret)));
}
