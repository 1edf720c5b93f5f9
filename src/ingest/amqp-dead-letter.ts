import type { ConfirmChannel, ConsumeMessage, Options } from 'amqplib';

/** Header of a dead letter that tells why it is one. */
export const rejectionReasonHeader = 'x-trackcast-reason';

/**
 * Publishes a refused message to the dead-letter exchange together with the reason, which the broker's own dead
 * lettering cannot carry. Never throws.
 *
 * @param done called once: true when the broker has it, false when the message is to be dead-lettered by the
 *   broker, or delivered again
 */
export function publishDeadLetter(
  channel: ConfirmChannel,
  exchange: string,
  message: ConsumeMessage,
  reason: string,
  done: (confirmed: boolean) => void,
): void {
  const { routingKey } = message.fields;
  const options: Options.Publish = { persistent: true, headers: { [rejectionReasonHeader]: reason } };
  const withOriginalHeaders = {
    ...options,
    headers: { ...message.properties.headers, [rejectionReasonHeader]: reason },
  };
  const publish = (publishOptions: Options.Publish) =>
    channel.publish(exchange, routingKey, message.content, publishOptions, (error) => done(error === null));
  try {
    publish(withOriginalHeaders);
  } catch {
    // Headers that could be read need not be writable: too large for one frame, or of a type with no encoding.
    try {
      publish(options);
    } catch {
      done(false);
    }
  }
}
