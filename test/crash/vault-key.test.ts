import { MemoryKeyStage } from '../support/memory/key-stage.ts';
import { describeKeyCrashes } from './key-crash-suite.ts';

describeKeyCrashes('vault-key', (setting) => new MemoryKeyStage(setting));
