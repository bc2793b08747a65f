/** Keeps the beginning, and no half of a character. @param most in UTF-16 units */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${whole(text.slice(0, Math.max(most - 1, 0)))}…`;
}

/** The same for text that grows as it is escaped: what is cut is the text before, so no escape is cut in two. */
export function cutEscaped(text: string, most: number, escape: (text: string) => string): string {
  const all = escape(text);
  if (all.length <= most) return all;
  // Halves until it fits: a text of nothing but characters that grow is rare, and one too short harms nobody.
  let length = most - 1;
  while (length > 0 && escape(text.slice(0, length)).length > most - 1) length = Math.floor(length * 0.8);
  return `${escape(whole(text.slice(0, length)))}…`;
}

/** The largest body that is not too large: the same with texts that are cut more and more. */
export function fitting(build: (longest: number) => string, mostBytes: number): string {
  for (let longest = 4_000; longest > 60; longest /= 2) {
    const body = build(longest);
    if (Buffer.byteLength(body) <= mostBytes) return body;
  }
  return build(60);
}

function whole(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '');
}
