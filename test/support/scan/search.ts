import type { TranscriptFile } from '../../../sandbox/transcript.ts';
import { RotationError } from '../../../src/rotation/errors.ts';
import { SecretValue } from '../../../src/rotation/ports.ts';
import { parseValue } from '../../../src/rotation/value/value.ts';
import { LeakScanner } from '../leaks.ts';

/** Shorter ones are what tests typed, words that stand everywhere. */
const SHORTEST_SECRET = 12;

/** What Keyturn mints looks so, whether or not it ever got into a vault. */
export const MINTED =
  /(?<![\w-])(?=[\w-]{0,39}[A-Z])(?=[\w-]{0,39}[a-z])(?=[\w-]{0,39}[2-9])[A-HJ-NP-Za-km-z2-9_-]{40}(?![\w-])|Aa1!/;

/** What the server gets instead of a password; among thousands, some piece of base64 has the shape of one. */
const VERIFIER = /SCRAM-SHA-256\$\d+:[\w+/=]+\$[\w+/=]+:[\w+/=]+/g;
const hidden = (text: string): string => '.'.repeat(text.length);

export interface Searched {
  /** One line each, without the value. */
  readonly findings: readonly string[];
  readonly summary: string;
}

/** @param common what all sandboxes may have got into: the output of the run, its reports */
export function searchEverything(files: readonly TranscriptFile[], common: Readonly<Record<string, string>>): Searched {
  const findings: string[] = [];
  const everybody = new LeakScanner();
  const sizes = new Map<string, number>();
  for (const { secrets, wrote } of files) {
    const own = new LeakScanner();
    for (const [what, value] of secrets) {
      for (const text of spellings(value)) {
        own.add(what, text);
        everybody.add(what, text);
      }
    }
    for (const [place, text] of Object.entries(wrote)) sizes.set(place, (sizes.get(place) ?? 0) + text.length);
    findings.push(...own.scan(wrote), ...looksMinted(wrote));
  }
  for (const [place, text] of Object.entries(common)) sizes.set(place, text.length);
  findings.push(...everybody.scan(common), ...looksMinted(common));
  const places = [...sizes].map(([place, size]) => `${place} ${(size / 1024).toFixed(0)} kB`).join(', ');
  return {
    findings: [...new Set(findings)],
    summary: `searched ${files.length} sandboxes for ${everybody.size} secrets, ${findings.length} found: ${places}`,
  };
}

/** The whole value, and the credential in it. */
function spellings(value: string): readonly string[] {
  return [value, ...credentialIn(value)].filter((text) => text.length >= SHORTEST_SECRET);
}

function credentialIn(value: string): readonly string[] {
  try {
    return [parseValue(new SecretValue(value)).secret.reveal()];
  } catch (error) {
    // A value of no known format is searched for as a whole.
    if (error instanceof RotationError) return [];
    throw error;
  }
}

function looksMinted(places: Readonly<Record<string, string>>): string[] {
  return Object.entries(places)
    .map(([place, text]) => [place, MINTED.exec(text.replaceAll(VERIFIER, hidden))?.index] as const)
    .filter(([, at]) => at !== undefined)
    .map(([place, at]) => `${place} holds what looks like a minted password at ${String(at)}`);
}
