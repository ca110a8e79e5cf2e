import { definePlugin, Store } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { userKey } from '../../plugins/auth/revocation-keys.ts'
import { bearer, makeToken, refusal, startAuth } from './auth-support.ts'

/** A plugin that provides a store. */
const storePlugin = (store: Partial<Store>) =>
  definePlugin({
    name: 'store',
    setup: (scope) =>
      scope.provide(Store, () => ({ put: async () => {}, entries: async () => [], ...store })),
  })

const readyz = async (url: string) => (await fetch(`${url}/readyz`)).status

describe('auth() with a store', () => {
  it('starts while the store loads, and is ready and closes revoked sessions when it has loaded', async () => {
    let answer = (_entries: readonly (readonly [string, unknown])[]): void => {}
    const loading = new Promise<readonly (readonly [string, unknown])[]>((resolve) => (answer = resolve))
    const entries = async (bucket: string) => (bucket === 'revocations' ? await loading : [])
    const { url } = await startAuth({}, { plugins: [storePlugin({ entries })], startTimeout: 5000 })
    expect(await readyz(url)).toBe(503)
    const token = await makeToken()
    const until = Date.now() + 3_600_000
    const others = Array.from({ length: 20_000 }, (_one, index) => ({
      key: `token-${index}`,
      before: null,
      until,
    }))
    const all = [...others, { key: userKey('ada'), before: Math.ceil(Date.now() / 1000), until }]
    answer(all.map((value) => [value.key, value]))
    await vi.waitFor(async () => expect(await readyz(url)).toBe(200))
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
  })

  it('tries again if the store fails, and logs the outage once', async () => {
    const entries = vi.fn(async () => [] as [])
    const put = vi.fn(async () => {})
    entries.mockRejectedValueOnce(new Error('away'))
    put.mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('away'))
    const { url, auth, lines } = await startAuth({}, { plugins: [storePlugin({ entries, put })] })
    expect(await readyz(url)).toBe(503)
    await auth.revoke({ user: 'ada' })
    await auth.revoke({ tokenId: 'one' })
    await vi.waitFor(() => expect(put).toHaveBeenCalledTimes(4))
    await vi.waitFor(async () => expect(await readyz(url)).toBe(200))
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { msg: expect.stringContaining('trying again'), stage: 'auth' },
    ])
  })

  it('ignores values that are no revocations', async () => {
    const entries = async () => [null, 7, {}, { key: 'user-a' }].map((value) => ['x', value] as const)
    const { url } = await startAuth({}, { plugins: [storePlugin({ entries })] })
    expect(await readyz(url)).toBe(200)
  })
})
