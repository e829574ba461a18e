import { percentDecoded } from '../../dps/percent-encoding.ts';
import { PAGING_HEADERS } from '../../dps/service-api.ts';
import { conversationText } from '../conversation/conversation-text.ts';
import { type Asked, pageItems, type Route, read, send, sendError } from './control-route.ts';

/*
 * GET /conversations                      the devices whose conversations are kept, by registration ID, in pages:
 *      x-ms-max-item-count: how many; x-ms-continuation: the value from the previous page
 * GET /conversations/{registrationId}     everything that is kept of one; as text with Accept: text/plain
 */

export const CONVERSATION_ROUTES: readonly Route[] = [
  read('GET', '/conversations', sendConversations),
  read('GET', '/conversations/:id', sendConversation),
];

/** The continuation is the last registration ID of the page. */
function sendConversations({ request, response, source: { conversations } }: Asked): void {
  const itemsMax = pageItems(request);
  const after = request.headers[PAGING_HEADERS.continuation];
  // What cannot be decoded is no continuation that was handed out.
  const afterId = typeof after === 'string' ? (percentDecoded(after) ?? after) : '';
  const found = conversations?.summaries(afterId, itemsMax + 1) ?? [];
  const page = found.slice(0, itemsMax);
  // A client ID may have any characters, a header may not.
  const last = page.at(-1)?.registrationId ?? '';
  if (found.length > itemsMax) response.setHeader(PAGING_HEADERS.continuation, encodeURIComponent(last));
  send(response, 200, page);
}

function sendConversation(asked: Asked): void {
  const { request, response, source, id } = asked;
  const conversation = source.conversations?.conversation(id) ?? null;
  if (conversation === null) sendError(asked, 404_000, 'No conversation of this device is kept.');
  else if (!request.headers.accept?.includes('text/plain')) send(response, 200, conversation);
  else response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(conversationText(conversation));
}
