import type { Run } from '../rotation/record.ts';

/** One sentence for the person on call. */
export function whatToDo(run: Run): string {
  switch (run.state) {
    case 'queued':
      return 'Nothing: it starts when a worker takes it from the queue. If it stays so for minutes, look at GET /api/health.';
    case 'running':
      return 'Nothing: it is being worked on. If its worker died, another goes on when the lease has lapsed.';
    case 'waiting':
      return `${waitsFor(run)} It goes on by itself at ${run.wakeAt ?? 'the next sweep'}.`;
    case 'blocked':
      return sentence(run.blocked?.remedy ?? run.blocked?.message ?? 'See the last step');
    case 'done':
      return 'Nothing: it is done.';
    case 'cancelled':
    case 'refused':
      return sentence(run.steps.at(-1)?.detail ?? 'Nothing: it is over');
  }
}

function waitsFor(run: Run): string {
  if (run.lastError !== undefined)
    return [run.lastError.message, run.lastError.remedy ?? ''].map(sentence).join(' ').trim();
  const last = run.steps.at(-1);
  if (last?.outcome === 'waiting' && last.detail !== undefined) return sentence(last.detail);
  return 'Nothing is to be done.';
}

function sentence(text: string): string {
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`;
}
