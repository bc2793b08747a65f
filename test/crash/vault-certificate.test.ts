import { beforeAll } from 'vitest';
import { makeVersions, MemoryCertificateStage } from '../support/memory/certificate-stage.ts';
import { describeKeyCrashes } from './key-crash-suite.ts';

let made: readonly (readonly Uint8Array[])[] = [];

beforeAll(async () => {
  made = await makeVersions();
});

describeKeyCrashes('vault-certificate', (setting) => new MemoryCertificateStage(made, 'Self', setting));
describeKeyCrashes(
  'vault-certificate, signed by a person',
  (setting) => new MemoryCertificateStage(made, 'Unknown', setting),
);
