/** The service's largest message is 96 KiB; a peer that sends more without completing a packet would fill the memory. */
export const PACKET_BYTES_MAX = 256 * 1024;
