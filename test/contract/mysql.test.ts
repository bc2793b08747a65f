import { describe } from 'vitest';
import { mysqlHarness } from './mysql.harness.ts';
import { announce, whyNoServer } from './mysql.stage.ts';
import { describeRotator } from './rotator-suite.ts';

describe.runIf(announce(whyNoServer()))('on a server', () => {
  describeRotator(mysqlHarness());
  describeRotator(mysqlHarness({ disableOnRevoke: true }));
  describeRotator(mysqlHarness({ accounts: 'single' }));
});
