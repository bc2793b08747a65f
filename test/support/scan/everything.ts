/**
 * When a run of the tests is over, everything that it wrote is searched for every secret that its sandboxes held: what apps
 * logged and answered, what went into tables, queues and the topic, tags, the databases' logs, and what the run itself printed
 * and reported. A finding fails the run. Each sandbox is searched for its own secrets, and everything for what looks minted.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { TRANSCRIPTS_VARIABLE, type TranscriptFile } from '../../../sandbox/transcript.ts';
import { searchEverything } from './search.ts';

/** Called by vitest once, before the first test; what it returns is called after the last one. */
export default function setup({ vitest }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-transcripts-'));
  process.env[TRANSCRIPTS_VARIABLE] = folder;
  const printed = [tee(process.stdout), tee(process.stderr)];
  return () => {
    const output = printed.map((end) => end()).join('\n');
    try {
      const files = readdirSync(folder).map(
        (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as TranscriptFile,
      );
      if (files.length === 0) return;
      const { findings, summary } = searchEverything(files, {
        'output of the run': output,
        ...reports(vitest.config.outputFile),
      });
      console.log(summary);
      if (findings.length === 0) return;
      console.error(`secret values were written:\n${findings.join('\n')}`);
      process.exitCode = 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** Keeps what is written to a stream; the returned function ends that. */
function tee(stream: NodeJS.WriteStream): () => string {
  const written: string[] = [];
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    written.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
    return write(chunk, ...rest);
  };
  return () => {
    stream.write = write;
    return written.join('');
  };
}

/** Files that reporters have written by now. */
function reports(
  outputFile: string | Readonly<Record<string, string | undefined>> | undefined,
): Record<string, string> {
  const paths = typeof outputFile === 'string' ? [outputFile] : Object.values(outputFile ?? {});
  const there = paths.filter((path) => path !== undefined && existsSync(path));
  return Object.fromEntries(there.map((path) => [`report ${path ?? ''}`, readFileSync(path ?? '', 'utf8')]));
}
