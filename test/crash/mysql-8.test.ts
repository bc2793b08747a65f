import { describe } from 'vitest';
import { mysqlHarness } from '../contract/mysql.harness.ts';
import { announce, whyNoMySqlHere } from '../contract/mysql.stage.ts';
import { describeCrashPass } from './crash-suite.ts';

// One pass: the other three are made with an account in memory that keeps the value before, which takes seconds instead of minutes.
describe.runIf(announce(whyNoMySqlHere()))('on MySQL itself', () => {
  describeCrashPass('mysql-single', [mysqlHarness({ mysql: 'caching_sha2_password', accounts: 'single' })]);
});
