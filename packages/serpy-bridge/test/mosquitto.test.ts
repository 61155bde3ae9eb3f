/** Bridges between real instruments and mosquitto. */
import { once } from 'node:events';
import { listen } from 'serpy';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { mosquittoPath, noMosquitto } from './brokers.js';
import {
  aboutOf,
  bridge,
  clearAway,
  collect,
  connected,
  expectBalance,
  instrument,
  mosquitto,
  onEnd,
  until,
} from './stage.js';

vi.setConfig({ testTimeout: 60_000 });

afterEach(clearAway, 30_000);

const skip = mosquittoPath ? '' : ` (skipped: ${noMosquitto})`;

/** A camera with an image of numbers that grow along both axes. */
function ramp(height: number, width: number): Buffer {
  const data = Uint16Array.from({ length: height * width }, (_, at) => (at % width) + Math.floor(at / width));
  return encodeNpy({ data, shape: [height, width] }) as Buffer;
}

describe.skipIf(!mosquittoPath)(`from an instrument to mosquitto${skip}`, () => {
  test.each(['5', '3.1.1'] as const)(
    'MQTT %s: numbers and texts are text, arrays are .npy, and a description says what they are',
    async (mqttVersion) => {
      const { url } = await mosquitto();
      const all = await collect(url);
      const cam = await instrument();
      const { bridge: made } = await bridge({ source: cam.url, broker: { url, mqttVersion }, unit: 'counts' });
      await connected(made);
      await cam.send(42, 0.5, '+1.5E+03', 'shutter open', ramp(2, 3), Buffer.from([1, 2, 255]));
      await until(() => expect(all.on('lab/cam/bytes')).toHaveLength(1));
      expect(all.texts('lab/cam/number')).toEqual(['42', '0.5', '+1.5E+03']);
      expect(all.texts('lab/cam/text')).toEqual(['shutter open']);
      expect(all.on('lab/cam/bytes')).toEqual([Buffer.from([1, 2, 255])]);
      expect(decodeNpy(all.on('lab/cam/image')[0] as Buffer)).toMatchObject({ dtype: 'uint16', shape: [2, 3] });
      await until(() => expect(aboutOf(all).topics.bytes).toBeDefined());
      expect(aboutOf(all)).toMatchObject({
        name: 'cam',
        online: true,
        url: cam.url,
        unit: 'counts',
        topics: {
          number: { topic: 'lab/cam/number', unit: 'counts' },
          image: { topic: 'lab/cam/image', dtype: 'uint16', shape: [2, 3], contentType: 'application/x-npy' },
        },
      });
      await until(() => expect(made.stats().published).toBe(6));
      expect(made.stats().broker.protocol).toBe(`MQTT ${mqttVersion}`);
      expectBalance(made);
    },
  );

  test('the description is kept for later subscribers, and says offline after close', async () => {
    const { url } = await mosquitto();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await connected(made);
    await until(async () => {
      const late = await collect(url, 'lab/cam/$about');
      await until(() => expect(late.messages).toHaveLength(1));
      expect(late.messages[0]?.retain).toBe(true);
      expect(aboutOf(late)).toMatchObject({ online: true });
    });
    await made.close();
    const later = await collect(url, 'lab/cam/$about');
    await until(() => expect(aboutOf(later)).toMatchObject({ online: false, reason: 'the bridge was closed' }));
  });

  test('the description follows an instrument that goes and comes back', async () => {
    const { url } = await mosquitto();
    const all = await collect(url, 'lab/cam/$about');
    const first = await instrument();
    const { bridge: made } = await bridge({ source: first.url, broker: url });
    await connected(made);
    await until(() => expect(aboutOf(all).online).toBe(true));
    await first.server.closeServer();
    await until(() =>
      expect(aboutOf(all)).toMatchObject({ online: false, reason: expect.stringMatching(/not connected/) }),
    );
    const second = await instrument(first.port);
    await until(() => expect(aboutOf(all)).toMatchObject({ online: true }));
    expect(aboutOf(all)).not.toHaveProperty('reason');
    await second.send('back');
    await until(() => expect(made.stats().published).toBe(1));
  });

  test('the key and other secrets of the instrument are not in the description', async () => {
    const { url } = await mosquitto();
    const all = await collect(url, 'lab/cam/$about');
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: `${cam.url}?connectTimeoutMs=5000`, broker: url });
    await connected(made);
    await until(() => expect(aboutOf(all).url).toBe(cam.url));
  });

  test('maxFps sends the newest images, and the last one', async () => {
    const { url } = await mosquitto();
    const images = await collect(url, 'lab/cam/image');
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url, maxFps: 10 });
    await connected(made);
    for (let n = 1; n <= 50; n++) await cam.send(encodeNpy({ data: Uint16Array.of(n, n), shape: [1, 2] }) as Buffer);
    await until(() => expect(made.stats().received).toBe(50));
    await until(() => expect(made.stats().waiting).toBe(0));
    const { skipped, published } = made.stats();
    expect(skipped).toBeGreaterThan(0);
    await until(() => expect(images.messages).toHaveLength(published));
    expect(decodeNpy(images.messages.at(-1)?.payload as Buffer).data[0]).toBe(50);
    expectBalance(made);
  });

  test('images above maxBytes are binned, or refused and reported', async () => {
    const { url } = await mosquitto();
    const all = await collect(url);
    const cam = await instrument();
    const { bridge: binning } = await bridge({ source: cam.url, broker: url, maxBytes: 3000 });
    const refusing = await bridge({
      name: 'whole',
      source: cam.url,
      broker: url,
      maxBytes: 3000,
      whenTooLarge: 'refuse',
    });
    await connected(binning);
    await connected(refusing.bridge);
    await until(() => expect(cam.server.size).toBe(2));
    await cam.send(ramp(100, 80), 'x'.repeat(3001));
    await until(() => expect(all.on('lab/cam/image')).toHaveLength(1));
    const image = decodeNpy(all.on('lab/cam/image')[0] as Buffer);
    expect(image).toMatchObject({ dtype: 'uint16', shape: [34, 27] }); // squares of 3 × 3
    expect(image.data[0]).toBe(2); // the mean of 0, 1, 2, 1, 2, 3, 2, 3, 4
    await until(() => expect(aboutOf(all).topics.image).toMatchObject({ bin: 3, shape: [34, 27] }));
    await until(() => expect(refusing.bridge.stats()).toMatchObject({ refused: 2, published: 0 }));
    expect(refusing.warnings[0]).toMatch(/^ERR_SERPY_TOO_LARGE .*16128 bytes.*3000 bytes: raise maxBytes/);
    expect(binning.stats()).toMatchObject({ refused: 1, binned: 1 });
    expectBalance(binning);
    expectBalance(refusing.bridge);
  });

  test('a message that the broker does not accept is reported, and those after it arrive', async () => {
    for (const [mqttVersion, limit] of [
      ['5', 'max_packet_size 2000'],
      ['3.1.1', 'max_packet_size 2000'],
      ['5', 'message_size_limit 1000'],
    ] as const) {
      const { url } = await mosquitto(['allow_anonymous true', limit]);
      const texts = await collect(url, 'lab/cam/text');
      const cam = await instrument();
      const { bridge: made, warnings } = await bridge({ source: cam.url, broker: { url, mqttVersion } });
      await connected(made);
      await cam.send('before', 'x'.repeat(5000), 'after');
      await until(() => expect(made.stats()).toMatchObject({ published: 2, refused: 1, waiting: 0 }));
      await until(() => expect(new Set(texts.texts('lab/cam/text'))).toEqual(new Set(['before', 'after'])));
      expect(warnings.join('\n'), limit).toMatch(/ERR_SERPY_(TOO_LARGE|DROPPED)/);
      await clearAway();
    }
  });

  test('a password is checked, and its rejection is reported without it', async () => {
    const { url, folder } = await mosquitto(['allow_anonymous false', 'password_file FOLDER/passwords'], {
      // lab: secret-7; made by mosquitto_passwd
      passwords: passwordLine,
      good: 'secret-7\nnot the password\n',
      bad: 'wrong-8\n',
    });
    const cam = await instrument();
    const wrong = await bridge({ source: cam.url, broker: { url, user: 'lab', passwordFile: `${folder}/bad` } });
    await until(() =>
      expect(wrong.bridge.stats().broker.problem).toMatch(/rejected the user lab: check the user and the password/),
    );
    expect(JSON.stringify(wrong.bridge.stats())).not.toContain('wrong-8');
    const right = await bridge({
      source: cam.url,
      broker: { url: url.replace('//', '//lab@'), passwordFile: `${folder}/good` },
    });
    await connected(right.bridge);
    expect(right.bridge.stats().broker.url).toBe(url);
  });
});

