/*
 * NODE_OPTIONS='--import ./late-emulator.mjs': a process of the emulator begins its work five seconds late, any other at once.
 */
import { setTimeout as pauseMs } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.argv[2] === 'emulator') await pauseMs(5_000);
