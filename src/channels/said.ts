import type { Notice, ObjectRef, VersionRef } from '../rotation/ports.ts';
import { vaultName } from './channel.ts';

/** What is told, before it takes a channel's form. It holds no secret value: nothing that comes here has one. */
export interface Said {
  readonly type: 'keyturn.version.created' | 'keyturn.notice';
  readonly at: Date;
  /** One line for people. */
  readonly title: string;
  /** For people, in order. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** For programs. */
  readonly data: Readonly<Record<string, string>>;
}

/** A new version, which its consumers are to use. @param at when it is told */
export function versionSaid({ object, version, certificate }: VersionRef, at: Date): Said {
  const more =
    certificate === undefined ? {} : { thumbprint: certificate.sha1, notAfter: certificate.notAfter.toISOString() };
  return {
    type: 'keyturn.version.created',
    at,
    title: `New version of the ${namedIn(object)}`,
    facts: [
      ['Vault', object.vault],
      [capital(object.kind), object.name],
      ['Version', version],
      ...(certificate === undefined
        ? []
        : ([
            ['Thumbprint', certificate.sha1],
            ['Valid until', certificate.notAfter.toISOString()],
          ] as const)),
    ],
    data: { vault: object.vault, name: object.name, kind: object.kind, version, ...more },
  };
}

export function noticeSaid({ id, kind, severity, object, version, message, remedy, at }: Notice): Said {
  const ofVersion = version === undefined ? {} : { version };
  const toDo = remedy === undefined ? {} : { remedy };
  return {
    type: 'keyturn.notice',
    at,
    title: `${capital(severity)}: ${kind.replaceAll('-', ' ')}: ${namedIn(object)}`,
    facts: [
      ['What', message],
      ...(remedy === undefined ? [] : ([['What to do', remedy]] as const)),
      ['Vault', object.vault],
      [capital(object.kind), object.name],
      ...(version === undefined ? [] : ([['Version', version]] as const)),
      ['At', at.toISOString()],
    ],
    data: {
      ...{ id, notice: kind, severity, vault: object.vault, name: object.name, kind: object.kind },
      ...ofVersion,
      message,
      ...toDo,
    },
  };
}

function namedIn(object: ObjectRef): string {
  return `${object.kind} ${object.name} in ${vaultName(object)}`;
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}
