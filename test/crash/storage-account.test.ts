import { storageAccountHarness } from '../contract/storage-account.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(storageAccountHarness());
