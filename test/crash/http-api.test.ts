import { HttpApiHarness } from '../contract/http-api.harness.ts';
import { describeCrashes } from './crash-suite.ts';

describeCrashes(new HttpApiHarness('sendgrid'));
