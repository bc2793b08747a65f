import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type ValueFormatName } from '../../src/rotation/ports.ts';
import { parseValue, type NextCredential } from '../../src/rotation/value/value.ts';

const parse = (value: string, format?: ValueFormatName): ReturnType<typeof parseValue> =>
  parseValue(new SecretValue(value), format);
const next = (secret: string, user?: string): NextCredential => ({
  secret: new SecretValue(secret),
  ...(user === undefined ? {} : { user }),
});
function refusal(run: () => unknown): RotationError {
  try {
    run();
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
const KEY = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zw==';

/** format, the value, its user, its password, and the value with `app2` and `N3w-pass_word`. */
type Example = readonly [ValueFormatName, string, string | undefined, string, string];

const CONNECTION_STRINGS: readonly Example[] = [
  [
    'adonet',
    'Server=tcp:srv.database.windows.net,1433;Initial Catalog=orders;Persist Security Info=False;User ID=app;Password=p@ss;Encrypt=True;',
    'app',
    'p@ss',
    'Server=tcp:srv.database.windows.net,1433;Initial Catalog=orders;Persist Security Info=False;User ID=app2;Password=N3w-pass_word;Encrypt=True;',
  ],
  [
    'adonet',
    ' server = h ; UID = app@srv ;\tPwd = "a;""b\'" ; Database=d\r\n',
    'app@srv',
    'a;"b\'',
    ' server = h ; UID = app2 ;\tPwd = "N3w-pass_word" ; Database=d\r\n',
  ],
  [
    'adonet',
    "Provider=SQLOLEDB;Data Source=h;User Name='a p''p';PASSWORD='x\"y'",
    "a p'p",
    'x"y',
    "Provider=SQLOLEDB;Data Source=h;User Name='app2';PASSWORD='N3w-pass_word'",
  ],
  [
    'adonet',
    'Driver={ODBC Driver 18 for SQL Server};Server=h;UID=app;PWD={a}};b"};Encrypt=yes',
    'app',
    'a};b"',
    'Driver={ODBC Driver 18 for SQL Server};Server=h;UID=app2;PWD={N3w-pass_word};Encrypt=yes',
  ],
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
    'adonet',
    'Host=h;Port=5432;Username=app;Password=a=b==;Database=d;;',
    'app',
    'a=b==',
    'Host=h;Port=5432;Username=app2;Password=N3w-pass_word;Database=d;;',
  ],
  [
    'adonet',
    'User ID=app;UID=app;Password=x;Server=h;PWD=x',
    'app',
    'x',
    'User ID=app2;UID=app2;Password=N3w-pass_word;Server=h;PWD=N3w-pass_word',
  ],
  [
    'adonet',
    `DefaultEndpointsProtocol=https;AccountName=app;AccountKey=${KEY};EndpointSuffix=core.windows.net`,
    undefined,
    KEY,
    'DefaultEndpointsProtocol=https;AccountName=app;AccountKey=N3w-pass_word;EndpointSuffix=core.windows.net',
  ],
  [
    'adonet',
    'Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=abc=;EntityPath=q',
    undefined,
    'abc=',
    'Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=N3w-pass_word;EntityPath=q',
  ],
  [
    'libpq',
    'host=h port=5432 dbname=d user=app password=secret sslmode=require',
    'app',
    'secret',
    'host=h port=5432 dbname=d user=app2 password=N3w-pass_word sslmode=require',
  ],
  [
    'libpq',
    "host = 'h 1'  user='a\\'p' \n password = 'x\\\\y z;'\n",
    "a'p",
    'x\\y z;',
    "host = 'h 1'  user='app2' \n password = 'N3w-pass_word'\n",
  ],
  ['libpq', 'user=a\\ p password=x\\\\y host=', 'a p', 'x\\y', 'user=app2 password=N3w-pass_word host='],
];

const URLS: readonly Example[] = [
  [
    'jdbc',
    'jdbc:sqlserver://h:1433;databaseName=d;user=app;password={a}};b};encrypt=true;',
    'app',
    'a};b',
    'jdbc:sqlserver://h:1433;databaseName=d;user=app2;password={N3w-pass_word};encrypt=true;',
  ],
  [
    'jdbc',
    'jdbc:sqlserver://h\\i;userName=app;Password=x\n',
    'app',
    'x',
    'jdbc:sqlserver://h\\i;userName=app2;Password=N3w-pass_word\n',
  ],
  [
    'jdbc',
    'jdbc:postgresql://h:5432/d?user=app%40srv&password=a%26b+c&sslmode=require',
    'app@srv',
    'a&b c',
    'jdbc:postgresql://h:5432/d?user=app2&password=N3w-pass_word&sslmode=require',
  ],
  [
    'jdbc',
    'jdbc:mysql:loadbalance://h1,h2/d?useSSL=true&password=x#&user=app',
    'app',
    'x#',
    'jdbc:mysql:loadbalance://h1,h2/d?useSSL=true&password=N3w-pass_word&user=app2',
  ],
  ['jdbc', 'jdbc:mysql://app:x@h/d', 'app', 'x', 'jdbc:mysql://app2:N3w-pass_word@h/d'],
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
  ['jdbc', 'jdbc:postgresql:d?user=app&password=x', 'app', 'x', 'jdbc:postgresql:d?user=app2&password=N3w-pass_word'],
  [
    'url',
    'postgres://app%40srv:p%2Fq%3A@h.postgres.database.azure.com:5432/d?sslmode=require',
    'app@srv',
    'p/q:',
    'postgres://app2:N3w-pass_word@h.postgres.database.azure.com:5432/d?sslmode=require',
  ],
  ['url', 'postgres://app@srv:a+b:c@h/d\n', 'app@srv', 'a+b:c', 'postgres://app2:N3w-pass_word@h/d\n'],
  [
    'url',
    'mongodb+srv://app:x@h1,h2/?authSource=admin&w=1',
    'app',
    'x',
    'mongodb+srv://app2:N3w-pass_word@h1,h2/?authSource=admin&w=1',
  ],
  [
    'url',
    'postgresql:///d?host=h&user=app&password=x+y#f',
    'app',
    'x+y',
    'postgresql:///d?host=h&user=app2&password=N3w-pass_word#f',
  ],
  ['url', 'postgresql://app@h/d?password=x', 'app', 'x', 'postgresql://app2@h/d?password=N3w-pass_word'],
  ['url', 'rediss://:x@h:6380/0', undefined, 'x', 'rediss://:N3w-pass_word@h:6380/0'],
];

const JSONS: readonly Example[] = [
  [
    'json',
    '{"username":"app","password":"p\\u0061ss","engine":"sqlserver","port":1433}',
    'app',
    'pass',
    '{"username":"app2","password":"N3w-pass_word","engine":"sqlserver","port":1433}',
  ],
  [
    'json',
    '{\r\n\t"n" : [1e5, 10.0, {"password":"no"}],  "Pwd" : "x\\"y" ,\n "n":"\\u00e9",\n "UserName": "app" }\n',
    'app',
    'x"y',
    '{\r\n\t"n" : [1e5, 10.0, {"password":"no"}],  "Pwd" : "N3w-pass_word" ,\n "n":"\\u00e9",\n "UserName": "app2" }\n',
  ],
  [
    'json',
    '\uFEFF{"key":"primary","db":{"login":"app","password":"x","tls":{"key":"pem"}}}',
    'app',
    'x',
    '\uFEFF{"key":"primary","db":{"login":"app2","password":"N3w-pass_word","tls":{"key":"pem"}}}',
  ],
  [
    'json',
    '{"user":"app","credentials":{"secret":"x"},"password":null}',
    'app',
    'x',
    '{"user":"app2","credentials":{"secret":"N3w-pass_word"},"password":null}',
  ],
  [
    'json',
    '{"accountKey":"x","ssl":{"key":"pem"}}',
    undefined,
    'x',
    '{"accountKey":"N3w-pass_word","ssl":{"key":"pem"}}',
  ],
];

const ALL = [...CONNECTION_STRINGS, ...URLS, ...JSONS];

describe('a structured value', () => {
  it.each(ALL)('%s: %j', (format, value, user, secret, replaced) => {
    const parsed = parse(value);
    expect([parsed.format, parsed.user, parsed.secret.reveal()]).toEqual([format, user, secret]);
    expect(parse(value, format).user).toBe(user);
    expect(parsed.replace(next('N3w-pass_word', user === undefined ? undefined : 'app2')).reveal()).toBe(replaced);
    expect(parsed.replace(next(secret, user)).reveal()).toBe(value);
  });

  it('keeps its user when only a password is given', () => {
    const value = parse('postgres://app%40srv:x@h/d').replace(next('y'));
    expect(value.reveal()).toBe('postgres://app%40srv:y@h/d');
  });

  it('is quoted as little as the new password allows', () => {
    const write = (value: string, secret: string): string => parse(value).replace(next(secret)).reveal();
    expect(write('Server=h;Password=x', "a;'b")).toBe('Server=h;Password="a;\'b"');
    expect(write('Server=h;Password=x', 'a "b" ')).toBe('Server=h;Password=\'a "b" \'');
    expect(write('Server=h;Password=x', '{a}')).toBe('Server=h;Password="{a}"');
    expect(write('Driver=d;PWD=x', 'a;}')).toBe('Driver=d;PWD={a;}}}');
    expect(write('host=h password=x', "a'b\\")).toBe("host=h password='a\\'b\\\\'");
    expect(write('postgres://a:x@h', "a+b c!'é")).toBe('postgres://a:a%2Bb%20c%21%27%C3%A9@h');
    expect(write('{"password":"x"}', 'a"\n')).toBe('{"password":"a\\"\\n"}');
  });

  it('prints nothing of itself', () => {
    const parsed = parse('Server=h;User ID=app;Password=hunter2-canary');
    expect(JSON.stringify(parsed)).toBe('{"format":"adonet","user":"app","secret":"[secret]"}');
  });
});

describe('a bare value', () => {
  it.each([
    'a=b;c',
    '{x',
    '{}',
    '"x"',
    '[1]',
    'postgres',
    KEY,
    'password=x',
    'user=a;b=c',
    'a://b',
    'C:\\x',
    'jdbc',
    ' x \n',
    '\uFEFFx',
    'host=x y=z',
    '-----BEGIN KEY-----\nMII=\n-----END KEY-----\n',
  ])('%j is one from its first character to its last', (value) => {
    const parsed = parse(value);
    expect([parsed.format, parsed.user, parsed.secret.reveal()]).toEqual(['bare', undefined, value]);
    expect(parsed.replace(next('y')).reveal()).toBe('y');
  });

  it('may look like anything when the tag says that it is bare', () => {
    const parsed = parse('{"password":"x"}', 'bare');
    expect(parsed.secret.reveal()).toBe('{"password":"x"}');
    expect(parsed.replace(next('postgres://a:b@c')).reveal()).toBe('postgres://a:b@c');
  });

  it('is not replaced by what would be read as another format next time', () => {
    expect(refusal(() => parse('x').replace(next('postgres://a:b@c'))).code).toBe('CONFIG_INVALID');
  });
});

describe('a value is refused', () => {
  it.each([
    ['holds an empty password', ''],
    ['holds an empty password', 'Server=h;User ID=hunter2;Password='],
    ['holds an empty password', 'postgres://hunter2:@h/d'],
    ['holds an empty password', '{"user":"hunter2","password":""}'],
    ['no place for a password', 'Server=hunter2;Database=d;Authentication=Active Directory Default'],
    ['no place for a password', 'https://hunter2.example.com/hook?code=hunter2'],
    ['no place for a password', 'postgres://hunter2@h/d'],
    ['no place for a password', 'host=hunter2 user=hunter2'],
    ['no place for a password', 'jdbc:oracle:thin:hunter2/hunter2@//h:1521/x'],
    ['no place for a password', 'jdbc:sqlserver://hunter2'],
    ['no place for a password', 'Endpoint=https://hunter2.azconfig.io;Id=hunter2;Secret=hunter2'],
    ['two passwords that differ', 'Server=h;Password=hunter2;PWD=hunter3'],
    ['two passwords that differ', 'host=h password=hunter2 password=hunter3'],
    ['two passwords that differ', 'postgres://a:hunter2@h/d?password=hunter3'],
    ['two users that differ', 'Server=h;UID=hunter2;User=hunter3;Password=hunter4'],
    ['both a password and an access key', 'AccountName=hunter2;AccountKey=hunter3;Password=hunter4'],
    ['in braces', 'Server=h;UID=hunter2;PWD={hunter3}'],
    ['quotes do not close', 'Server=h;UID=hunter2;PWD="hunter3'],
    ['quotes do not close', 'Driver=h;UID=hunter2;PWD={hunter3'],
    ['not keyword=value', 'Server=h;UID=hunter2;PWD=a;hunter3'],
    ['not keyword=value', 'jdbc:sqlserver://h;user=hunter2;hunter3'],
    ['not a list of keyword=value', "host=h user=hunter2 password='hunter3"],
    ['not a list of keyword=value', 'host=h user=hunter2 password=a hunter3'],
    ['not percent-encoded', 'postgres://hunter2:hunter%3@h/d'],
    ['not percent-encoded', 'postgres://h/d?password=hunter%FF'],
    ['not a JSON object', '{"user":"hunter2","password":"hunter3"'],
    ['not a JSON object', '[{"user":"hunter2","password":"hunter3"}]'],
    ['no string member named', '{"user":"hunter2","password":3,"connectionString":"Server=h;Password=hunter2"}'],
    ['several passwords: password, secret', '{"user":"hunter2","Password":"hunter3","secret":"hunter4"}'],
    ['several passwords: password, password', '{"password":"hunter2","password":"hunter2"}'],
    ['several passwords: key, pwd', '{"a":{"key":"hunter2"},"b":{"pwd":"hunter3"}}'],
    ['several users: user, login', '{"user":"hunter2","login":"hunter3","password":"hunter4"}'],
    ['a second time', '{"password":"hunter2-hunter2","connectionString":"Server=h;Password=hunter2-hunter2"}'],
    ['could be adonet or libpq', 'host=h user=hunter2;Server=hunter3;Password=hunter4'],
  ])('%s: %j', (problem, value) => {
    const error = refusal(() => parse(value));
    expect([error.code, error.recovery, error.effect]).toEqual(['CONFIG_INVALID', 'reconfigure', 'none']);
    expect(error.problems.map((p) => p.path)).toEqual(['value']);
    expect(error.message).toContain(problem);
    expect(error.cause).toBeUndefined();
    expect(`${error.message}${error.remedy ?? ''}${error.stack ?? ''}`).not.toMatch(/hunter/i);
  });

  it.each(['Server=h;UID=a;', 'Server=h;PWD=a;PWD=', 'Driver=h;PWD={', 'host=h user=', 'jdbc:x:', 'ab://', '{"a":'])(
    'long and broken after %j',
    (start) => {
      for (const filler of [' ', '=', ';', '"', '\\', 'a ', '}', '%']) {
        // A pattern that tries every split of this would not end before the suite's own time-out.
        refusal(() => parse(`${start}${filler.repeat(25_000)}"x`));
      }
    },
  );

  it.each(['json', 'adonet', 'libpq', 'jdbc', 'url'] as const)('as %s, when it is not', (format) => {
    const error = refusal(() => parse('hunter2 hunter3', format));
    expect(error.problems.map((p) => p.path)).toEqual(['value', 'tags.ValueFormat']);
    expect(`${error.message}${error.remedy ?? ''}`).not.toContain('hunter');
  });

  it.each(ALL)('as %s, with a password it cannot hold: %j', (_format, value) => {
    for (const secret of ['', 'hunter\ud800']) {
      const error = refusal(() => parse(value).replace(next(secret)));
      expect(error.message).toMatch(/value: cannot hold the new user and password/);
    }
  });

  it('with a user where it has no place for one, and a key that its SDK would cut', () => {
    const storage = parse(`AccountName=a;AccountKey=${KEY}`);
    expect(refusal(() => storage.replace(next('x', 'app'))).message).toContain('no place for a user');
    expect(refusal(() => storage.replace(next('hunter2;x'))).message).toContain('cannot hold');
    expect(refusal(() => parse('x').replace(next('y', 'app'))).message).toContain('no place for a user');
  });
});

/** Strings that are trouble: quotes, separators, braces, escapes, blanks at the ends, Unicode; the user may be ''. */
const piece = fc.constantFrom(
  ...Array.from('\'";:=&?#%+@/\\{}[](), \t\n.aZ0_-é€😀\u00a0\u0000'),
  '}}',
  '""',
  '%41',
  '\\u0041',
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(piece, { maxLength: 12 }).map((p) => p.join('')),
);
const anySecret = anyText.filter((text) => text !== '');
const withUser = ALL.filter(([, value, user]) => user !== undefined && !value.includes('AccountKey'));

describe('whatever the user and the password', () => {
  it.each(withUser)('%s gives them back, and touches nothing else: %j', (format, value, oldUser, oldSecret) => {
    const parsed = parse(value, format);
    const kept = parsed
      .replace(next('N3w-pass_word', 'app2'))
      .reveal()
      .split(/app2|N3w-pass_word/);
    fc.assert(
      fc.property(anyText, anySecret, (user, secret) => {
        fc.pre(format !== 'json' || !user.includes(secret));
        const written = parsed.replace(next(secret, user));
        const again = parseValue(written, format);
        expect(again.secret.reveal()).toBe(secret);
        // An empty user in a URL is no user, so it cannot be given back its place.
        expect(again.user ?? '').toBe(user);
        expect(between(written.reveal(), kept)).toBe(true);
        expect(again.replace(next(secret, again.user)).equals(written)).toBe(true);
      }),
      { numRuns: 150 },
    );
    expect(parsed.replace(next(oldSecret, oldUser)).reveal()).toBe(value);
  });

  it('a bare value is the new password', () => {
    fc.assert(
      fc.property(anySecret, anySecret, (old, secret) => {
        const parsed = parse(old, 'bare');
        expect(parsed.secret.reveal()).toBe(old);
        expect(parsed.replace(next(secret)).reveal()).toBe(secret);
      }),
    );
  });

  it('any text at all is read or refused without being quoted', () => {
    const starts = ['{"password":', 'Server=h;Password=', 'host=h password=', 'jdbc:sqlserver://h;password=', 'a1://'];
    fc.assert(
      fc.property(fc.constantFrom('', ...starts), anyText, anyText, (start, a, b) => {
        const value = `${start}${a}CANARY-7f3${b}`;
        try {
          expect(parse(value).secret.reveal().length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof RotationError)) throw error;
          expect(error.code).toBe('CONFIG_INVALID');
          expect(`${error.message}${error.remedy ?? ''}${error.stack ?? ''}`).not.toContain('CANARY');
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** Is the text the kept pieces, in order, with something between each two and nothing before or after? */
function between(text: string, kept: readonly string[]): boolean {
  let at = kept[0]?.length ?? 0;
  for (const piece of kept.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  const last = kept.at(-1) ?? '';
  return text.startsWith(kept[0] ?? '') && text.endsWith(last) && text.length - last.length >= at;
}
