import { SecretValue } from '../../src/rotation/secret-value.ts';
import type { RotatorHarness } from '../../test/contract/rotator-harness.ts';
import { parcelRotator } from './rotator.ts';
import { ParcelService, type Trouble } from './service.ts';

/** The sample as the contract and crash suites want it. */
export function parcelHarness(): RotatorHarness {
  const service = new ParcelService();
  const token = new SecretValue(service.token);
  const administrators = { for: () => Promise.resolve({ kind: 'password', user: '', password: token } as const) };
  return {
    name: 'parcel-key (sample)',
    patienceMs: 250,
    rotator: parcelRotator({ administrators }),
    start: () => service.start(),
    stop: () => service.stop(),
    fresh: () => {
      const { id, key } = service.make('made by hand');
      return Promise.resolve({
        input: { credentialId: id, providerAddress: `parcel://${service.host}` },
        current: { credentialId: id, slot: id, value: new SecretValue(key) },
      });
    },
    authenticates: (_input, { value }) => Promise.resolve(service.isValid(value.reveal())),
    mint: () => new SecretValue('pk_of_nobody-and-long-enough'),
    fault: (kind) => {
      const troubles = {
        denied: 'denied',
        absent: 'absent',
        throttled: 'throttled',
        unavailable: 'unavailable',
        timeout: 'hang',
      };
      service.trouble = troubles[kind] as Trouble;
      return Promise.resolve(() => Promise.resolve(void (service.trouble = undefined)));
    },
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'unknown' },
      timeout: { code: 'TIMED_OUT', effect: 'unknown' },
    },
    written: () => Promise.resolve(service.log.join('\n')),
    badInputs: ['', 'parcel://', 'parcel://a b', 'https://example.com'].map((providerAddress) => ({
      why: providerAddress,
      input: { credentialId: 'k', providerAddress },
      paths: ['tags.ProviderAddress'],
    })),
  };
}
