import { describeArmKeys, KINDS } from './arm-key.places.ts';

describeArmKeys(KINDS.slice(14));
