import type { Said } from '../said.ts';
import { cutEscaped } from './text.ts';

/** Slack refuses a message with more: 50 blocks, 3000 characters in a section. */
const MOST_BLOCKS = 50;
const MOST_IN_SECTION = 3_000;
/** Of the fallback, which notifications show. */
const MOST_IN_TEXT = 300;

/** A message for an incoming webhook: one section for the title, and one for each fact. */
export function slackBody({ title, facts }: Said): string {
  const sections = [title, ...facts.map(([name, value]) => `${name}: ${value}`)].slice(0, MOST_BLOCKS);
  const blocks = sections.map((text, index) => ({
    type: 'section',
    // Verbatim: no address in it becomes a link, and no name a mention.
    text: {
      type: 'mrkdwn',
      verbatim: true,
      text: index === 0 ? bold(text) : cutEscaped(text, MOST_IN_SECTION, escape),
    },
  }));
  return JSON.stringify({ text: cutEscaped(title, MOST_IN_TEXT, escape), blocks });
}

function bold(text: string): string {
  return `*${cutEscaped(text.replaceAll('*', ''), MOST_IN_TEXT, escape)}*`;
}

/** Three characters begin Slack's own syntax: mentions, links, entities. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
