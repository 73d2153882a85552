import { setTimeout as sleep } from 'node:timers/promises';

const TRIES = 4;
const FIRST_WAIT_MS = 100;

/** Calls fn until it works, it fails for good, or the tries are used up. */
export async function retry<T>(fn: () => Promise<T>, again: (err: unknown) => boolean, wait = FIRST_WAIT_MS): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await fn();
    } catch (err) {
      if (tries === TRIES || !again(err)) throw err;
      await sleep(wait * 2 ** (tries - 1) * (0.5 + Math.random()));
    }
  }
}
