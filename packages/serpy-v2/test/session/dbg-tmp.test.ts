import { test } from 'vitest';
import { World } from './simulation/world.js';
import { End } from './simulation/end.js';
test('dbg', () => {
  const d = End.prototype.describe;
  End.prototype.describe = function (this: End) {
    const c = this.course;
    return d.call(this) + (c ? ` [end ${c.sender.end} sent ${c.sender.sent} acked ${c.sender.acked} lim ${c.sender.limit} kept ${c.sender.keptMessages}/${c.sender.keptBytes} unf ${c.sender.unfinished} gath ${c.sender.gathered} | rec ${c.receiver.received} cons ${c.receiver.consumed} lim ${c.receiver.limit} wait ${c.receiver.waitingMessages}/${c.receiver.waitingBytes} urgent ${c.receiver.urgent} due ${c.receiver.due} readable ${c.receiver.readable} dl ${c.deadlineMs}] inbox ${this.inbox.length} out ${this.out?.bytes}` : '');
  };
  new World(Number(process.env.SEED ?? 7), 200).run();
});
