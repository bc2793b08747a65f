type Happening = () => void | Promise<void>;

/** Every call of every port, in order, and what a test wants to happen in one of them. */
export class Calls {
  readonly log: string[] = [];
  readonly #planned: { readonly call: string; readonly happens: Happening }[] = [];

  /** The next call of this name throws. */
  fail(call: string, error: Error, times = 1): void {
    for (let i = 0; i < times; i += 1) {
      this.before(call, () => {
        throw error;
      });
    }
  }

  /** Something happens just before the next call of this name is carried out. */
  before(call: string, happens: Happening): void {
    this.#planned.push({ call, happens });
  }

  /** Asked by each port at the beginning of each call. */
  async made(call: string): Promise<void> {
    this.log.push(call);
    const index = this.#planned.findIndex((one) => one.call === call);
    if (index >= 0) await this.#planned.splice(index, 1)[0]?.happens();
  }

  count(call: string): number {
    return this.log.filter((one) => one === call).length;
  }
}
