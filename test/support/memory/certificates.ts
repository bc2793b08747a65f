import { RotationError } from '../../../src/rotation/errors.ts';
import type { CertificatesPort, CurrentCertificate, ObjectRef } from '../../../src/rotation/ports.ts';
import type { Calls } from './calls.ts';

/** Certificates in memory: the current version of each. */
export class MemoryCertificates implements Pick<CertificatesPort, 'current'> {
  readonly #calls: Calls;
  readonly #current = new Map<string, CurrentCertificate>();

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async current({ vault, name }: ObjectRef): Promise<CurrentCertificate> {
    await this.#calls.made('certificates.current');
    const found = this.#current.get(`${vault}/${name}`);
    if (found !== undefined) return found;
    throw new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message: `no certificate ${name}` });
  }

  put({ vault, name }: ObjectRef, version: CurrentCertificate): void {
    this.#current.set(`${vault}/${name}`, version);
  }
}
