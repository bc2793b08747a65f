import { sqlServerHarness } from '../contract/sql-server.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(sqlServerHarness({ edition: 'box', contained: false }));
