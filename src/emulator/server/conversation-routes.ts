import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Conversation } from '../conversation/conversation.ts';
import { conversationText } from '../conversation/conversation-text.ts';
import type { KeptConversations } from '../conversation/kept-conversations.ts';

/*
 * GET /conversations                      the devices whose conversations are kept, by registration ID, in pages:
 *      x-ms-max-item-count: how many; x-ms-continuation: the value from the previous page
 * GET /conversations/{registrationId}     everything that is kept of one; as text with Accept: text/plain
 */

const PAGE_ITEMS_DEFAULT = 100;
/** As for registrations. */
const PAGE_ITEMS_MAX = 1_000;

/** The continuation is the last registration ID of the page. */
export function sendConversations(
  conversations: KeptConversations | null,
  { headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const asked = headers['x-ms-max-item-count'];
  const itemsMax = typeof asked === 'string' && /^[1-9]\d{0,8}$/.test(asked) ? Number(asked) : PAGE_ITEMS_DEFAULT;
  const pageItems = itemsMax < PAGE_ITEMS_MAX ? itemsMax : PAGE_ITEMS_MAX;
  const after = headers['x-ms-continuation'];
  const found = conversations?.summaries(typeof after === 'string' ? decoded(after) : '', pageItems + 1) ?? [];
  const page = found.slice(0, pageItems);
  // A client ID may have any characters, a header may not.
  const last = page.at(-1)?.registrationId ?? '';
  if (found.length > pageItems) response.setHeader('x-ms-continuation', encodeURIComponent(last));
  sendJson(response, page);
}

/** Returns whether there is one. */
export function sendConversation(
  conversation: Conversation | null,
  { headers }: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (conversation === null) return false;
  if (!headers.accept?.includes('text/plain')) sendJson(response, conversation);
  else response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(conversationText(conversation));
  return true;
}

/** As it is if it cannot be decoded: then it is no continuation that was handed out. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}
