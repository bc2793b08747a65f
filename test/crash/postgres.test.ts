import { postgresHarness } from '../contract/postgres.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(postgresHarness());
