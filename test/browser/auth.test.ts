import type { Page } from 'playwright-core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { accounts } from '../../examples/auth/accounts.ts'
import { LOGIN_LIFETIME_MS, Logins } from '../../examples/auth/logins.ts'
import { useChromium } from '../support/chromium.ts'
import { freePort } from '../support/processes.ts'
import { slowdown } from '../support/slowdown.ts'
import {
  deviceOpener,
  devices,
  logIn,
  panel,
  press,
  startDesk,
  submit,
  untilConnected,
} from './auth-support.ts'
import { eventually } from './support.ts'

const chromium = useChromium()
const openDevice = deviceOpener(chromium)
const refreshes = (page: Page): Promise<string | null> => page.locator('#refreshes').textContent()
describe('the login page', () => {
  it('refuses a wrong password and a wrong name alike, and accepts the right ones', async () => {
    const { url } = await startDesk()
    const page = await openDevice(url)
    for (const [name, password] of [
      ['ada', 'turing'],
      ['unknown', 'lovelace'],
    ] as const) {
      await submit(page, name, password)
      await page.getByRole('alert').getByText('The name or the password is wrong.').waitFor()
      expect(await page.getByLabel('Password').inputValue()).toBe('')
    }
    await logIn(page, 'ada')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Ada Lovelace')
    expect(await page.getByText('Chrome on Linux').first().isVisible()).toBe(true)
  })

  it('slows down guesses of one client, and no other client', async () => {
    const { url } = await startDesk()
    const guess = (user: string, password: string) =>
      fetch(`${url}/login`, { method: 'POST', body: JSON.stringify({ user, password }) })
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => guess('ada', `guess ${index}`)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(10).fill(401), 429, 429])
    expect(Number(answers.at(-1)!.headers.get('retry-after'))).toBeGreaterThan(50)
    expect((await guess('ada', 'lovelace')).status).toBe(429)
    expect((await guess('alan', 'turing')).status).toBe(200)
  })

  it('refuses requests of pages of other origins, and hides its cookie from scripts', async () => {
    const { url } = await startDesk()
    const page = await openDevice(url)
    await logIn(page, 'ada')
    expect(await page.evaluate(() => document.cookie)).toBe('')
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ name: 'refresh', httpOnly: true, sameSite: 'Strict' })
    const headers = { cookie: `refresh=${cookie!.value}`, origin: 'https://evil.example' }
    expect((await fetch(`${url}/token`, { method: 'POST', headers })).status).toBe(403)
  })

  it('keeps a device logged in when its page is loaded again', async () => {
    const { url } = await startDesk()
    const page = await openDevice(url)
    await logIn(page, 'grace')
    await page.reload()
    await untilConnected(page)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Grace Hopper')
  })

  it('asks for the password again when the server has lost its logins', async () => {
    const port = await freePort()
    const server = await startDesk({ port })
    const page = await openDevice(server.url)
    await logIn(page, 'ada')
    await server.kill('SIGKILL')
    await page.getByText('connecting…').waitFor()
    await startDesk({ port })
    await page.getByRole('alert').getByText('Your login has ended.').waitFor()
    await logIn(page, 'ada')
  })
})

describe('a refresh token', () => {
  afterEach(() => void vi.useRealTimers())

  it('is valid once, or again within ten seconds; a later use counts as theft', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const logins = new Logins()
    const login = logins.begin(accounts[0]!, 'a test')
    const [first, second] = [logins.issue(login), logins.issue(login)]
    const fine = { login, stolen: false }
    expect(logins.redeem(first)).toEqual(fine)
    vi.advanceTimersByTime(9000)
    expect(logins.redeem(first)).toEqual(fine)
    vi.advanceTimersByTime(2000)
    expect(logins.redeem(first)).toEqual({ login, stolen: true })
    expect(logins.redeem(first)).toEqual({ login, stolen: true })
    expect(logins.redeem(second)).toEqual(fine)
    const third = logins.issue(login)
    vi.advanceTimersByTime(LOGIN_LIFETIME_MS)
    expect(logins.redeem(third)).toBeUndefined()
    for (const nonsense of ['', '.', 'x.y', `${login.id}`]) expect(logins.redeem(nonsense)).toBeUndefined()
  })

  it('that was never issued, or was used long ago, ends the login and its connection', async () => {
    const { url } = await startDesk()
    const page = await openDevice(url)
    await logIn(page, 'ada')
    const [cookie] = await page.context().cookies()
    const refresh = (value: string) =>
      fetch(`${url}/token`, { method: 'POST', headers: { cookie: `refresh=${value}` } })
    const granted = await refresh(cookie!.value)
    expect(granted.status).toBe(200)
    const [, next = ''] = /refresh=([^;]+)/.exec(granted.headers.get('set-cookie') ?? '') ?? []
    expect((await refresh(`${cookie!.value}x`)).status).toBe(401)
    expect((await refresh(next)).status).toBe(401)
    await page.getByRole('button', { name: 'Log in' }).waitFor()
  })
})

