import type { Call, Consumer, ObjectRef, Reference } from '../rotation/ports.ts';

/** A resource that may hold references, as a query over subscriptions finds it. */
export interface FoundResource {
  /** Its ARM id. */
  readonly id: string;
  /** As Resource Graph spells it, lower case: `microsoft.network/applicationgateways`. */
  readonly type: string;
  readonly location: string;
}

/** A kind of consumer with the way to find it: one folder and one line in registry.ts each. */
export interface ConsumerAdapter extends Consumer {
  /** The types of the resources that hold such references, lower case. */
  readonly types: readonly string[];
  /**
   * Whether Resource Graph's copy of the resource shows the references: then only resources that mention vault and name are asked,
   * and those of which the copy says nothing of any vault; `mentioned`: not those, because nearly all of the type have nothing to do
   * with a vault (most machines' extensions), and the copies are known to be whole.
   * Otherwise every resource of these types is asked once, by the one call that lists what it holds.
   */
  readonly inGraph: boolean | 'mentioned';
  /**
   * The references to the object that this resource holds; none is usual. Read-only.
   * @throws TARGET_NOT_FOUND when it is gone since, ACCESS_DENIED naming action and role, …
   */
  find(resource: FoundResource, object: ObjectRef, call: Call): Promise<readonly Reference[]>;
}
