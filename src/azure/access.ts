/*
 * What somebody must be allowed before a part of the app can do its work, declared beside the code that does it. Data only: nothing at run
 * time asks it. docs/access.md, the custom roles of infra/ and the commands that people run are made of it.
 */

interface Base {
  /** Who needs it; the app's identity when absent. */
  readonly who?: string;
  /** Where, as the role is best assigned: `the vault`, `the storage account`. */
  readonly at: string;
  /** What for, as a verb: `lists the keys and makes new ones`. */
  readonly to: string;
  /** Choices of KEYTURN_CONSUMERS, any of which makes it needed; absent: it always is. */
  readonly options?: readonly string[];
}

/** A built-in role that is no wider than what is done with it, or that nothing narrower is known for. */
export interface RoleNeed extends Base {
  readonly role: string;
}

/** Exactly these actions, as role definitions spell them; a custom role grants them, but where `unlisted` says that it cannot. */
export interface ActionsNeed extends Base {
  readonly actions: readonly string[];
  readonly dataActions?: readonly string[];
  /** The built-in role with the fewest rights that has all of them. Absent: there is none but Contributor. */
  readonly builtIn?: string;
  /**
   * Those of them that are not in Azure's published list of operations [U]. Azure refuses a role definition with an action that it does not
   * know, and nothing would be deployed: so the built-in role is assigned.
   */
  readonly unlisted?: readonly string[];
}

/** What no role of Azure grants, or what nobody but its owner can: the commands or statements that do. */
export interface CommandNeed extends Base {
  readonly right: string;
  readonly command: string;
  readonly language: 'sh' | 'sql';
}

export type Need = RoleNeed | ActionsNeed | CommandNeed;

/** What one kind of rotator or consumer needs, or one port of the engine. */
export interface Access {
  /** The kind. */
  readonly of: string;
  /** Empty: nothing. */
  readonly needs: readonly Need[];
}
