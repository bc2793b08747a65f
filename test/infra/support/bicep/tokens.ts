/** The words of a Bicep file. Line ends are words too: they end declarations, properties and items. */

export type TokenKind = 'word' | 'number' | 'string' | 'sign' | 'line-end' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a string, the first piece. */
  readonly text: string;
  readonly line: number;
  /** Of a string: what is between the holes, unescaped; one more than there are holes. */
  readonly pieces: readonly string[];
  /** Of a string: the words in each `${}`. */
  readonly holes: readonly (readonly Token[])[];
}

export class BicepSyntaxError extends Error {
  override readonly name = 'BicepSyntaxError';
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const SIGNS = /(?:=>|==|!=|=~|!~|>=|<=|&&|\|\||\?\?|::|\.\.\.|[{}()[\],.:=<>+\-*/%!?|@^])/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /\d+/y;
const BLANK = /(?:[ \t\r]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|#(?:disable|restore)-[^\n]*)+/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", $: '$' };

/** @throws BicepSyntaxError at the first thing that is no word of the language */
export function tokenize(text: string): readonly Token[] {
  return new Lexer(text).all();
}

class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  all(): readonly Token[] {
    const tokens: Token[] = [];
    for (let token = this.#next(); ; token = this.#next()) {
      const repeated = token.kind === 'line-end' && tokens.at(-1)?.kind === 'line-end';
      if (!repeated) tokens.push(token);
      if (token.kind === 'end') return tokens;
    }
  }

  #next(): Token {
    this.#take(BLANK);
    if (this.#at >= this.#text.length) return this.#token('end', '');
    if (this.#text[this.#at] === '\n') {
      const token = this.#token('line-end', '\n');
      this.#move('\n');
      return token;
    }
    if (this.#text.startsWith("'''", this.#at)) return this.#multiLine();
    if (this.#text[this.#at] === "'") return this.#string();
    const { kind, text } = this.#plain();
    return this.#token(kind, text);
  }

  #plain(): { readonly kind: TokenKind; readonly text: string } {
    for (const [kind, pattern] of [
      ['word', WORD],
      ['number', NUMBER],
      ['sign', SIGNS],
    ] as const) {
      const text = this.#take(pattern);
      if (text !== '') return { kind, text };
    }
    throw this.#wrong(`${JSON.stringify(this.#text[this.#at])} is nothing that Bicep knows`);
  }

  #multiLine(): Token {
    const { line } = this.#token('string', '');
    const end = this.#text.indexOf("'''", this.#at + 3);
    if (end === -1) throw this.#wrong("a string that begins with ''' does not end");
    const piece = this.#text.slice(this.#at + 3, end).replace(/^\r?\n/, '');
    this.#move(this.#text.slice(this.#at, end + 3));
    return { kind: 'string', text: piece, line, pieces: [piece], holes: [] };
  }

  #string(): Token {
    const line = this.#line;
    const pieces: string[] = [];
    let piece = '';
    const holes: (readonly Token[])[] = [];
    this.#at += 1;
    for (;;) {
      const rest = this.#text.slice(this.#at, this.#at + 2);
      if (rest === '' || rest.startsWith('\n')) throw this.#wrong('a string does not end on its line');
      if (rest === '${') {
        this.#at += 2;
        holes.push(this.#hole());
        pieces.push(piece);
        piece = '';
      } else if (rest.startsWith("'")) {
        this.#at += 1;
        pieces.push(piece);
        return { kind: 'string', text: pieces[0] ?? '', line, pieces, holes };
      } else {
        piece += rest.startsWith('\\') ? this.#escape() : this.#character();
      }
    }
  }

  /** A hole ends at its own brace and cannot go over the end of the line. */
  #hole(): readonly Token[] {
    const tokens: Token[] = [];
    for (let depth = 0; ;) {
      const token = this.#next();
      if (token.kind === 'end' || token.kind === 'line-end') throw this.#wrong('a ${ is not closed on its line');
      if (token.text === '{' && token.kind === 'sign') depth += 1;
      if (token.text === '}' && token.kind === 'sign' && --depth < 0) return [...tokens, this.#token('end', '}')];
      tokens.push(token);
    }
  }

  #escape(): string {
    const unicode = /\\u\{([0-9a-fA-F]{1,6})\}/y;
    const code = this.#take(unicode);
    if (code !== '') return String.fromCodePoint(Number.parseInt(code.slice(3, -1), 16));
    const letter = this.#text[this.#at + 1] ?? '';
    const meant = ESCAPES[letter];
    if (meant === undefined) throw this.#wrong(`\\${letter} is no escape of Bicep`);
    this.#at += 2;
    return meant;
  }

  #character(): string {
    const character = this.#text[this.#at] ?? '';
    this.#at += 1;
    return character;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [text = ''] = pattern.exec(this.#text) ?? [];
    this.#move(text);
    return text;
  }

  #move(text: string): void {
    this.#at += text.length;
    this.#line += text.split('\n').length - 1;
  }

  #token(kind: TokenKind, text: string): Token {
    return { kind, text, line: this.#line, pieces: [], holes: [] };
  }

  #wrong(message: string): BicepSyntaxError {
    return new BicepSyntaxError(this.#line, message);
  }
}

/** Where a parser is in the words. */
export class Cursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get line(): number {
    return this.peek().line;
  }

  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new BicepSyntaxError(0, 'there are no words');
    return token;
  }

  next(): Token {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  /** Whether the next word is this sign or keyword. */
  sees(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return (token.kind === 'sign' || token.kind === 'word') && token.text === text;
  }

  takes(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#at += 1;
    return true;
  }

  expect(text: string): Token {
    return this.sees(text) ? this.next() : this.fail(`'${text}'`);
  }

  word(what: string): string {
    return this.peek().kind === 'word' ? this.next().text : this.fail(what);
  }

  string(what: string): Token {
    return this.peek().kind === 'string' ? this.next() : this.fail(what);
  }

  lineEnds(): void {
    while (this.peek().kind === 'line-end') this.#at += 1;
  }

  endOfDeclaration(): void {
    if (this.peek().kind !== 'line-end' && this.peek().kind !== 'end') this.fail('the end of the line');
  }

  fail(expected: string): never {
    const { kind, text, line } = this.peek();
    const found = kind === 'line-end' || kind === 'end' ? 'the end of the line' : `'${text}'`;
    throw new BicepSyntaxError(line, `${expected} is expected, and ${found} is there`);
  }
}
