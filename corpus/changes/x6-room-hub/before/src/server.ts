import { WebSocketServer } from 'ws';
import { hub } from './hub.js';

const server = new WebSocketServer({ port: Number(process.env.PORT ?? 3000), maxPayload: 16 * 1024 });

server.on('connection', (socket, req) => {
  const room = new URL(req.url ?? '/', 'http://localhost').pathname.slice(1);
  hub.join(room, socket);
  socket.on('message', (data) => hub.publish(room, data.toString()));
  socket.on('close', () => hub.leave(room, socket));
  socket.on('error', () => socket.terminate());
});
