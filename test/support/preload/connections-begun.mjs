/*
 * node --import './connections-begun.mjs?to=FILE': adds one byte to FILE for each connection that a worker thread begins.
 * The main thread connects too, before the first launch.
 */
import { appendFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const to = new URL(import.meta.url).searchParams.get('to');

if (!isMainThread) {
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function noteConnection(...args) {
    appendFileSync(to, '.');
    return connect.apply(this, args);
  };
}
