import { hub } from './hub.js';

export type Change = 'joined' | 'left';

/** Tells all members of a room who came or went, and how many are there now. */
export function announce(room: string, name: string, change: Change): void {
  const members = hub.membersOf(room).length;
  if (members === 0) return;
  hub.publishToRoom(room, JSON.stringify({ type: 'presence', name, change, members }));
}
