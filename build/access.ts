/**
 * Makes docs/access.md's tables and infra/modules/access/needs.json of what the code declares: `node build/access.ts`. A test fails while
 * they are behind.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { format, type Options } from 'prettier';
import {
  CONSUMER_ACCESS,
  DISCOVERY_ACCESS,
  grants,
  isActions,
  isCommand,
  isRole,
  ROTATOR_ACCESS,
  STATE_ACCESS,
  VAULT_ACCESS,
} from '../src/access.ts';
import type { Access, Need } from '../src/azure/access.ts';
import { OPTIONS } from '../src/consumers/needs.ts';
import { PLATFORM_ACCESS } from './platform-access.ts';

const ROOT = resolve(import.meta.dirname, '..');
export const NEEDS = 'infra/modules/access/needs.json';
export const DOCUMENT = 'docs/access.md';

/** The sections of the document, with what each is about. */
export const SECTIONS: Readonly<Record<string, readonly Access[]>> = {
  app: [...Object.values(VAULT_ACCESS), STATE_ACCESS, DISCOVERY_ACCESS],
  rotators: ROTATOR_ACCESS,
  consumers: CONSUMER_ACCESS,
  platform: PLATFORM_ACCESS,
};

/** The parameter file of infra/modules/access. */
export async function needsJson(): Promise<string> {
  return format(JSON.stringify(grants()), { ...(await style()), parser: 'json' });
}

/** A section's table in Markdown, then the commands for what no role of Azure grants. */
export function section(accesses: readonly Access[]): string {
  const head = ['for', 'who', 'where', 'what for', 'role, or actions', 'only with'];
  const rows = accesses.flatMap(({ of, needs }) =>
    needs.length === 0 ? [[code(of), '', '', 'nothing', '', '']] : needs.map((need) => rowOf(of, need)),
  );
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  // Long lists of actions: padded, each table would be five times as long.
  const table = `<!-- prettier-ignore-start -->\n\n${lines.join('\n')}\n\n<!-- prettier-ignore-end -->`;
  return [table, ...commandsOf(accesses)].join('\n\n');
}

function rowOf(of: string, need: Need): readonly string[] {
  return [code(of), need.who ?? 'the app', need.at, need.to, whatOf(need), choices(need)].map((cell) =>
    cell.replaceAll('|', String.raw`\|`),
  );
}

function whatOf(need: Need): string {
  if (isRole(need)) return `_${need.role}_`;
  if (isCommand(need)) return need.right.includes('`') ? need.right : `_${need.right}_`;
  if (!isActions(need)) throw new TypeError('a need of no kind');
  const { actions, dataActions = [], builtIn, unlisted } = need;
  const all = [...actions.map(code), ...dataActions.map((action) => `${code(action)} (data)`)].join('<br>');
  if (builtIn === undefined) return all;
  return unlisted === undefined ? `${all}<br>built in: _${builtIn}_` : `_${builtIn}_, for:<br>${all}`;
}

function choices({ options = [] }: Need): string {
  return options
    .map((option) => code(option in OPTIONS ? OPTIONS[option as keyof typeof OPTIONS] : option))
    .join('<br>');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** One block for each command, with everybody who needs it. */
function commandsOf(accesses: readonly Access[]): readonly string[] {
  const byCommand = new Map<string, { need: Need; of: string[] }>();
  for (const { of, needs } of accesses) {
    for (const need of needs.filter(isCommand)) {
      const found = byCommand.get(need.command) ?? { need, of: [] };
      found.of.push(of);
      byCommand.set(need.command, found);
    }
  }
  return [...byCommand].map(([command, { need, of }]) => {
    const language = isCommand(need) ? need.language : '';
    return `For ${of.map(code).join(', ')}, ${need.at}:\n\n\`\`\`${language}\n${command}\n\`\`\``;
  });
}

/** The document with its sections made anew. @throws when a section has no place in it */
export async function documentOf(text: string): Promise<string> {
  let made = text;
  for (const [name, accesses] of Object.entries(SECTIONS)) {
    const [before, rest] = made.split(`<!-- ${name} -->`);
    const after = rest?.split(`<!-- /${name} -->`)[1];
    if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} has no place for ${name}`);
    made = `${before}<!-- ${name} -->\n\n${section(accesses)}\n\n<!-- /${name} -->${after}`;
  }
  return format(made, { ...(await style()), parser: 'markdown' });
}

async function style(): Promise<Options> {
  return JSON.parse(await readFile(join(ROOT, '.prettierrc.json'), 'utf8')) as Options;
}

if (process.argv[1] === import.meta.filename) {
  const path = join(ROOT, DOCUMENT);
  await writeFile(path, await documentOf(await readFile(path, 'utf8')));
  await writeFile(join(ROOT, NEEDS), await needsJson());
  console.info(`made ${DOCUMENT} and ${NEEDS}`);
}
