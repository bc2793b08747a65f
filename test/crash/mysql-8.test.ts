import { describe } from 'vitest';
import { mysqlHarness } from '../contract/mysql.harness.ts';
import { announce, whyNoMySqlHere } from '../contract/mysql.stage.ts';
import { describeCrashes } from './crash-suite.ts';

describe.runIf(announce(whyNoMySqlHere()))('on MySQL itself', () => {
  describeCrashes(mysqlHarness({ mysql: 'caching_sha2_password', accounts: 'single' }));
});
