import type { Said } from '../said.ts';
import { cut, fitting } from './text.ts';

/** Teams takes 28 KB; with some room for what it counts beside the body. */
const MOST_BYTES = 27_000;

/**
 * A message with an Adaptive Card, for the Workflows trigger "When a Teams webhook request is received". A card without `$schema` and
 * `version`, or with a fact that is no text, is taken and not shown.
 */
export function teamsBody(said: Said): string {
  return fitting((longest) => JSON.stringify(messageOf(said, longest)), MOST_BYTES);
}

function messageOf({ title, facts }: Said, longest: number): unknown {
  const shown = (text: string): string => plain(cut(text, longest));
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      { type: 'TextBlock', text: shown(title), weight: 'Bolder', size: 'Medium', wrap: true },
      { type: 'FactSet', facts: facts.map(([name, value]) => ({ title: name, value: shown(value) })) },
    ],
  };
  const card = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content };
  return { type: 'message', attachments: [card] };
}

/**
 * Cards take a part of Markdown, with links, and functions in double braces: nobody's text is to become either. That a backslash keeps
 * a character plain is CommonMark's word; that Teams goes by it was not seen [U]: at worst it shows the backslash.
 */
function plain(text: string): string {
  return text.replaceAll(/[\\[\]*_`]/g, '\\$&').replaceAll('{{', '{ {');
}
