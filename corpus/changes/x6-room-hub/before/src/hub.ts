import { WebSocket } from 'ws';

/** Who is in which room. */
export class Hub {
  private readonly rooms = new Map<string, Set<WebSocket>>();

  join(room: string, socket: WebSocket): void {
    const members = this.rooms.get(room) ?? new Set();
    members.add(socket);
    this.rooms.set(room, members);
  }

  leave(room: string, socket: WebSocket): void {
    const members = this.rooms.get(room);
    members?.delete(socket);
    if (members?.size === 0) this.rooms.delete(room);
  }

  publish(room: string, message: string): void {
    for (const socket of this.rooms.get(room) ?? []) {
      if (socket.readyState === WebSocket.OPEN) socket.send(message);
    }
  }

  size(room: string): number {
    return this.rooms.get(room)?.size ?? 0;
  }
}

export const hub = new Hub();
