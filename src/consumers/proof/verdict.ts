import type { Confirmation, ServedCertificate } from '../../rotation/ports.ts';

/** What was found at one address of one host, or of a host that has none for us. */
export type Finding =
  /** `untrusted`: its chain is whole, but ends at a root that this app does not know. */
  | { readonly is: 'served'; readonly where: string; readonly untrusted?: string }
  /** The certificate, but so that clients refuse it. */
  | { readonly is: 'broken'; readonly where: string; readonly why: string }
  | { readonly is: 'older' | 'foreign'; readonly where: string; readonly served: string }
  /** `unrouted`: an address of a kind that this machine has no way to, as IPv6 from most apps. */
  | { readonly is: 'closed' | 'silent' | 'unrouted'; readonly where: string; readonly why: string }
  | { readonly is: 'wildcard'; readonly where: string };

/** What the consumer's own resource shows of the certificate it has. */
export interface ControlPlane {
  readonly shows: 'this' | 'another';
  /** In a sentence, of what was read where. */
  readonly detail: string;
}

interface Question {
  readonly certificate: ServedCertificate;
  /** Addresses that were too many to be asked. */
  readonly skipped: number;
  readonly controlPlane?: ControlPlane;
}

type Of<K extends Finding['is']> = Extract<Finding, { is: K }>;

/** What all the findings mean together: one host that serves another certificate is enough. */
export function verdictOn(findings: readonly Finding[], question: Question): Confirmation {
  const waiting = findings.filter((one): one is Of<'older' | 'broken'> => one.is === 'older' || one.is === 'broken');
  if (waiting.length > 0) return { is: 'pending', detail: listed(waiting.map(sentence)) };
  const lost = findings.filter((one): one is Of<'foreign' | 'silent'> => one.is === 'foreign' || one.is === 'silent');
  if (lost.length > 0) return { is: 'unreachable', detail: listed(lost.map(sentence)), remedy: remedyOf(lost) };
  const served = findings.filter((one) => one.is === 'served');
  const seen = new Set(served.map(hostOf));
  const unseen = findings.filter(({ is }) => is === 'closed' || is === 'wildcard' || is === 'unrouted');
  // A wildcard is only a name for hosts that nobody has listed, and an address without a way to it is one of several: where others
  // serve the certificate, these take nothing from them.
  const closed = unseen.filter(
    (one) => one.is === 'closed' || (one.is === 'wildcard' ? served.length === 0 : !seen.has(hostOf(one))),
  );
  if (served.length > 0 && closed.length === 0) return adopted(served, unseen, question);
  return weaker(served, closed, question);
}

function adopted(served: readonly Of<'served'>[], unseen: readonly Finding[], question: Question): Confirmation {
  const { certificate, skipped } = question;
  const notes = [
    ...unseen.map(sentence),
    ...(skipped === 0 ? [] : [`${skipped} more addresses were not asked`]),
    ...[...new Set(served.flatMap(({ untrusted }) => untrusted ?? []))].map(
      (code) => `its chain ends at a root that this app does not know (${code})`,
    ),
  ];
  const what = `${listed(served.map(({ where }) => where))} served ${certificate.sha256} in every handshake`;
  return { is: 'adopted', proof: 'handshake', detail: [what, ...notes].join('; ') };
}

/** Where the network is closed, the word of the control plane is all there is. */
function weaker(served: readonly Of<'served'>[], closed: readonly Finding[], question: Question): Confirmation {
  const { controlPlane } = question;
  const network =
    closed.length + served.length === 0
      ? 'no host name is bound to it'
      : listed([...served, ...closed].map((one) => sentence(one)));
  if (controlPlane === undefined) return { is: 'unreachable', detail: network, remedy: remedyOf(closed) };
  const detail = `${controlPlane.detail}; ${network}`;
  if (controlPlane.shows === 'another') return { is: 'pending', detail };
  return { is: 'adopted', proof: 'control-plane', detail };
}

function sentence(finding: Finding): string {
  switch (finding.is) {
    case 'served':
      return `${finding.where} serves it`;
    case 'broken':
      return `${finding.where} serves it, but ${finding.why}`;
    case 'older':
      return `${finding.where} serves ${finding.served}`;
    case 'foreign':
      return `${finding.where} serves ${finding.served}, which is no version of this certificate`;
    case 'closed':
    case 'unrouted':
      return `${finding.where} cannot be reached: ${finding.why}`;
    case 'silent':
      return `${finding.where} did not finish the handshake: ${finding.why}`;
    case 'wildcard':
      return `${finding.where} is a wildcard, which cannot be connected to`;
  }
}

/** Every finding says where it was made as `<host> at <address>`, or `<host>` alone. */
function hostOf({ where }: Finding): string {
  return where.split(' ')[0] ?? '';
}

function remedyOf(findings: readonly Finding[]): string {
  const kinds = new Set(findings.map(({ is }) => is));
  const hosts = [...new Set(findings.map(hostOf))].slice(0, 3).join(', ');
  const parts = [
    ...(kinds.has('foreign')
      ? [
          `See where ${hosts} leads (nslookup <host>): a CDN or proxy in front of it has a certificate of its own, which is not this one.`,
        ]
      : []),
    ...(kinds.has('silent')
      ? [`See why it ends the handshake: openssl s_client -connect <host>:443 -servername <host>`]
      : []),
    ...(kinds.has('closed') || kinds.has('unrouted')
      ? [
          `Let the app reach ${hosts}: a DNS zone that it can resolve, and its virtual network or a rule of the firewall; or look from inside.`,
        ]
      : []),
    ...(kinds.has('wildcard') ? [`Bind a host name of its own beside ${hosts}, or look at one that is in use.`] : []),
  ];
  return parts.length === 0 ? 'Bind a host name to it, or take the reference away.' : parts.join(' ');
}

/** The first few: who reads it needs an example, not a list of hundreds. */
function listed(sentences: readonly string[]): string {
  const more = sentences.length > 3 ? [`and ${sentences.length - 3} more`] : [];
  return [...sentences.slice(0, 3), ...more].join('; ');
}
