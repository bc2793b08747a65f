import { postgresHarness } from './postgres.harness.ts';
import { describeRotator } from './rotator-suite.ts';

describeRotator(postgresHarness());
describeRotator(postgresHarness({ disableOnRevoke: true }));
describeRotator(postgresHarness({ accounts: 'single' }));
