import { describe } from 'vitest';
import { mysqlHarness } from '../contract/mysql.harness.ts';
import { announce, whyNoServer } from '../contract/mysql.stage.ts';
import { describeCrashes, describeCrashPass } from './crash-suite.ts';

describe.runIf(announce(whyNoServer()))('on a server', () => {
  describeCrashes(mysqlHarness());
  describeCrashPass('mysql-single', [mysqlHarness({ accounts: 'single' })]);
});
