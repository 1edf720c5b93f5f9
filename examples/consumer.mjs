import amqp from 'amqplib';

const connection = await amqp.connect(process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672');
const channel = await connection.createChannel();
await channel.assertExchange('video.tracks', 'topic', { durable: true });
const { queue } = await channel.assertQueue('', { exclusive: true });
await channel.bindQueue(queue, 'video.tracks', 'tracks.#');
await channel.consume(queue, (message) => {
  const { streamId, frame, provenance, tracks } = JSON.parse(message.content);
  for (const { id, state, score, box } of tracks) {
    console.log(streamId, frame.index, provenance, `object ${id}`, state, score, box);
  }
  channel.ack(message);
});
