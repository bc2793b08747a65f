import { describeObject, type Engine } from '../engine.ts';
import type { CurrentCertificate, ObjectRef } from '../ports.ts';
import { lookAtNewest, type Ask, type Seen } from '../vault-made/look.ts';

/** The newest finished version of a certificate, and the tags that hold for it. */
export type SeenCertificate = Seen<CurrentCertificate>;

export function lookAt(engine: Engine, ask: Ask, object: ObjectRef): Promise<SeenCertificate> {
  return lookAtNewest(engine.certificates, ask, object);
}

/** For the ledger: what the run is about. */
export function certificateUrl({ vault, name }: Pick<ObjectRef, 'vault' | 'name'>): string {
  return `${vault}/certificates/${name}`;
}

/** `--vault-name <vault> --name <name>`, as the az commands want it. */
export function azArguments({ vault, name }: Pick<ObjectRef, 'vault' | 'name'>): string {
  return `--vault-name ${new URL(vault).hostname.split('.', 1)[0] ?? ''} --name ${name}`;
}

export function notManaged(object: ObjectRef): string {
  return `${describeObject(object)} carries no tag Rotator`;
}
