import { execFile } from 'node:child_process';

/** Runs a command and gives what it printed, without the line end. @throws with what it said on its error stream */
export type Run = (command: 'az' | 'azd', ...args: readonly string[]) => Promise<string>;

export class CommandFailed extends Error {}

/** `az` is a script on Windows, which only a shell starts. No argument here comes from anybody but the one who deploys. */
export const run: Run = (command, ...args) =>
  new Promise((resolve, reject) => {
    const shell = process.platform === 'win32';
    execFile(command, shell ? args.map(quoted) : [...args], { shell, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new CommandFailed(`${command} ${args.slice(0, 3).join(' ')}: ${stderr.trim() || error.message}`));
    });
  });

/** For cmd.exe, which starts the script: in double quotes, and those inside doubled. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** @throws when azd has not set it */
export function required(env: Variables, name: string): string {
  const value = env[name]?.trim() ?? '';
  if (value !== '') return value;
  throw new CommandFailed(
    `${name} is not set: run this through azd, or set it first (azd env get-values shows what is there)`,
  );
}
