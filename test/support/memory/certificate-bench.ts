import type { Outcome } from '../../../src/rotation/engine.ts';
import type { ObjectRef, RotateMessage, Trigger } from '../../../src/rotation/ports.ts';
import type { Run } from '../../../src/rotation/record.ts';
import type { Wanted } from '../certificates.ts';
import { Bench, days, VAULT } from './bench.ts';
import type { StoredCertificate } from './certificates.ts';

export const CERTIFICATE: ObjectRef = { kind: 'certificate', vault: VAULT, name: 'web' };
export const CERTIFICATE_TAGS = { Rotator: 'vault-certificate', owner: 'shop' };
export const NAMES = ['www.example', 'api.example'];

/** A certificate `web` in `kv` for two names, 20 days from its end, which the vault does not renew by itself. */
export class CertificateBench extends Bench {
  static async open(
    wanted: Partial<Wanted> = {},
    tags: Record<string, string> = CERTIFICATE_TAGS,
  ): Promise<CertificateBench> {
    const bench = new CertificateBench();
    const valid = { from: days(-70), until: days(20) };
    await bench.certificates.make(CERTIFICATE, tags, { names: NAMES, valid, ...wanted });
    bench.certificates.change(CERTIFICATE, { createdOn: days(-70), updatedOn: days(-69) });
    bench.certificates.onVersion = (object, version) =>
      bench.queue.put({ kind: 'propagate', message: { object, version } });
    bench.vault.remove({ kind: 'secret', vault: VAULT, name: 'db' });
    return bench;
  }

  about(trigger: Trigger = 'near-expiry', more: Partial<RotateMessage> = {}): RotateMessage {
    const event = trigger === 'near-expiry' || trigger === 'expired';
    return { object: CERTIFICATE, trigger, ...(event ? { version: this.newest.version } : {}), ...more };
  }

  /** What asks for it again: the queue's message, or the sweep. */
  wake(more: Partial<RotateMessage> = {}): Promise<Outcome> {
    return this.deliver({
      object: CERTIFICATE,
      trigger: 'resume',
      rotationId: this.certificateRun.rotationId,
      ...more,
    });
  }

  /** Delivers what is there, and moves on to what comes later, as far as `ms` away. */
  async live(ms: number): Promise<void> {
    const end = this.clock.now().getTime() + ms;
    await this.drain();
    for (let next = this.queue.nextAt; next !== undefined && next <= end; next = this.queue.nextAt) {
      this.clock.advance(Math.max(0, next - this.clock.now().getTime()) + 1);
      await this.drain();
    }
  }

  get newest(): StoredCertificate {
    const [newest] = this.certificates.peek(CERTIFICATE);
    if (newest === undefined) throw new TypeError('there is no certificate');
    return newest;
  }

  get made(): number {
    return this.certificates.peek(CERTIFICATE).length - 1;
  }

  get certificateRun(): Run {
    const run = this.journal.entry(CERTIFICATE)?.record.run;
    if (run === undefined) throw new TypeError('the certificate has no run');
    return run;
  }
}
