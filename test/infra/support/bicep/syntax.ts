/** What a Bicep file says, as far as the checks ask. */

export type Expression = { readonly line: number } & (
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** A string with holes: one more piece than there are holes. */
  | { readonly kind: 'template'; readonly pieces: readonly string[]; readonly holes: readonly Expression[] }
  | { readonly kind: 'object'; readonly properties: readonly Property[]; readonly spreads: readonly Expression[] }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | { readonly kind: 'spread'; readonly of: Expression }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Expression; readonly name: string; readonly safe: boolean }
  | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression; readonly safe: boolean }
  /** `parent::child`: a nested resource. */
  | { readonly kind: 'nested'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'call'; readonly of?: Expression; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'ternary';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | { readonly kind: 'lambda'; readonly names: readonly string[]; readonly body: Expression }
  | ({ readonly kind: 'for'; readonly body: Expression } & Loop)
);

export interface Loop {
  readonly item: string;
  readonly index?: string;
  readonly over: Expression;
  readonly condition?: Expression;
}

export interface Property {
  /** Undefined where the name is computed; see `computed`. */
  readonly name?: string;
  readonly computed?: Expression;
  readonly value: Expression;
  readonly line: number;
}

export type TypeNode = { readonly line: number } & (
  | { readonly kind: 'named'; readonly name: string }
  /** `library.name` of a wildcard import, or a property of a type. */
  | { readonly kind: 'member'; readonly of: TypeNode; readonly name: string }
  | { readonly kind: 'generic'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'union'; readonly members: readonly TypeNode[] }
  | { readonly kind: 'array'; readonly of: TypeNode }
  | { readonly kind: 'tuple'; readonly items: readonly TypeNode[] }
  | { readonly kind: 'nullable'; readonly of: TypeNode }
  | { readonly kind: 'object'; readonly properties: readonly TypeProperty[]; readonly rest?: TypeNode }
);

export interface Decorator {
  readonly name: string;
  readonly args: readonly Expression[];
  readonly line: number;
}

export interface TypeProperty {
  readonly name: string;
  readonly type: TypeNode;
  readonly decorators: readonly Decorator[];
  readonly line: number;
}

interface Declared {
  readonly name: string;
  readonly line: number;
  readonly decorators: readonly Decorator[];
}

export interface Parameter extends Declared {
  readonly type: TypeNode;
  readonly default?: Expression;
}

export interface Variable extends Declared {
  readonly value: Expression;
}

export interface TypeDeclaration extends Declared {
  readonly type: TypeNode;
}

export interface FunctionDeclaration extends Declared {
  readonly parameters: readonly { readonly name: string; readonly type: TypeNode }[];
  readonly returns: TypeNode;
  readonly body: Expression;
}

export interface Resource extends Declared {
  /** Fully qualified, also of a nested resource. */
  readonly type: string;
  readonly version: string;
  readonly existing: boolean;
  /** The symbol of the resource around a nested one. */
  readonly inside?: string;
  readonly loop?: Loop;
  readonly condition?: Expression;
  readonly body: Expression & { readonly kind: 'object' };
}

export interface Module extends Declared {
  readonly path: string;
  readonly loop?: Loop;
  readonly condition?: Expression;
  readonly body: Expression & { readonly kind: 'object' };
}

export interface Output extends Declared {
  readonly type: TypeNode;
  readonly value: Expression;
}

export interface Import {
  readonly from: string;
  /** Empty of `* as all`. */
  readonly names: readonly { readonly name: string; readonly as: string }[];
  readonly all?: string;
  readonly line: number;
}

/** A file of either kind: `.bicepparam` has `using` and `assigned`. */
export interface BicepFile {
  readonly targetScope: string;
  readonly imports: readonly Import[];
  readonly parameters: readonly Parameter[];
  readonly variables: readonly Variable[];
  readonly types: readonly TypeDeclaration[];
  readonly functions: readonly FunctionDeclaration[];
  /** Nested ones too, each after the resource around it. */
  readonly resources: readonly Resource[];
  readonly modules: readonly Module[];
  readonly outputs: readonly Output[];
  readonly using?: string;
  readonly assigned: readonly Variable[];
}
