import { expect } from 'vitest';

/** `expect.stringContaining` and its like, without their `any`. */
export const containing = (text: string): unknown => expect.stringContaining(text);
export const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
