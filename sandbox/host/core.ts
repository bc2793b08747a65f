/**
 * The half of the Functions worker that `@azure/functions` talks to: the core API, answered for
 * `require('@azure/functions-core')`, which is no package on disk. The library asks for it once, lazily, and keeps a
 * failure for the life of the process, so `installCore` must run before anything imports the library.
 */
import Module from 'node:module';
import { randomUUID } from 'node:crypto';

/** A value on its way between host and worker; only the members that the supported triggers use. */
export interface TypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly http?: unknown;
}

export interface Binding {
  readonly type: string;
  readonly direction: string;
  readonly name?: string;
  readonly [option: string]: unknown;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
}

/** A trigger's data as the host hands it over. */
export interface TriggerInput {
  readonly data: TypedData;
  readonly metadata?: Readonly<Record<string, TypedData>>;
}

type Callback = (...args: unknown[]) => unknown;
export type LogSink = (level: string, category: string, message: string) => void;

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: Callback;
  readonly trigger: Binding & { readonly bindingName: string };
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

interface ProgrammingModel {
  getInvocationModel(context: unknown): InvocationModel;
  getCapabilities(capabilities: object): Promise<object>;
}

export interface InvocationResponse {
  readonly returnValue?: TypedData | null;
}

const HOOKS = ['preInvocation', 'postInvocation', 'appStart', 'appTerminate', 'log'] as const;
type HookName = (typeof HOOKS)[number];

class Disposable {
  readonly #dispose: () => void;
  constructor(dispose: () => void) {
    this.#dispose = dispose;
  }
  dispose(): void {
    this.#dispose();
  }
}

export class Core {
  readonly functions = new Map<string, RegisteredFunction>();
  readonly #hooks = new Map<HookName, Set<Callback>>(HOOKS.map((name) => [name, new Set()]));
  readonly #appHookData = {};
  readonly #log: LogSink;
  #model: ProgrammingModel | undefined;
  #started = false;

  constructor(log: LogSink) {
    this.#log = log;
  }

  /** What the library gets for its `require`. */
  api(): object {
    return {
      version: '3.9.1-sandbox',
      hostVersion: '4.0.0-sandbox',
      Disposable,
      registerFunction: (metadata: FunctionMetadata, callback: Callback) => this.#register(metadata, callback),
      registerHook: (name: string, callback: Callback) => this.#registerHook(name, callback),
      setProgrammingModel: (model: ProgrammingModel) => {
        this.#model = model;
      },
      getProgrammingModel: () => this.#model,
      log: this.#log,
    };
  }

  /** After the app's entry has run: the app-start hooks, then the library's set-up is locked. */
  async start(): Promise<void> {
    this.#started = true;
    await this.runHooks('appStart', { functionAppDirectory: process.cwd() });
    await this.#model?.getCapabilities({});
  }

  async runHooks(name: HookName, context: object): Promise<void> {
    Object.assign(context, { hookData: {}, appHookData: this.#appHookData });
    for (const hook of this.#hooks.get(name) ?? []) await hook(context);
  }

  /** Runs a function the way the worker does. Rejects with whatever the handler threw. */
  async invoke(name: string, invocationId: string, input: TriggerInput): Promise<InvocationResponse> {
    const registered = this.functions.get(name);
    if (registered === undefined || this.#model === undefined) throw new Error(`there is no function '${name}'`);
    const request = {
      invocationId,
      functionId: name,
      inputData: [{ name: registered.trigger.bindingName, data: input.data }],
      triggerMetadata: input.metadata ?? {},
      traceContext: { traceParent: traceParent(), traceState: '', attributes: {} },
    };
    const coreContext = { invocationId, request, metadata: registered.metadata, state: 'default', log: this.#log };
    const model = this.#model.getInvocationModel(coreContext);
    const { context, inputs } = await model.getArguments();
    const hook = {
      hookData: {},
      appHookData: this.#appHookData,
      invocationContext: context,
      functionCallback: registered.callback,
      inputs,
      result: undefined as unknown,
      error: undefined as unknown,
    };
    coreContext.state = 'preInvocationHooks';
    for (const before of this.#hooks.get('preInvocation') ?? []) await before(hook);
    coreContext.state = 'invocation';
    try {
      hook.result = await model.invokeFunction(context, hook.inputs, hook.functionCallback);
    } catch (error) {
      hook.error = error ?? new Error('the function threw nothing at all');
    }
    coreContext.state = 'postInvocationHooks';
    for (const after of this.#hooks.get('postInvocation') ?? []) await after(hook);
    coreContext.state = 'done';
    if (hook.error instanceof Error) throw hook.error;
    if (hook.error !== undefined && hook.error !== null) throw new Error(`the function threw a ${typeof hook.error}`);
    return model.getResponse(context, hook.result);
  }

  #register(metadata: FunctionMetadata, callback: Callback): Disposable {
    if (this.#started) throw new Error('A function can only be registered during app startup.');
    const found = Object.entries(metadata.bindings).find(([, binding]) => /trigger$/i.test(binding.type));
    if (found === undefined) throw new Error(`function '${metadata.name}' has no trigger`);
    if (this.functions.has(metadata.name)) throw new Error(`two functions are named '${metadata.name}'`);
    const [bindingName, binding] = found;
    this.functions.set(metadata.name, { metadata, callback, trigger: { ...binding, bindingName } });
    return new Disposable(() => this.functions.delete(metadata.name));
  }

  #registerHook(name: string, callback: Callback): Disposable {
    const hooks = this.#hooks.get(name as HookName);
    if (hooks === undefined) {
      throw Object.assign(new RangeError(`Unrecognized hook "${name}"`), { isAzureFunctionsSystemError: true });
    }
    hooks.add(callback);
    return new Disposable(() => hooks.delete(callback));
  }
}

function traceParent(): string {
  const hex = (randomUUID() + randomUUID()).replaceAll('-', '');
  return `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-00`;
}

/** Answers the one name from here on, for every CommonJS `require` of the process, as the worker does. */
export function installCore(core: Core): void {
  const api = core.api();
  const prototype = Module.prototype as unknown as { require: (this: unknown, id: string) => unknown };
  const real = prototype.require;
  prototype.require = function (id) {
    return id === '@azure/functions-core' ? api : real.call(this, id);
  };
}