/** PBKDF2 of `secret-7`, as mosquitto_passwd writes it. */
const passwordLine = await passwordOf('lab', 'secret-7');

async function passwordOf(user: string, password: string): Promise<string> {
  const { pbkdf2Sync } = await import('node:crypto');
  const salt = Buffer.from('twelve bytes');
  const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512');
  return `${user}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}

describe.skipIf(!mosquittoPath)(`from mosquitto to an instrument${skip}`, () => {
  test('commands reach it as numbers, texts and bytes, in order', async () => {
    const { url } = await mosquitto();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url, commands: true });
    await connected(made);
    const { client } = await collect(url, 'x');
    const image = ramp(2, 2);
    for (const each of ['exposure 5', '42', '-0.5', '1e3', image, Buffer.from([255, 0])])
      await client.publishAsync('lab/cam/set', each, { qos: 1 });
    await until(() => expect(cam.received).toHaveLength(6));
    expect(cam.received).toEqual(['exposure 5', 42, -0.5, 1000, image, Buffer.from([255, 0])]);
    expect(made.stats()).toMatchObject({ commands: 6, inboundRefused: 0 });
  });

  test('a line of text reaches an instrument that speaks lines', async () => {
    const { url } = await mosquitto();
    const server = await listen({ protocol: 'lines', port: 0, closeTimeoutMs: 100 });
    onEnd(() => server.closeServer());
    const { bridge: made } = await bridge({
      source: `lines://127.0.0.1:${server.address.port}`,
      broker: url,
      commands: true,
    });
    const [scope] = await once(server as never, 'connection');
    await connected(made);
    const { client } = await collect(url, 'x');
    await client.publishAsync('lab/cam/set', '42\n', { qos: 1 });
    expect(await scope.getData()).toBe('42');
  });

  test('without the option, nothing on the broker reaches it', async () => {
    const { url } = await mosquitto();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await connected(made);
    const { client } = await collect(url, 'x');
    await client.publishAsync('lab/cam/set', 'reset', { qos: 1 });
    await client.publishAsync('lab/cam/request', 'reset', { qos: 1 });
    await cam.send('after');
    await until(() => expect(made.stats().published).toBe(1));
    expect(cam.received).toEqual([]);
  });

  test.each(['5', '3.1.1'] as const)(
    'MQTT %s: a command that the broker had kept does not reach it',
    async (mqttVersion) => {
      const { url } = await mosquitto();
      const { client } = await collect(url, 'x');
      await client.publishAsync('lab/cam/set', 'fire', { qos: 1, retain: true });
      const cam = await instrument();
      const { bridge: made, warnings } = await bridge({
        source: cam.url,
        broker: { url, mqttVersion },
        commands: true,
      });
      await connected(made);
      await client.publishAsync('lab/cam/set', 'new', { qos: 1 });
      await until(() => expect(cam.received).toEqual(['new']));
      if (mqttVersion === '3.1.1') expect(warnings[0]).toMatch(/the broker had kept it, and it can be old/);
    },
  );

  test('a command while it is not connected is refused and reported', async () => {
    const { url } = await mosquitto();
    const cam = await instrument();
    const { bridge: made, warnings } = await bridge({ source: cam.url, broker: url, commands: true });
    await connected(made);
    await cam.server.closeServer();
    await until(() => expect(made.stats().instrument.state).toBe('reconnecting'));
    const { client } = await collect(url, 'x');
    await client.publishAsync('lab/cam/set', 'fire', { qos: 1 });
    await until(() => expect(made.stats().inboundRefused).toBe(1));
    expect(warnings.join()).toMatch(/ERR_SERPY_NOT_CONNECTED the instrument 'cam' is not connected/);
    const again = await instrument(cam.port);
    await connected(made);
    await client.publishAsync('lab/cam/set', 'now', { qos: 1 });
    await until(() => expect(again.received).toEqual(['now'])); // and not the old one
  });

  test('requests get their own answers, and failures a reason', async () => {
    const { url } = await mosquitto();
    const cam = await instrument();
    cam.server.onRequest((value) => {
      if (value === 'fail') throw new Error('the shutter is stuck');
      return value === 'image' ? ramp(2, 2) : `${String(value)}!`;
    });
    const { bridge: made } = await bridge({ source: cam.url, broker: url, requests: true });
    await connected(made);
    const answers = await collect(url, 'answers/me');
    const got: { correlation: string; payload: Buffer; error: unknown; type: string | undefined }[] = [];
    answers.client.on('message', (_, payload, { properties }) => {
      const { correlationData, userProperties, contentType } = properties ?? {};
      got.push({ correlation: String(correlationData), payload, error: userProperties?.['error'], type: contentType });
    });
    const ask = (payload: string, number: number) =>
      answers.client.publishAsync('lab/cam/request', payload, {
        qos: 1,
        properties: { responseTopic: 'answers/me', correlationData: Buffer.from(String(number)) },
      });
    await Promise.all(['a', 'b', 'fail', 'image', 'c'].map(ask));
    await until(() => expect(got).toHaveLength(5));
    expect(got.map(({ correlation }) => correlation)).toEqual(['0', '1', '2', '3', '4']);
    expect(got.map(({ payload }) => String(payload)).filter((_, at) => at !== 3)).toEqual(['a!', 'b!', '', 'c!']);
    expect(got[2]?.error).toMatch(/the shutter is stuck/);
    expect(got[3]).toMatchObject({ payload: ramp(2, 2), type: 'application/x-npy' });
    expect(made.stats()).toMatchObject({ requests: 4, inboundRefused: 1 });
  });

  test('a request without a topic for the answer, or with a forbidden one, is reported', async () => {
    const { url } = await mosquitto();
    const cam = await instrument();
    cam.server.onRequest(() => 'answer');
    const { bridge: made, warnings } = await bridge({ source: cam.url, broker: url, requests: true, commands: true });
    await connected(made);
    const { client } = await collect(url, 'x');
    await client.publishAsync('lab/cam/request', 'a', { qos: 1 });
    // An answer on these would be a command, or a request again.
    // Topics that begin with $ belong to the broker.
    for (const responseTopic of ['lab/cam/request', 'lab/cam/set', '$lab/answer'])
      await client.publishAsync('lab/cam/request', 'b', { qos: 1, properties: { responseTopic } });
    await until(() => expect(made.stats()).toMatchObject({ inboundRefused: 4, requests: 0, commands: 0 }));
    expect(warnings[0]).toMatch(
      /names no topic for its answer that the bridge may use: MQTT 5 \(response topic\) or NATS/,
    );
    expect(cam.received).toEqual([]);
  });
});
