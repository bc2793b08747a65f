/**
 * The published grammar of Bicep (tree-sitter-bicep, MIT) on the same text. It groups operators wrongly, so nothing is asked of its
 * tree but whether it found a mistake: a second reader, which knows nothing of parse.ts.
 */
import { createRequire } from 'node:module';
import { Language, Parser, type Node } from 'web-tree-sitter';

export type SecondOpinion = (path: string, text: string) => readonly string[];

export async function secondOpinion(): Promise<SecondOpinion> {
  const { resolve } = createRequire(import.meta.url);
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(resolve('tree-sitter-bicep/tree-sitter-bicep.wasm')));
  return (path, text) => {
    const tree = parser.parse(path.endsWith('.bicepparam') ? asBicep(text) : text);
    if (tree === null) return [`${path}: is not read at all`];
    const wrong = tree.rootNode.hasError
      ? [`${path}:${firstError(tree.rootNode)}: the grammar does not take this`]
      : [];
    tree.delete();
    return wrong;
  };
}

/** The grammar knows no parameter files: they read as variables. */
function asBicep(text: string): string {
  return text.replace(/^using .*$/m, '').replaceAll(/^param (\w+) *=/gm, 'var $1 =');
}

function firstError(node: Node): number {
  if (node.isError || node.isMissing) return node.startPosition.row + 1;
  const child = node.children.find((one) => one.hasError || one.isMissing);
  return child === undefined ? node.startPosition.row + 1 : firstError(child);
}
