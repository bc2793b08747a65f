/** `npm run bench`: what Keyturn costs, as ratios, each measured against its floor in the same run. See bench/README.md. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makePackage } from '../build/package.ts';
import { countCalls } from './calls.ts';
import { measureColdStart } from './cold-start.ts';
import { measureGaps } from './gap.ts';
import { measureMemory } from './memory.ts';
import { callsText, coldStartText, gapsText, LIMITS, memoryText, rotationText, type Report } from './report.ts';
import { measureRotation } from './rotation.ts';
import { Stage } from './stage.ts';

const PACKAGE = resolve(import.meta.dirname, '../package');
const USAGE = `npm run bench               builds the app and measures it; one or two minutes
npm run bench -- --quick    fewer repetitions; noisier
npm run bench -- --json     prints one JSON object and nothing else
Exits 0 when it could measure, whatever the figures are.`;

const { values: flags } = parseArgs({
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, help: { type: 'boolean' } },
});

if (flags.help) console.log(USAGE);
else {
  await bench(flags.quick === true, flags.json === true);
  // Said outright: it could measure. What could not be measured was thrown.
  process.exitCode = 0;
}

async function bench(quick: boolean, json: boolean): Promise<void> {
  const say = (line: string): void => {
    if (!json) console.log(line);
  };
  say(`Node ${process.versions.node}${quick ? ', quick' : ''}. Building the app …`);
  await makePackage(PACKAGE);
  const coldStart = await measureColdStart(PACKAGE, quick ? 11 : 25);
  say(coldStartText(coldStart));
  const stage = await Stage.set();
  try {
    const rotation = await measureRotation(stage, quick ? 16 : 40);
    say(rotationText(rotation));
    const calls = await countCalls(stage);
    say(callsText(calls));
    const gaps = await measureGaps(stage, quick ? 8 : 25);
    say(gapsText(gaps, stage.missing));
    const memory = await measureMemory(stage, PACKAGE, quick ? 10 : 50);
    say(memoryText(memory));
    const report: Report = {
      ...{ node: process.versions.node, quick, limits: LIMITS },
      ...{ coldStart, rotation, calls, gaps, memory },
    };
    if (json) console.log(JSON.stringify(report, undefined, 2));
  } finally {
    await stage.stop();
  }
}
