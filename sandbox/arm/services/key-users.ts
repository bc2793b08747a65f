/** Resources that encrypt with a key of a vault: what they show of it and how it is changed (facts A8, and the services' specs). */
import { inUse, versionIn, versionOf, withoutVersion } from '../cmk.ts';
import type { Cmk } from '../cmk.ts';
import { badRequest } from '../service.ts';
import type { Asked, Operation, Service } from '../service.ts';
import { at, noKey, textAt } from './bodies.ts';
import type { Json } from './bodies.ts';
import { sqlServer } from './sql-server.ts';

interface Shape {
  readonly type: string;
  show(cmk: Cmk | undefined): Json;
  /** The address of the key in a PATCH, and whether the resource follows by itself from then on. */
  asked(body: unknown, cmk: Cmk | undefined): { readonly url: string; readonly follows: boolean };
  readonly later?: Operation['later'];
}

function shown({ resource }: Asked, shape: Shape): Json {
  const { id, names, cmk, busy } = resource;
  const provisioningState = busy === true ? 'Updating' : 'Succeeded';
  return {
    id,
    name: names['name'],
    type: shape.type,
    location: 'westeurope',
    properties: { provisioningState, ...shape.show(cmk) },
  };
}

/** GET and PATCH of a resource as a whole. */
function whole(shape: Shape): readonly Operation[] {
  return [
    {
      method: 'GET',
      path: /^$/,
      action: `${shape.type}/read`,
      begin: (asked) => () => ({ status: 200, body: shown(asked, shape) }),
    },
    {
      method: 'PATCH',
      path: /^$/,
      action: `${shape.type}/write`,
      ...(shape.later === undefined ? {} : { later: shape.later }),
      begin: (asked) => change(asked, shape),
    },
  ];
}

function change(asked: Asked, shape: Shape): ReturnType<Operation['begin']> {
  const { resource, request, keys } = asked;
  const { url, follows } = shape.asked(request.json, resource.cmk);
  const version = versionOf(url, keys);
  if (shape.later !== undefined) resource.busy = true;
  return () => {
    resource.busy = false;
    resource.cmk = { url, follows, version };
    return { status: 200, body: shown(asked, shape) };
  };
}

const COSMOS = 'Microsoft.DocumentDB/databaseAccounts';

export const cosmosEncryption = whole({
  type: COSMOS,
  later: { style: 'status', status: 202 },
  show: (cmk) =>
    cmk === undefined
      ? {}
      : { keyVaultKeyUri: cmk.follows ? withoutVersion(cmk.url) : inUse(cmk), keyVaultKeyUriVersion: cmk.version },
  asked(body) {
    const url = textAt(body, 'properties', 'keyVaultKeyUri');
    return { url, follows: versionIn(url) === undefined };
  },
});

const REGISTRY = 'Microsoft.ContainerRegistry/registries';
/** The client id of the identity that reads the key; lost when a PATCH does not send it. */
const IDENTITY = '6f1c1a52-2c58-4e0f-9f64-0c7f6c1d2e3b';

export const registryEncryption = whole({
  type: REGISTRY,
  later: { style: 'location', status: 202 },
  show: (cmk) =>
    cmk === undefined
      ? { encryption: { status: 'disabled' } }
      : {
          encryption: {
            status: 'enabled',
            keyVaultProperties: {
              identity: IDENTITY,
              keyIdentifier: cmk.follows ? withoutVersion(cmk.url) : inUse(cmk),
              versionedKeyIdentifier: inUse(cmk),
              keyRotationEnabled: cmk.follows,
            },
          },
        },
  asked(body) {
    if (at(body, 'properties', 'encryption', 'keyVaultProperties', 'identity') !== IDENTITY) {
      throw badRequest('The identity that reads the key is not given.');
    }
    const url = textAt(body, 'properties', 'encryption', 'keyVaultProperties', 'keyIdentifier');
    return { url, follows: versionIn(url) === undefined };
  },
});

const DISK = 'Microsoft.Compute/diskEncryptionSets';
const VAULT = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv';

const diskEncryptionSet: Service = {
  address: `${DISK}/{name}`,
  slots: [],
  mint: noKey,
  operations: whole({
    type: DISK,
    later: { style: 'status', status: 202 },
    show: (cmk) => ({
      encryptionType: 'EncryptionAtRestWithCustomerKey',
      rotationToLatestKeyVersionEnabled: cmk?.follows ?? false,
      ...(cmk === undefined ? {} : { activeKey: { sourceVault: { id: VAULT }, keyUrl: inUse(cmk) } }),
    }),
    asked(body, cmk) {
      const url = textAt(body, 'properties', 'activeKey', 'keyUrl');
      if (versionIn(url) === undefined) throw badRequest('Version segment of the Url is required.');
      return { url, follows: cmk?.follows ?? false };
    },
  }),
};

export const KEY_USER_SERVICES: readonly Service[] = [diskEncryptionSet, sqlServer];
