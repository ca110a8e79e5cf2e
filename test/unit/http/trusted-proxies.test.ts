import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { http } from 'rookery/http'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  checkTrustProxy,
  normalizeAddress,
  TrustedProxies,
  type TrustProxy,
} from '../../../plugins/http/trusted-proxies.ts'

const addressOf = (trustProxy: TrustProxy, peer: string | undefined, forwarded?: string): string =>
  new TrustedProxies(trustProxy).addressOf({
    socket: { remoteAddress: peer },
    headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) },
  } as never)

describe('the client address of a request', () => {
  it.each<[string, TrustProxy, string, string | undefined, string]>([
    ['the connection’s address, if no proxy is trusted', false, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    ['the connection’s address, without a header', true, '10.0.0.1', undefined, '10.0.0.1'],
    ['the connection’s address, if the header is empty', true, '10.0.0.1', ' , ,', '10.0.0.1'],
    ['the first of the list, if all proxies are trusted', true, '10.0.0.1', '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['the connection’s address, with zero trusted proxies', 0, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    ['the last of the list, with one trusted proxy', 1, '10.0.0.1', '6.6.6.6, 2.2.2.2', '2.2.2.2'],
    [
      'the last but one of the list, with two trusted proxies',
      2,
      '10.0.0.1',
      '6.6.6.6, 1.1.1.1, 2.2.2.2',
      '1.1.1.1',
    ],
    ['the first of the list, with fewer proxies than trusted', 5, '10.0.0.1', '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['the address that a listed proxy names', ['10.0.0.1'], '10.0.0.1', '6.6.6.6,2.2.2.2', '2.2.2.2'],
    ['the connection’s address, if its proxy is not listed', ['10.0.0.1'], '10.0.0.2', '6.6.6.6', '10.0.0.2'],
    [
      'the address before the listed proxies',
      ['10.0.0.0/8', 'loopback'],
      '::1',
      '6.6.6.6, 1.1.1.1, 10.9.9.9',
      '1.1.1.1',
    ],
    ['the canonical address of an IPv6 client', ['loopback'], '127.0.0.1', '2001:DB8:0::0001', '2001:db8::1'],
    [
      'the IPv4 address of an IPv4-mapped client',
      ['loopback'],
      '::ffff:127.0.0.1',
      '::ffff:1.2.3.4',
      '1.2.3.4',
    ],
    ['without a port', true, '10.0.0.1', '1.2.3.4:5678', '1.2.3.4'],
    ['without brackets and port', true, '10.0.0.1', '[2001:db8::1]:443', '2001:db8::1'],
    [
      'the proxy’s address, if the header ends in text that is not an address',
      true,
      '10.0.0.1',
      '1.1.1.1, unknown',
      '10.0.0.1',
    ],
    [
      'the last address after text that is not an address',
      true,
      '10.0.0.1',
      '1.1.1.1, _hidden, 2.2.2.2',
      '2.2.2.2',
    ],
    [
      'the proxy’s address, if the header is long garbage',
      true,
      '10.0.0.1',
      `${'x'.repeat(9000)}`,
      '10.0.0.1',
    ],
    [
      'the address before unique local and link-local proxies',
      ['uniquelocal', 'linklocal'],
      'fd00::5',
      '1.1.1.1, 192.168.3.4, fe80::1',
      '1.1.1.1',
    ],
  ])('is %s', (_what, trustProxy, peer, forwarded, expected) => {
    expect(addressOf(trustProxy, peer, forwarded)).toBe(expected)
  })

  it('is empty for a connection without an address, as of a Unix socket, unless a trusted proxy names one', () => {
    expect(addressOf(false, undefined, '1.1.1.1')).toBe('')
    expect(addressOf(['loopback'], undefined, '1.1.1.1')).toBe('')
    expect(addressOf(1, undefined, '1.1.1.1')).toBe('1.1.1.1')
  })

  it('is never an entry that a client has put before the one of the last trusted proxy', () => {
    const client = '203.0.113.7'
    const proxies = fc.array(fc.constantFrom('10.1.1.1', '10.2.2.2', 'fd00::1'), { maxLength: 3 })
    const spoofed = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constant('10.1.1.1')), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(spoofed, proxies, (lies, chain) => {
        const forwarded = [...lies, client, ...chain].join(', ')
        expect(addressOf(['uniquelocal'], '127.0.0.1', forwarded)).toBe('127.0.0.1')
        expect(addressOf(['uniquelocal', 'loopback'], '127.0.0.1', forwarded)).toBe(client)
        expect(addressOf(chain.length + 1, '127.0.0.1', forwarded)).toBe(client)
      }),
    )
  })

  it('is always an address, with any header', () => {
    const hop = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('[::1', '1.2.3.4:', '::1%', '[]:1', '%'),
    )
    fc.assert(
      fc.property(
        fc.array(hop),
        fc.constantFrom<TrustProxy>(true, 1, 3, ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1']),
        (hops, trust) => {
          const address = addressOf(trust, '10.0.0.1', hops.join(','))
          expect(normalizeAddress(address)).toBe(address)
        },
      ),
    )
  })

  it('is read from several headers as from one list', async () => {
    const proxies = new TrustedProxies(1)
    const server = createServer((incoming, response) => response.end(proxies.addressOf(incoming)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const text = await new Promise((resolve, reject) => {
      const headers = { 'x-forwarded-for': ['6.6.6.6', '7.7.7.7, 1.2.3.4'] }
      const agent = new Agent({ keepAlive: false })
      request({ port, host: '127.0.0.1', headers, agent }, (response) => {
        response.setEncoding('utf8').on('data', resolve)
      })
        .on('error', reject)
        .end()
    })
    expect(text).toBe('1.2.3.4')
  })
})

describe('trustProxy', () => {
  it('accepts valid values and refuses others with an error that lists the names', () => {
    for (const good of [
      true,
      false,
      0,
      3,
      [],
      ['loopback', '10.0.0.0/8', '::1', '2001:db8::/32', '1.2.3.4'],
    ]) {
      expect(checkTrustProxy(good)).toBeUndefined()
    }
    for (const bad of [
      'loopback',
      -1,
      1.5,
      null,
      {},
      ['localhost'],
      ['10.0.0.0/33'],
      ['10.0.0.0/'],
      ['::1/8/8'],
      [1],
      ['constructor'],
    ]) {
      expect(() => http({ trustProxy: bad as never })).toThrow(/trustProxy.*loopback/)
    }
  })
})
