/** How MySQL's and MariaDB's drivers write a log-in: only user and password change. */
import { expect, it } from 'vitest';
import { SecretValue, type ValueFormatName } from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';

type Case = readonly [format: ValueFormatName, before: string, user: string, password: string, after: string];

const CASES: readonly Case[] = [
  [
    'adonet',
    'Server=h.mysql.database.azure.com;Port=3306;Database=d;Uid=app;Pwd=x;SslMode=VerifyFull;',
    'app',
    'x',
    'Server=h.mysql.database.azure.com;Port=3306;Database=d;Uid=app2;Pwd=N3w-pass_word;SslMode=VerifyFull;',
  ],
  [
    'adonet',
    'Driver={MySQL ODBC 8.0 Unicode Driver};Server=h;User=app;Password={x;y};SSLMODE=VERIFY_IDENTITY',
    'app',
    'x;y',
    'Driver={MySQL ODBC 8.0 Unicode Driver};Server=h;User=app2;Password={N3w-pass_word};SSLMODE=VERIFY_IDENTITY',
  ],
  [
    'jdbc',
    'jdbc:mariadb://h:3306/d?sslMode=verify-full&user=app&password=x',
    'app',
    'x',
    'jdbc:mariadb://h:3306/d?sslMode=verify-full&user=app2&password=N3w-pass_word',
  ],
  [
    'url',
    'mysql://app:p%40x@h.mysql.database.azure.com:3306/d?ssl={"rejectUnauthorized":true}',
    'app',
    'p@x',
    'mysql://app2:N3w-pass_word@h.mysql.database.azure.com:3306/d?ssl={"rejectUnauthorized":true}',
  ],
  ['url', 'mariadb://app:x@h', 'app', 'x', 'mariadb://app2:N3w-pass_word@h'],
];

it.each(CASES)('%s: %s', (format, before, user, password, after) => {
  const parsed = parseValue(new SecretValue(before));
  expect([parsed.format, parsed.user, parsed.secret.reveal()]).toEqual([format, user, password]);
  const next = { user: 'app2', secret: new SecretValue('N3w-pass_word') };
  expect(parsed.replace(next).reveal()).toBe(after);
});
