import WebSocket from 'ws';

const socket = new WebSocket(`ws://127.0.0.1:8080/v1/ingest/${process.argv[2] ?? 'camera-1'}`);
socket.on('open', async () => {
  for await (const bytes of process.stdin) socket.send(bytes);
  socket.close();
});
socket.on('error', (error) => console.error(error.message));
