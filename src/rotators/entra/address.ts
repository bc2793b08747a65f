/** Which application registration; Graph knows it by two ids. */
export interface EntraApp {
  /** Its path in Graph: `/applications/<object id>` or `/applications(appId='<client id>')`. */
  readonly path: string;
  /** For commands: `az ad app` takes either id. */
  readonly anyId: string;
}

const GUID_TEXT = '[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}';
const BY_OBJECT_ID = new RegExp(`^(?:applications/)?(${GUID_TEXT})$`);
const BY_APP_ID = new RegExp(`^appid=(${GUID_TEXT})$`);

export const GUID = new RegExp(`^${GUID_TEXT}$`);

/**
 * Takes the address apart; undefined when it is none. A GUID alone is the object id, as in Microsoft's rotation sample. The
 * two ids of one application give two target ids, since nothing but Graph can tell that they are the same. Pure.
 */
export function splitAddress(address: string): { readonly id: string; readonly config: EntraApp } | undefined {
  const text = address
    .trim()
    .toLowerCase()
    .replace(/^\/|\/$/g, '');
  const [, objectId] = BY_OBJECT_ID.exec(text) ?? [];
  if (objectId !== undefined) {
    const id = `applications/${objectId}`;
    return { id, config: { path: `/${id}`, anyId: objectId } };
  }
  const [, appId] = BY_APP_ID.exec(text) ?? [];
  if (appId === undefined) return undefined;
  return { id: `appId=${appId}`, config: { path: `/applications(appId='${appId}')`, anyId: appId } };
}
