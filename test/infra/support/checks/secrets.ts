/** No secret leaves in an output, and none is in a parameter that is not secure. */
import { at, type Project } from '../bicep/project.ts';
import type { BicepFile, Decorator, Expression } from '../bicep/syntax.ts';
import { chain, within, written } from '../bicep/walk.ts';

const SECRET_FUNCTION = /^(?:list[A-Z].*|getSecret)$/;
const SECRET_PROPERTY =
  /(?:connectionString|primaryKey|secondaryKey|sharedKey|password|accessKey|sasToken|instrumentationKey)$/i;
const SECRET_PARAMETER = /(?:password|secret(?:Value)?|connectionString|accountKey|accessKey|sasToken)$/i;

const secure = (decorators: readonly Decorator[]): boolean => decorators.some(({ name }) => name === 'secure');

export function secretOutputs({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    file.outputs
      .filter(({ decorators }) => !secure(decorators))
      .flatMap(({ name, value }) => {
        const secret = secretIn(file, value, []);
        return secret === undefined ? [] : [`${at(path, value.line)}: the output ${name} gives away ${secret}`];
      }),
  );
}

/** @returns what is secret in it, through the file's variables */
function secretIn(file: BicepFile, expression: Expression, seen: readonly string[]): string | undefined {
  for (const [one] of within(expression)) {
    if (one.kind === 'call' && SECRET_FUNCTION.test(one.name)) return `${one.name}()`;
    if (one.kind === 'member' && SECRET_PROPERTY.test(one.name)) return written(one);
    if (one.kind !== 'name' || seen.includes(one.name)) continue;
    const parameter = file.parameters.find(({ name }) => name === one.name);
    if (parameter !== undefined && secure(parameter.decorators)) return `the secure parameter ${one.name}`;
    const variable = file.variables.find(({ name }) => name === one.name);
    const found = variable === undefined ? undefined : secretIn(file, variable.value, [...seen, one.name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function secretParameters({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, { parameters }]) =>
    parameters.flatMap(({ name, line, decorators, default: fallback }) => [
      ...(SECRET_PARAMETER.test(name) && !secure(decorators) ? [`${at(path, line)}: ${name} is not secure`] : []),
      ...(secure(decorators) && fallback !== undefined && written(fallback) !== "''"
        ? [`${at(path, line)}: ${name} is secure and has a default`]
        : []),
    ]),
  );
}

/** Keys of storage, topics and workspaces are not read at all: everything goes by identity. */
export function keysRead({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => {
    const roots: readonly Expression[] = [
      ...file.variables.map(({ value }) => value),
      ...file.outputs.map(({ value }) => value),
      ...[...file.resources, ...file.modules].map(({ body }) => body),
    ];
    return roots
      .flatMap((root) => [...within(root)])
      .filter(
        ([one]) =>
          one.kind === 'call' && /^list(?:Keys|AccountSas|ServiceSas|ConnectionStrings|HostKeys)$/i.test(one.name),
      )
      .map(([one]) => `${at(path, one.line)}: reads a key: ${chain(one)?.join('.') ?? written(one)}`);
  });
}
