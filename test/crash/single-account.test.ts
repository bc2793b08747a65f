import { postgresHarness } from '../contract/postgres.harness.ts';
import { sqlServerHarness } from '../contract/sql-server.harness.ts';
import { describeCrashes } from './crash-suite.ts';
import { retainingHarness } from './retaining.harness.ts';

describeCrashes(postgresHarness({ accounts: 'single' }));
describeCrashes(sqlServerHarness({ edition: 'box', contained: false, single: true }));
describeCrashes(retainingHarness());
