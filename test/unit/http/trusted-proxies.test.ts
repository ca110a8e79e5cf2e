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

describe('the address behind proxies', () => {
  it.each<[string, TrustProxy, string, string | undefined, string]>([
    ['the connection’s, if nobody is trusted', false, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    ['the connection’s, without a header', true, '10.0.0.1', undefined, '10.0.0.1'],
    ['the connection’s, if the header is empty', true, '10.0.0.1', ' , ,', '10.0.0.1'],
    ['the first of the list, if all are trusted', true, '10.0.0.1', '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['that of no proxy at all', 0, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    ['what the one proxy says, and no client before it', 1, '10.0.0.1', '6.6.6.6, 2.2.2.2', '2.2.2.2'],
    ['what the second proxy says', 2, '10.0.0.1', '6.6.6.6, 1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['the last there is, with fewer proxies', 5, '10.0.0.1', '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['what a proxy of the list says', ['10.0.0.1'], '10.0.0.1', '6.6.6.6,2.2.2.2', '2.2.2.2'],
    ['the connection’s, from outside of the list', ['10.0.0.1'], '10.0.0.2', '6.6.6.6', '10.0.0.2'],
    [
      'what comes before proxies of the list',
      ['10.0.0.0/8', 'loopback'],
      '::1',
      '6.6.6.6, 1.1.1.1, 10.9.9.9',
      '1.1.1.1',
    ],
    ['that of an IPv6 client', ['loopback'], '127.0.0.1', '2001:DB8:0::0001', '2001:db8::1'],
    [
      'that of an IPv4 client that IPv6 writes',
      ['loopback'],
      '::ffff:127.0.0.1',
      '::ffff:1.2.3.4',
      '1.2.3.4',
    ],
    ['without a port', true, '10.0.0.1', '1.2.3.4:5678', '1.2.3.4'],
    ['without brackets and port', true, '10.0.0.1', '[2001:db8::1]:443', '2001:db8::1'],
    ['the proxy’s, if it says what is no address', true, '10.0.0.1', '1.1.1.1, unknown', '10.0.0.1'],
    ['no further than what can be read', true, '10.0.0.1', '1.1.1.1, _hidden, 2.2.2.2', '2.2.2.2'],
    ['the proxy’s, whatever it is fed', true, '10.0.0.1', `${'x'.repeat(9000)}`, '10.0.0.1'],
    [
      'behind unique local proxies',
      ['uniquelocal', 'linklocal'],
      'fd00::5',
      '1.1.1.1, 192.168.3.4, fe80::1',
      '1.1.1.1',
    ],
  ])('is %s', (_what, trustProxy, peer, forwarded, expected) => {
    expect(addressOf(trustProxy, peer, forwarded)).toBe(expected)
  })

  it('is nothing of a connection without one, as of a Unix socket, unless its proxy says', () => {
    expect(addressOf(false, undefined, '1.1.1.1')).toBe('')
    expect(addressOf(['loopback'], undefined, '1.1.1.1')).toBe('')
    expect(addressOf(1, undefined, '1.1.1.1')).toBe('1.1.1.1')
  })

  it('is never what somebody has written to the left of the last proxy that is trusted', () => {
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

  it('is always an address, whatever the header holds', () => {
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

describe('the option', () => {
  it('is checked', () => {
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
