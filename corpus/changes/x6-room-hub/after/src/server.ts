import { WebSocketServer } from 'ws';
import { hub } from './hub.js';
import { announce } from './presence.js';

const server = new WebSocketServer({ port: Number(process.env.PORT ?? 3000), maxPayload: 16 * 1024 });

server.on('connection', (socket, req) => {
  const url = new URL(req.url ?? '/', 'http://localhost');
  const room = url.pathname.slice(1);
  const name = (url.searchParams.get('name') ?? 'somebody').slice(0, 40);

  hub.join(room, socket);
  announce(room, name, 'joined');
  socket.on('message', (data) => hub.publish(room, JSON.stringify({ type: 'message', from: name, text: data.toString() })));
  socket.on('close', () => {
    hub.leave(room, socket);
    announce(room, name, 'left');
  });
  socket.on('error', () => socket.terminate());
});
