import { nats } from 'rookery/nats'
import { describe, expect, it } from 'vitest'

const refused = (name: string, says: RegExp) =>
  expect.objectContaining({
    code: 'invalid_option',
    message: expect.stringMatching(new RegExp(`^nats\\(\\): .*'${name}'.*${says.source}`)),
  })

describe('nats() refuses', () => {
  it.each([
    ['servers', 4222, /a non-empty string, or a list/],
    ['servers', [''], /a non-empty string/],
    ['port', '4222', /a whole number from 1 to 65535, not "4222"/],
    ['port', 0, /from 1 to 65535/],
    ['name', 1, /a non-empty string/],
    ['user', '', /a non-empty string/],
    ['pass', 1, /a non-empty string/],
    ['token', {}, /a non-empty string/],
    ['authenticator', 'x', /a function, or a list/],
    ['tls', true, /an object/],
    ['tls', null, /an object/],
    ['timeout', -1, /a whole number from 1/],
    ['pingInterval', 0, /a whole number from 1/],
    ['maxPingOut', 0, /a whole number from 1/],
    ['reconnectTimeWait', '1s', /a whole number from 0/],
    ['reconnectJitter', -1, /a whole number from 0/],
    ['reconnectJitterTLS', -1, /a whole number from 0/],
    ['reconnectDelayHandler', 5, /a function/],
    ['maxReconnectAttempts', -2, /a whole number from -1/],
    ['noRandomize', 'yes', /true or false/],
    ['ignoreClusterUpdates', 1, /true or false/],
    ['inboxPrefix', 'a b', /letters, digits, _ and -/],
    ['inboxPrefix', 'a.>', /letters, digits, _ and -/],
    ['resolve', 1, /true or false/],
    ['connection', {}, /a connection of @nats-io\/transport-node/],
    ['connection', null, /a connection of @nats-io\/transport-node/],
    ['prefix', '', /letters, digits, _ and -/],
    ['prefix', 'a.', /letters, digits, _ and -/],
    ['prefix', 'a.*', /such as 'rookery' or 'shop.live'/],
    ['prefix', 'a b', /letters, digits, _ and -/],
    ['wait', 1, /true or false/],
    ['requiredForReady', 'no', /true or false/],
    ['maxBuffered', 100, /a whole number from 1024/],
    ['maxBuffered', '16MB', /a whole number from 1024/],
    ['server', 'x', /the options are servers, /],
  ])('%s: %j', (name, value, says) => {
    expect(() => nats({ [name]: value })).toThrow(refused(name, says))
  })

  it('servers together with port', () => {
    expect(() => nats({ servers: 'a:1', port: 2 })).toThrow(refused('servers', /leave out 'port'/))
  })

  it('options that are not an object', () => {
    expect(() => nats(null as never)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
    expect(() => nats('nats://x' as never)).toThrow(/the options must be an object/)
  })

  it('neither undefined options nor valid ones', () => {
    const options = { servers: ['a:1', 'b:2'], user: 'a', pass: 'b', inboxPrefix: '_INBOX.ada', tls: {} }
    const rest = { prefix: 'shop.live-2', wait: true, requiredForReady: false, maxBuffered: 1024 }
    expect(() => nats()).not.toThrow()
    expect(() => nats({ servers: undefined, connection: undefined, prefix: undefined })).not.toThrow()
    expect(() => nats({ ...options, ...rest, maxReconnectAttempts: -1, authenticator: [] })).not.toThrow()
  })
})
