/**
 * The context of one run of the sandbox: clock, traffic, faults, certificate authority and a folder of its own.
 *
 *     const run = await createRun();
 *     const identity = await startIdentity(run.ctx);
 *     ...
 *     await run.dispose();   // removes the folder; stop the services first
 */
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxClock } from './clock.ts';
import type { SandboxContext } from './context.ts';
import { Faults } from './faults.ts';
import { createPki } from './pki.ts';
import { Traffic } from './traffic.ts';
import { Transcript } from './transcript.ts';

export interface Run {
  readonly ctx: SandboxContext;
  /** The authority's certificate as a file, for NODE_EXTRA_CA_CERTS, `curl --cacert` and `psql sslrootcert=`. */
  readonly caFile: string;
  dispose(): void;
}

export async function createRun(): Promise<Run> {
  const clock = new SandboxClock();
  const traffic = new Traffic(() => clock.now());
  const transcript = new Transcript();
  const pki = await createPki();
  const dir = await mkdtemp(join(tmpdir(), 'keyturn-sandbox-'));
  // The last resort when the process ends without stopping the sandbox.
  const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const caFile = join(dir, 'ca.pem');
  await writeFile(caFile, pki.caPem);
  return {
    ctx: { clock, traffic, faults: new Faults(), pki, transcript, dir },
    caFile,
    dispose() {
      transcript.wrote('operations on the wire', JSON.stringify(traffic.entries));
      transcript.close();
      process.off('exit', remove);
      remove();
    },
  };
}
