import type { Call, Issued, SecretValue, Slot } from '../../rotation/ports.ts';

/** What the composition root says about the cloud; the same for every row. */
export interface CloudNames {
  /** Storage's DNS suffix, with a port where it is not 443: `core.windows.net`. */
  readonly storageSuffix: string;
  /** By kind, what follows a resource's name in its host; a kind that is not there has its row's own. */
  readonly serviceSuffixes: Readonly<Record<string, string>>;
}

/** Where the keys are, as the tag spells it (ARM ids are case-insensitive, but answers echo the spelling). */
export interface ArmKeyConfig {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** The resource's own name, lower case: it is a host name too. */
  readonly name: string;
  /** Every name in the address, by its place in the row's address. */
  readonly names: Readonly<Record<string, string>>;
  /** ARM's type, of which actions are made: `Microsoft.Storage/storageAccounts`. */
  readonly type: string;
  /** The path in ARM, percent-encoded, without a trailing slash. */
  readonly path: string;
}

/** One call to ARM. */
export interface ArmVerb {
  /** POST when absent. */
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** What follows the address, e.g. `/listKeys`. */
  readonly path: string;
  /** The path that it follows, where that is not the address itself. */
  readonly on?: string;
  /** The RBAC action that it needs, as role definitions spell it. */
  readonly action: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Only if the resource still has this ETag. */
  readonly ifMatch?: string;
}

/** Sends a call that changes nothing to ARM. @returns the answer's body. @throws RotationError */
export type AskArm = (verb: ArmVerb) => Promise<unknown>;

/** A rule for a name, and the sentence that says it. */
export interface NameRule {
  readonly pattern: RegExp;
  readonly rule: string;
}

export interface Question {
  readonly config: ArmKeyConfig;
  /** `host` or `host:port`, one of `Target.hosts`. */
  readonly host: string;
  readonly issued: Issued;
  /** ARM's answer to the row's `list`; a call. */
  readonly listed: () => Promise<unknown>;
  readonly call: Call;
}

/** The service itself, where a key can be tried. */
export interface DataPlane {
  /** What follows the resource's name in its host in the public cloud. Absent for storage, which has its own setting. */
  readonly suffix?: string;
  host(config: ArmKeyConfig, suffix: string): string;
  /**
   * The key itself is sent, not a signature. A tag names the resource, so it is sent only after ARM, which the tag's writer has
   * no say in, has told that the key is this resource's.
   */
  readonly sendsKey?: true;
  /**
   * Authenticates with the key: one request, never repeated, nothing changed by it. `unclear`: the service was reached and did
   * not say that the key is wrong, but neither that it is right; then ARM is asked which key is in the slot.
   * @throws CREDENTIAL_REJECTED when the service says no; anything else: it could not be asked
   */
  prove(question: Question): Promise<'proved' | 'unclear'>;
}

/**
 * A service whose two keys ARM lists and regenerates. Names, spelling and case of paths, bodies and slots differ from
 * service to service (facts C), so a row spells out each of them and nothing is derived from another.
 */
export interface ArmKeyRow {
  /** The rotator's kind. */
  readonly kind: string;
  /** What the resource is called in a sentence. */
  readonly noun: string;
  /** Where the keys are, below `/providers/`. `{name}` is the resource's own name, other braces those of its children. */
  readonly addresses: readonly string[];
  /** By what stands in the braces. */
  readonly names: Readonly<Record<string, NameRule>>;
  readonly apiVersion: string;
  /** The pairs of slots; or a rule where the two tags name any two keys, and one that does not exist yet is made. */
  readonly pairs: readonly (readonly [Slot, Slot])[] | NameRule;
  list(config: ArmKeyConfig): ArmVerb;
  /** The call that makes a new key in the slot. */
  regenerate(slot: Slot, config: ArmKeyConfig): ArmVerb;
  /**
   * The same call, for a service where it depends on something that has to be read first; `regenerate` then is what a dry
   * run shows of it.
   */
  prepare?(slot: Slot, config: ArmKeyConfig, ask: AskArm): Promise<ArmVerb>;
  /** The keys in the answer of either call; slots that the answer does not have are absent. Pure. */
  readKeys(body: unknown, config: ArmKeyConfig): ReadonlyMap<Slot, SecretValue>;
  /** Where a key has an id that readers give beside it: the ids in the answer of either call. Pure. */
  users?(body: unknown): ReadonlyMap<Slot, string>;
  /** What `prepare` reads besides, as role definitions spell it. */
  readonly prepares?: readonly string[];
  /** The built-in role with the fewest rights that grants the calls. */
  readonly role: string;
  /** The role grants these calls and no others. */
  readonly roleIsExact?: true;
  /** The command that shows a person which key is which, where there is a better one than `az rest` with the row's `list`. */
  listByHand?(config: ArmKeyConfig): string;
  /** How a key is proved. `read back`: ARM is asked whether it is the one in the slot, which is weaker. */
  readonly proof: DataPlane | 'read back';
}
