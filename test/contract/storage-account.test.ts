import { describeRotator } from './rotator-suite.ts';
import { storageAccountHarness } from './storage-account.harness.ts';

describeRotator(storageAccountHarness());
