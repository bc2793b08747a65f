import type { Notice, Notices } from '../../../src/rotation/ports.ts';
import type { Calls } from './calls.ts';

/** What people were told. */
export class MemoryNotices implements Notices {
  readonly #calls: Calls;
  readonly told: Notice[] = [];

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async tell(notice: Notice): Promise<void> {
    await this.#calls.made('notices.tell');
    this.told.push(notice);
  }
}
