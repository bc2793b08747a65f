import { describe } from 'vitest';
import { mysqlHarness } from './mysql.harness.ts';
import { announce, whyNoMySqlHere } from './mysql.stage.ts';
import { describeRotator } from './rotator-suite.ts';

describe.runIf(announce(whyNoMySqlHere()))('on MySQL itself', () => {
  describeRotator(mysqlHarness({ mysql: 'caching_sha2_password' }));
  describeRotator(mysqlHarness({ mysql: 'mysql_native_password', disableOnRevoke: true }));
  describeRotator(mysqlHarness({ mysql: 'caching_sha2_password', accounts: 'single' }));
});
