/** What azd, the pipeline and the guide say of the same names, and what the workflows may do. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const text = (path: string): string => readFileSync(path, 'utf8');
const all = (source: string, pattern: RegExp): readonly string[] =>
  [...source.matchAll(pattern)].map(([, name = '']) => name);
const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();

const read = sorted(all(text('infra/main.bicepparam'), /readEnvironmentVariable\('(KEYTURN_\w+)'/g));

describe('the names in azd’s environment', () => {
  test('are those that the parameters are read from, in the guide', () => {
    const table = text('docs/deploy.md').split('<!-- azd -->')[1]?.split('<!-- /azd -->')[0] ?? '';
    expect(sorted(all(table, /^\| `(\w+)`/gm))).toEqual(read);
  });

  test('…and handed to a pipeline', () => {
    expect(sorted(all(text('azure.yaml'), /^ {4}- (KEYTURN_\w+)$/gm))).toEqual(read);
  });

  test('are in the guide as they are spelled', () => {
    const outputs = all(text('infra/main.bicep'), /^output (KEYTURN_\w+) /gm);
    const settings = all(text('src/config/settings.ts'), /^ {2}'(KEYTURN_\w+)',$/gm);
    const hooks = all(text('infra/hooks/after-deploy.ts') + text('infra/hooks/sign-in.ts'), /'(KEYTURN_\w+)'/g);
    const known = [...read, ...outputs, ...settings];
    expect(sorted(all(text('docs/deploy.md'), /\b(KEYTURN_\w+)/g)).filter((name) => !known.includes(name))).toEqual([]);
    expect(sorted(hooks).filter((name) => !known.includes(name))).toEqual([]);
  });
});

test('the guide names files and headings that are there', () => {
  const guide = text('docs/deploy.md');
  const files = all(guide, /`((?:infra|\.github)\/[\w./-]+)`/g);
  const there = new Set(
    globSync(['infra/**', '.github/**']).map((path) => path.replaceAll('\\', '/').replace(/\/$/, '')),
  );
  const later = /^infra\/modules\/(?:access|watch|governance)/;
  expect(files.filter((path) => !there.has(path.replace(/\/$/, '')) && !later.test(path))).toEqual([]);
  const headings = all(guide, /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  expect(all(guide, /\]\(#([\w-]+)\)/g).filter((anchor) => !headings.includes(anchor))).toEqual([]);
});

test('the scripts that azd calls are in package.json', () => {
  const { scripts } = JSON.parse(text('package.json')) as { readonly scripts: object };
  const called = all(text('azure.yaml'), /npm run --silent ([\w:-]+)/g);
  expect(called).toContain('package');
  expect(called.filter((name) => !(name in scripts))).toEqual([]);
});

test('the hooks that may be the first in a new checkout install the packages', () => {
  const hooks = text('azure.yaml').split(/^ +(?=pre|post)/m);
  const first = hooks.filter((hook) => /^(?:prepackage|preprovision):/.test(hook));
  expect(first).toHaveLength(2);
  expect(first.flatMap((hook) => all(hook, /^ +run: (.*)$/gm)).filter((run) => !run.includes('npm ci'))).toEqual([]);
});

describe.each(globSync('.github/workflows/*.yml'))('%s', (path) => {
  const workflow = text(path);

  test('pins what it uses by commit, and says which release that is', () => {
    const uses = all(workflow, /uses: (.+)$/gm);
    expect(uses.length).toBeGreaterThan(1);
    expect(uses.filter((one) => !/^[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(one))).toEqual([]);
  });

  test('may read, and ask for a token of Azure where it deploys, and nothing else', () => {
    expect(workflow).toMatch(/^permissions:/m);
    const rights = all(workflow, /^ +([\w-]+: (?:read|write|none)(?:-all)?)$/gm);
    const most = path.includes('deploy') ? ['contents: read', 'id-token: write'] : ['contents: read'];
    expect(sorted(rights)).toEqual(most);
    expect(workflow).not.toMatch(/pull_request_target|secrets\./);
  });

  test('keeps no token of GitHub in the checkout', () => {
    expect(all(workflow, /(persist-credentials: false)/g)).toHaveLength(all(workflow, /(actions\/checkout@)/g).length);
  });
});

test('nothing is asked of Azure for a fork, and only main is deployed, after its reviewers', () => {
  const jobs =
    text('.github/workflows/deploy.yml')
      .split('\njobs:\n')[1]
      ?.split(/^ {2}(?=[\w-]+:$)/m) ?? [];
  const [whatIf = '', deploy = ''] = ['what-if:', 'deploy:'].map((name) => jobs.find((job) => job.startsWith(name)));
  expect(whatIf).toContain('github.event.pull_request.head.repo.full_name == github.repository');
  expect(whatIf).not.toContain('AZURE_CLIENT_ID }}');
  expect(deploy).toMatch(/if: .*github\.ref == 'refs\/heads\/main' && github\.event_name != 'pull_request'/);
  expect(deploy).toMatch(/^ {4}environment: production$/m);
});