describe('the access token', () => {
  it('is refreshed over the same connection, and the page shows it', async () => {
    const { url } = await startDesk({ tokenSeconds: 6 })
    const page = await openDevice(url)
    await logIn(page, 'ada')
    expect(await refreshes(page)).toBe('0 times')
    // The remaining share of the token's lifetime, just before and just after a refresh.
    const [before, after] = await page.evaluate(
      () =>
        new Promise<[number, number]>((resolve) => {
          const bar = document.querySelector<HTMLProgressElement>('#life')!
          let last = bar.value
          const ticking = setInterval(() => {
            if (bar.value > last) resolve([last, bar.value])
            if (bar.value > last) clearInterval(ticking)
            last = bar.value
          }, 10)
        }),
    )
    expect(before).toBeLessThan(0.6)
    expect(after).toBeGreaterThan(0.8)
    expect(await refreshes(page)).toBe('1 time')
    await eventually(() => refreshes(page)).toBe('2 times')
    expect(await page.locator('#connects').textContent()).toBe('1 connection')
    await untilConnected(page)
  })
})

describe('two devices of one user', () => {
  it('see each other connect and disconnect, and get the same private notes', async () => {
    const { url } = await startDesk()
    const [first, second, alan] = [await openDevice(url), await openDevice(url), await openDevice(url)]
    await logIn(first, 'ada')
    await eventually(() => devices(first).count()).toBe(1)
    await logIn(second, 'ada')
    for (const page of [first, second]) {
      await eventually(() => devices(page).count()).toBe(2)
      expect(await devices(page).filter({ hasText: 'this device' }).count()).toBe(1)
    }
    await logIn(alan, 'alan')
    await alan.getByLabel('To', { exact: true }).selectOption('ada')
    await alan.getByLabel('Private note').fill('The machine stops')
    await alan.getByLabel('Private note').press('Enter')
    for (const page of [first, second]) {
      await panel(page, 'Inbox').getByText('Alan Turing The machine stops').waitFor()
    }
    await alan.getByLabel('Note to everybody').fill('Tea?')
    await alan.getByLabel('Note to everybody').press('Enter')
    for (const page of [first, second, alan]) await panel(page, 'Lobby').getByText('Tea?').waitFor()
    expect(await panel(alan, 'Inbox').getByText('The machine stops').count()).toBe(0)
    await second.close()
    await eventually(() => devices(first).count()).toBe(1)
  })

  it('cannot subscribe to messages for another user', async () => {
    const { url } = await startDesk()
    const page = await openDevice(url)
    await logIn(page, 'ada')
    await press(page, 'Listen to users/alan/*')
    await page.getByText('forbidden: You may not subscribe "users/alan/*"').waitFor()
    await untilConnected(page)
  })

  it('log out one by one', async () => {
    const { url } = await startDesk()
    const [first, second] = [await openDevice(url), await openDevice(url)]
    const tab = await chromium.openIn(first.context(), { refusals: true })
    for (const page of [first, second]) await logIn(page, 'ada')
    await tab.goto(url)
    await untilConnected(tab)
    await eventually(() => devices(second).getByText('2 tabs').count()).toBe(1)
    await press(first, 'Log out')
    await first.getByText('You are logged out.').waitFor()
    await tab.getByText('You have been logged out in another tab.').waitFor()
    await eventually(() => devices(second).count()).toBe(1)
    await untilConnected(second)
    await first.reload()
    await first.getByRole('button', { name: 'Log in' }).waitFor()
  })

  it('log out everywhere within a second, and the other device shows the reason', async () => {
    const server = await startDesk()
    const [first, second, alan] = [
      await openDevice(server.url),
      await openDevice(server.url),
      await openDevice(server.url),
    ]
    for (const page of [first, second]) await logIn(page, 'ada')
    await logIn(alan, 'alan')
    const told = second.getByRole('alert').getByText('“Log out everywhere” in Chrome on Linux')
    const start = performance.now()
    await Promise.all([press(first, 'Log out everywhere'), told.waitFor()])
    expect(performance.now() - start).toBeLessThan(1000 * slowdown())
    await first.getByText('You are logged out.').waitFor()
    await second.reload()
    await second.getByRole('button', { name: 'Log in' }).waitFor()
    await untilConnected(alan)
    // Tokens issued in the same second are revoked, too.
    await eventually(() => Math.floor((performance.now() - start) / 1000)).toBeGreaterThan(0)
    await logIn(second, 'ada')
    expect((await server.kill('SIGTERM')).code).toBe(0)
    expect(server.output()).not.toMatch(/"level":"(warn|error)"/)
  })
})
