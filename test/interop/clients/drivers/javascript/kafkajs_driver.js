// kafkajs. It reads only as a member of a group, so `read` makes a group for itself alone.
'use strict'

const readline = require('readline')
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs')
const snappy = require('kafkajs-snappy')
const lz4 = require('lz4-napi')
const { ZstdCodec } = require('zstd-codec')

const SHOWN_BYTES = 64
const READ_MS = 30000
const KINDS = {
  MESSAGE_TOO_LARGE: 'too_large',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown_topic',
}
const TYPES = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}
CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: buffer => lz4.decompressFrame(buffer),
})
const zstd = new Promise(resolve => ZstdCodec.run(codec => resolve(new codec.Simple())))
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from((await zstd).compress(encoder.buffer)),
  decompress: async buffer => Buffer.from((await zstd).decompress(buffer)),
})

const kafka = new Kafka({
  brokers: [process.argv[2]],
  logLevel: logLevel.ERROR,
  logCreator: () => entry => process.stderr.write(JSON.stringify(entry.log) + '\n'),
  retry: { retries: 3, initialRetryTime: 100 },
})

const emit = (event, fields = {}) =>
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')

const shown = data =>
  data === null || data === undefined ? null : data.subarray(0, SHOWN_BYTES).toString()

function emitRecord({ partition, message }) {
  const headers = Object.entries(message.headers || {}).flatMap(([name, value]) =>
    [].concat(value).map(each => [name, shown(each)])
  )
  emit('record', {
    p: partition,
    o: Number(message.offset),
    k: shown(message.key),
    v: shown(message.value),
    n: message.value ? message.value.length : 0,
    h: headers,
  })
}

function emitError(error) {
  let cause = error
  while (cause.cause && !cause.type) cause = cause.cause
  emit('error', { kind: KINDS[cause.type] || 'other', text: String(error) })
}

// An object, whose arrays are headers of one name.
function headersOf(text) {
  const headers = {}
  for (const each of text ? text.split(',') : []) {
    const [name, value] = each.split(':')
    headers[name] = name in headers ? [].concat(headers[name], value) : value
  }
  return headers
}

async function produce(options) {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    idempotent: 'idempotent' in options,
    ...('idempotent' in options ? { retry: { retries: 5 } } : {}),
  })
  const messages = Array.from({ length: Number(options.count) }, (_, i) => ({
    partition: Number(options.partition),
    key: `k${i}`,
    value:
      'tombstone' in options
        ? null
        : `${options.prefix || ''}${i}`.padEnd(Number(options.size || 0), '.'),
    headers: headersOf(options.headers),
  }))
  await producer.connect()
  try {
    const compression = TYPES[options.codec || 'none']
    await producer.send({ topic: options.topic, acks: -1, compression, messages })
  } finally {
    await producer.disconnect()
  }
  emit('produced')
}

async function offsetAt(topic, partition, time) {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, time)
  await admin.disconnect()
  return offsets.find(each => each.partition === partition).offset
}

async function read(options) {
  const { topic } = options
  const partition = Number(options.partition)
  const consumer = kafka.consumer({
    groupId: `read-${process.pid}-${Math.random()}`,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: Number(options.max_bytes || 1048576),
  })
  const start =
    'time_ms' in options ? await offsetAt(topic, partition, Number(options.time_ms)) : null
  let left = Number(options.count)
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  try {
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`${left} records did not come`)), READ_MS).unref()
      consumer
        .run({
          autoCommit: false,
          eachMessage: async received => {
            if (left === 0) return
            left -= 1
            emitRecord(received)
            if (left === 0) resolve()
          },
        })
        .catch(reject)
      if (start !== null) consumer.seek({ topic, partition, offset: start })
    })
  } finally {
    await consumer.disconnect()
  }
  emit('read')
}

const member = { consumer: null, topic: null, next: {}, left: Infinity }

async function join(options) {
  const session = Number(options.session_ms || 10000)
  member.topic = options.topic
  member.left = 'limit' in options ? Number(options.limit) : Infinity
  const consumer = kafka.consumer({
    groupId: options.group,
    sessionTimeout: session,
    rebalanceTimeout: 20000,
    heartbeatInterval: Math.min(500, Math.floor(session / 3)),
    maxWaitTimeInMs: 100,
  })
  member.consumer = consumer
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
    emit('owned', { partitions: payload.memberAssignment[options.topic] || [] })
  )
  consumer.on(consumer.events.REBALANCING, () => emit('owned', { partitions: [] }))
  await consumer.connect()
  await consumer.subscribe({ topic: options.topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async received => {
      if (member.left === 0) return
      member.left -= 1
      member.next[received.partition] = Number(received.message.offset) + 1
      emitRecord(received)
    },
  })
}

async function commit() {
  const { topic, next } = member
  await member.consumer.commitOffsets(
    Object.keys(next).map(p => ({ topic, partition: Number(p), offset: String(next[p]) }))
  )
  emit('committed')
}

async function leave() {
  await member.consumer.disconnect()
  emit('left')
}

const VERBS = { produce, read, join, commit, leave }

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.trim().split(' ')
    const options = Object.fromEntries(
      words.map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])
    )
    try {
      await VERBS[verb](options)
    } catch (error) {
      process.stderr.write(`${error.stack}\n`)
      emitError(error)
    }
  }
  process.exit(0)
}

main()
