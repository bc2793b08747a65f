import { readPairs } from './pairs.ts';
import { settle, type Reading } from './parts.ts';
import { readAddress } from './url.ts';

/**
 * `jdbc:sqlserver://host;user=…;password={…}`, whose properties are quoted with braces
 * (https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url), and `jdbc:postgresql:`, `jdbc:mysql:`,
 * `jdbc:mariadb:` with a query (`?user=…&password=…`) or a user part.
 */
export function readJdbc(text: string): Reading {
  const start = /^\s*jdbc:(?<driver>[a-z0-9]+):/i.exec(text);
  if (start === null) return { problem: 'does not begin with jdbc: and the name of a driver' };
  if (start.groups?.['driver']?.toLowerCase() !== 'sqlserver') {
    const authority = /^\s*jdbc:[a-z0-9+.:-]*:\/\//i.exec(text)?.[0].length;
    return readAddress(text, authority, 'jdbc');
  }
  const semicolon = text.indexOf(';');
  const pairs = semicolon === -1 ? [] : readPairs(text, semicolon + 1, 'braces');
  if ('problem' in pairs) return pairs;
  return settle({
    user: pairs.filter((pair) => ['user', 'username'].includes(pair.keyword)).map((pair) => pair.value),
    secret: pairs.filter((pair) => pair.keyword === 'password').map((pair) => pair.value),
  });
}
