/** Where a user or a password stands in a value: a piece of its text, and how another would be written there. */
export interface Token {
  readonly start: number;
  readonly end: number;
  /** What the piece means, with quotes and escapes taken off. */
  readonly text: string;
  /** The piece with another meaning, quoted as the old one was wherever that still fits. */
  readonly write: (next: string) => string;
}

/** The places of one credential. More than one of a kind: the same thing said twice. */
export interface Parts {
  readonly user: readonly Token[];
  readonly secret: readonly Token[];
}

/** Why a value cannot be read. The text never holds any of the value, but for the names of the known keywords. */
export interface Unreadable {
  readonly problem: string;
}

export type Reading = Parts | Unreadable;

/**
 * The checks that every format shares. Which one of two passwords wins differs from driver to driver, so a second
 * one is harmless when it is equal (all are rewritten) and is refused when it is not.
 */
export function settle(parts: Parts): Reading {
  const [secret] = parts.secret;
  if (secret === undefined) return { problem: 'has no place for a password or key' };
  if (!agree(parts.secret)) return { problem: 'holds two passwords that differ' };
  if (!agree(parts.user)) return { problem: 'holds two users that differ' };
  if (secret.text === '') return { problem: 'holds an empty password' };
  return parts;
}

function agree(tokens: readonly Token[]): boolean {
  return tokens.every((token) => token.text === tokens[0]?.text);
}

/** The value with the tokens rewritten. A token that keeps its meaning keeps its bytes too. */
export function splice(text: string, edits: readonly { readonly token: Token; readonly next: string }[]): string {
  const inOrder = [...edits].sort((a, b) => a.token.start - b.token.start);
  let done = '';
  let at = 0;
  for (const { token, next } of inOrder) {
    if (next === token.text) continue;
    done += text.slice(at, token.start) + token.write(next);
    at = token.end;
  }
  return done + text.slice(at);
}
