import type { Token, Unreadable } from './parts.ts';

/**
 * The parameters of Azure's shared access signatures: account, service and user delegation SAS of Azure Storage
 * (learn.microsoft.com/rest/api/storageservices/create-service-sas and its neighbours), and `sr sig se skn` of Service Bus.
 */
const PARAMETERS: readonly string[] = [
  ...['sv', 'ss', 'srt', 'sp', 'st', 'se', 'sip', 'spr', 'sig', 'sr', 'si', 'ses', 'sdd', 'skn'],
  ...['skoid', 'sktid', 'skt', 'ske', 'skv', 'sks', 'saoid', 'suoid', 'scid'],
  ...['rscc', 'rscd', 'rsce', 'rscl', 'rsct'],
];

/** Is the whole text a SAS token: parameters of one, `sig` among them, perhaps after `?` or `SharedAccessSignature`? */
export function isSasToken(text: string): boolean {
  const names = text.replace(/^(?:\?|SharedAccessSignature )/, '').split('&').map(nameOf); // prettier-ignore
  return names.includes('sig') && names.every((name) => PARAMETERS.includes(name));
}

/**
 * The SAS token in the query of a URL, which runs from `start` to `end`: what stands before and after it is kept.
 * @returns undefined when there is none
 */
export function readSasQuery(text: string, start: number, end: number): Token | Unreadable | undefined {
  const parts = partsOf(text, start, end);
  const own = parts.filter((part) => PARAMETERS.includes(part.name));
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined || !own.some(({ name }) => name === 'sig')) return undefined;
  if (parts.indexOf(last) - parts.indexOf(first) + 1 !== own.length) {
    return { problem: 'has other parameters in the middle of its SAS token' };
  }
  return { start: first.start, end: last.end, text: text.slice(first.start, last.end), write: (next) => next };
}

interface Part {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function partsOf(text: string, start: number, end: number): readonly Part[] {
  let at = start;
  return text.slice(start, end).split('&').map((piece) => {
    const part = { name: nameOf(piece), start: at, end: at + piece.length };
    at = part.end + 1;
    return part;
  }); // prettier-ignore
}

function nameOf(piece: string): string {
  return piece.replace(/=.*$/s, '');
}
