import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/rotation/secret-value.ts';

const secret = new SecretValue('hunter2');

describe('a secret value does not print', () => {
  it.each<[string, string]>([
    ['as text', String(secret)],
    ['by toString', secret.toString()],
    ['by a template', `it is ${secret as unknown as string}`],
    ['by adding', 'it is ' + (secret as unknown as string)],
    ['as JSON', JSON.stringify({ secret })],
    ['by inspect', inspect({ secret }, { showHidden: true, depth: 9 })],
    ['by format', format('%s %o %j', secret, secret, secret)],
    ['in an error', new Error('failed', { cause: secret }).stack ?? ''],
    ['by its keys', Object.entries(secret).join()],
    ['spread', JSON.stringify(Object.assign({}, secret))],
    ['cloned', inspect(structuredClone(Object.assign({}, secret)))],
  ])('%s', (_, text) => {
    expect(text).not.toContain('hunter2');
  });

  it('except where it is asked for by name', () => {
    expect(secret.reveal()).toBe('hunter2');
  });

  it('and can be compared without', () => {
    expect(secret.equals(new SecretValue('hunter2'))).toBe(true);
    expect(secret.equals(new SecretValue('hunter3'))).toBe(false);
  });
});
