import { RotationError } from '../rotation/errors.ts';
import type { Call, Log, Notice, NoticeMessage, NoticeQueue, Notices } from '../rotation/ports.ts';
import { subscribes, type Channel } from './channel.ts';
import type { ChannelDeps } from './consumer.ts';
import { deliver, deliveryId } from './deliver.ts';
import { cut } from './formats/text.ts';
import { noticeSaid } from './said.ts';

/** A queue's message holds 48 KB before it is encoded. */
const LONGEST_TEXT = 4_000;
/** So often a channel may ask for more time than the platform waits by itself. */
const MOST_PUT_BACK = 10;
const LONGEST_WAIT_MS = 24 * 3600_000;

export interface NoticesDeps {
  readonly channels: readonly Channel[];
  readonly queue: NoticeQueue;
  readonly log: Log;
}

/** Queues a notice once for each channel that takes it. */
export function createNotices({ channels, queue, log }: NoticesDeps): Notices {
  return {
    async tell(notice, call) {
      const takers = channels.filter((one) => subscribes(one, 'notices', notice.object));
      const { at: _at, ...told } = bounded(notice);
      // The log is where people look who have no channel.
      if (takers.length === 0) log('error', 'people are to know', told);
      for (const { name: channel } of takers) await queue.notify({ channel, notice: bounded(notice) }, 0, call);
    },
  };
}

/**
 * Delivers one of them. May be repeated: the id is the same.
 * @returns what became of it, for the log
 * @throws RotationError: the platform delivers the message again, and gives it up at last
 */
export async function deliverNotice(
  deps: ChannelDeps & { readonly queue: NoticeQueue },
  message: NoticeMessage,
  call: Call,
): Promise<'delivered' | 'dropped' | 'deferred'> {
  const { notice, putBack = 0 } = message;
  const channel = deps.channels.find(({ name }) => name === message.channel);
  if (channel === undefined || !subscribes(channel, 'notices', notice.object)) return 'dropped';
  try {
    await deliver(deps, channel, noticeSaid(notice), deliveryId(notice.id, channel.name), call);
    return 'delivered';
  } catch (error) {
    // The platform would come back at its own time, which is too early for it, and use up its attempts.
    const wait = error instanceof RotationError && error.recovery === 'retry' ? error.retryAfterMs : undefined;
    if (wait === undefined || putBack >= MOST_PUT_BACK) throw error;
    await deps.queue.notify({ ...message, putBack: putBack + 1 }, Math.min(wait, LONGEST_WAIT_MS), call);
    return 'deferred';
  }
}

function bounded(notice: Notice): Notice {
  const { message, remedy } = notice;
  const toDo = remedy === undefined ? {} : { remedy: cut(remedy, LONGEST_TEXT) };
  return { ...notice, message: cut(message, LONGEST_TEXT), ...toDo };
}
