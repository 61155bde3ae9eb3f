/** Topics: templates with placeholders, and the names that may fill them. */
import { OptionError } from 'serpy-core';

/** What an instrument sends, as the last part of a topic. */
export type TopicKind = 'number' | 'text' | 'image' | 'curve' | 'array' | 'bytes' | 'object';

export const topicKinds: readonly TopicKind[] = ['number', 'text', 'image', 'curve', 'array', 'bytes', 'object'];

/** The kind of the description of an instrument. */
export const aboutKind = '$about';

/** A longer name is a mistake. MQTT allows 65,535 bytes for a whole topic. */
const maxNameBytes = 120;

/** MQTT allows more, but some brokers do not. */
const maxTopicBytes = 512;

const hint = 'name it with letters, digits, - and _';

/**
 * Checks the name of an instrument, which becomes a part of topics.
 * @throws `ERR_SERPY_OPTION`
 */
export function checkName(name: unknown): string {
  if (typeof name !== 'string' || name.trim() === '')
    throw new OptionError(`the name of an instrument is a text, and not empty: ${hint}`);
  const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
  if (Buffer.byteLength(name) > maxNameBytes)
    throw new OptionError(`the name ${shown} has more than ${maxNameBytes} bytes: ${hint}`);
  const [bad] = /[/+#*>.$\s\x00-\x20\x7f-\x9f]|\p{Cs}|\p{Cn}/u.exec(name) ?? [];
  if (bad !== undefined)
    throw new OptionError(`the name ${shown} contains ${JSON.stringify(bad)}, which topics reserve: ${hint}`);
  return name;
}

/** Replaces what a topic cannot contain, for names that a program derives from addresses. */
export function nameFromAddress(address: string): string {
  return address.replaceAll(/[^\w-]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'instrument';
}

/** A template of topics, such as `lab/{name}/{kind}`, for one instrument. */
export class Topics {
  readonly #template: string;
  readonly #name: string;

  /** @throws `ERR_SERPY_OPTION` */
  constructor(template: string, name: string) {
    this.#name = checkName(name);
    checkTemplate(template, 'topic');
    if (!template.includes('{kind}'))
      throw new OptionError(
        `the topic ${template} has no {kind}: numbers and images would share it. Write ${template.replace(/\/$/, '')}/{kind}`,
      );
    if (template.startsWith('{kind}'))
      throw new OptionError(
        `the topic ${template} begins with {kind}: its description would begin with $, which brokers reserve. Write lab/${template}`,
      );
    this.#template = template;
    checkTopic(this.of(aboutKind));
  }

  get about(): string {
    return this.of(aboutKind);
  }

  of(kind: string): string {
    return this.#template.replaceAll('{name}', this.#name).replaceAll('{kind}', kind);
  }

  /** The topics of one kind for every instrument: the name is a wildcard. */
  pattern(kind: string, anyName: string): string {
    return this.#template.replaceAll('{name}', anyName).replaceAll('{kind}', kind);
  }

  /**
   * The topic on which an instrument receives something. By default the template with `set` or `request` as the kind.
   * @throws `ERR_SERPY_OPTION`
   */
  inbound(option: 'commands' | 'requests', value: string | true): string {
    if (value === true) return this.of(option === 'commands' ? 'set' : 'request');
    checkTemplate(value, option);
    if (value.includes('{kind}')) throw new OptionError(`the topic of ${option} has no {kind}: write lab/{name}/set`);
    const topic = value.replaceAll('{name}', this.#name);
    checkTopic(topic);
    if ([...topicKinds, aboutKind].some((kind) => this.of(kind) === topic))
      throw new OptionError(
        `the topic ${topic} of ${option} is one that the bridge writes: it would answer itself. Use another one`,
      );
    return topic;
  }
}

function checkTemplate(template: unknown, option: string): asserts template is string {
  if (typeof template !== 'string' || template === '')
    throw new OptionError(`${option} is a topic such as lab/{name}/{kind}, not ${JSON.stringify(template)}`);
  const placeholder = [...template.matchAll(/\{([^}]*)\}?/g)].find(([text]) => !['{name}', '{kind}'].includes(text));
  if (placeholder)
    throw new OptionError(`${option} has the placeholder ${placeholder[0]}: there are {name} and {kind}`);
  const levels = template.split('/');
  if (levels.includes(''))
    throw new OptionError(
      `${option} ${template} has an empty level: omit the / at the start, the end or twice in a row`,
    );
  const [bad] = /[+#*>\s\x00-\x20\x7f-\x9f]|\p{Cs}/u.exec(template) ?? [];
  if (bad !== undefined)
    throw new OptionError(
      `${option} ${JSON.stringify(template)} contains ${JSON.stringify(bad)}: topics to write have no wildcards or spaces`,
    );
  if (template.startsWith('$'))
    throw new OptionError(`${option} ${template} begins with $, which brokers reserve: write another first level`);
}

function checkTopic(topic: string): void {
  if (Buffer.byteLength(topic) > maxTopicBytes)
    throw new OptionError(`the topic ${topic.slice(0, 60)}… has more than ${maxTopicBytes} bytes: shorten it`);
}

/** Whether a peer may name this topic for an answer. */
export function isAnswerTopic(topic: string): boolean {
  return (
    topic !== '' &&
    Buffer.byteLength(topic) <= maxTopicBytes &&
    !/[+#\x00]|\p{Cs}/u.test(topic) &&
    !topic.startsWith('$')
  );
}

/** A topic as a subject of NATS. @throws `ERR_SERPY_OPTION` */
export function subjectOf(topic: string): string {
  if (topic.includes('.'))
    throw new OptionError(
      `the topic ${topic} contains a dot, which separates levels in NATS: write / between levels and no dots`,
    );
  return topic.replaceAll('/', '.');
}
