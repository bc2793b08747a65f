/** What Teams and Slack take of a message, as their documentation has it. */
import { HttpProblem } from '../http.ts';

const MOST_BYTES = 28 * 1024;
const MOST_BLOCKS = 50;
const MOST_IN_SECTION = 3000;

type Json = Readonly<Record<string, unknown>>;

const jsonOf = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(jsonOf) : []);

/** @throws HttpProblem where Teams would not show the card, or not take it */
export function checkCard(body: unknown, bytes: number): void {
  if (bytes > MOST_BYTES) throw new HttpProblem(413, 'Request entity too large');
  const [card] = listOf(jsonOf(body)['attachments']);
  const content = jsonOf(card?.['content']);
  const parts = listOf(content['body']);
  const facts = parts.flatMap((part) => listOf(part['facts']));
  const fits =
    jsonOf(body)['type'] === 'message' &&
    card?.['contentType'] === 'application/vnd.microsoft.card.adaptive' &&
    content['$schema'] === 'http://adaptivecards.io/schemas/adaptive-card.json' &&
    content['type'] === 'AdaptiveCard' &&
    content['version'] === '1.4' &&
    parts.length > 0 &&
    facts.every(({ title, value }) => typeof title === 'string' && typeof value === 'string');
  if (!fits) throw new HttpProblem(400, 'Summary or Text is required.');
}

/** @throws HttpProblem as Slack answers */
export function checkMessage(body: unknown): void {
  const { text, blocks } = jsonOf(body);
  if (typeof text !== 'string' || text === '') throw new HttpProblem(400, 'no_text');
  const sections = listOf(blocks);
  const isTooLong = sections.some((block) => {
    const said = jsonOf(block['text'])['text'];
    // Slack's own syntax is made of these: a bare one is a mention, a link, or the end of the message.
    return typeof said !== 'string' || said.length > MOST_IN_SECTION || /[<>]|&(?!amp;|lt;|gt;)/.test(said);
  });
  if (sections.length > MOST_BLOCKS || isTooLong) throw new HttpProblem(400, 'invalid_blocks');
}
