import { describe, expect, it } from 'vitest';
import { configInvalid, ERROR_CODES, RotationError } from '../../src/rotation/errors.ts';

describe('a RotationError', () => {
  it('has a code, and no effect unless it says so', () => {
    const error = new RotationError({ code: 'THROTTLED', recovery: 'retry', message: 'too many' });
    expect(error).toMatchObject({ name: 'RotationError', code: 'THROTTLED', effect: 'none', problems: [] });
    expect(error.remedy).toBeUndefined();
    expect(error.retryAfterMs).toBeUndefined();
    expect('cause' in error).toBe(false);
  });

  it('keeps what it is given', () => {
    const cause = new Error('below');
    const given = {
      code: 'TIMED_OUT',
      recovery: 'human',
      effect: 'unknown',
      remedy: 'Look.',
      retryAfterMs: 5,
    } as const;
    expect(new RotationError({ ...given, message: 'm', cause })).toMatchObject({ ...given, cause });
  });

  it('has a closed set of codes, each once', () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  });
});

describe('a refused configuration', () => {
  const problems = [
    { path: 'tags.A', message: 'is wrong' },
    { path: 'tags.B', message: 'is missing' },
  ];

  it('tells every problem in its message, so that a log line is enough', () => {
    expect(configInvalid('the tags', problems)).toMatchObject({
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: 'the tags: tags.A: is wrong; tags.B: is missing',
      problems,
    });
  });

  it('has a remedy where there is one', () => {
    expect(configInvalid('the tags', problems, 'Correct them.').remedy).toBe('Correct them.');
    expect(configInvalid('the tags', problems).remedy).toBeUndefined();
  });
});
