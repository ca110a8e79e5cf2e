import { accessSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'

type ContextOptions = NonNullable<Parameters<Browser['newContext']>[0]>

/** What the console says when there is no server to reach: expected where a test takes the server away. */
const UNREACHABLE =
  /^WebSocket connection to '\S+' failed: (.*net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INTERNET_DISCONNECTED)|Connection closed before receiving a handshake response)$/

const executablePath = (): string => {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium'))
  const found = candidates.find((path) => {
    try {
      accessSync(path)
      return true
    } catch {
      return false
    }
  })
  if (!found) throw new Error('There is no chromium on the PATH: node test/support/required-programs.mjs')
  return found
}

interface Expectations {
  /** Whether the server refuses what the page asks for: then the console says so. */
  readonly refusals?: boolean
}

export interface Pages {
  /**
   * A page of its own, with storage of its own. The test fails if the page throws or its console has an
   * error other than that the server cannot be reached.
   */
  open(options?: ContextOptions, expectations?: Expectations): Promise<Page>
  /** The same in a context that is there already: another tab. */
  openIn(context: BrowserContext, expectations?: Expectations): Promise<Page>
}

/** What it says when the server refuses a page of another origin, or finds nothing. */
const REFUSED = /^WebSocket connection to '\S+' failed|blocked by CORS policy|^Failed to load resource: /

/** The same for the stream that the client falls back to, and where it asks why a WebSocket fails. */
const isUnreachable = (text: string, url: string): boolean =>
  UNREACHABLE.test(text) ||
  (/^\/api\/v1\/(sse|ws$)/.test(new URL(url, 'http://page').pathname) && REQUEST_LOST.test(text))

const REQUEST_LOST =
  /^Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INTERNET_DISCONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)$/

/** One Chromium for the tests of a file. Contexts are closed with their test. */
export const useChromium = (): Pages => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath(),
      headless: true,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  afterAll(() => browser?.close())

  const openIn = async (context: BrowserContext, { refusals = false }: Expectations = {}): Promise<Page> => {
    const complaints: string[] = []
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    page.on('pageerror', (error) => complaints.push(error.stack ?? String(error)))
    page.on('console', (message) => {
      const { url } = message.location()
      if (message.type() !== 'error' || isUnreachable(message.text(), url)) return
      if (refusals && REFUSED.test(message.text())) return
      complaints.push(`${message.text()} (${url})`)
    })
    onTestFinished(() => expect(complaints).toEqual([]))
    return page
  }
  return {
    openIn,
    open: async (options, expectations) => {
      const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options })
      onTestFinished(() => context.close())
      return await openIn(context, expectations)
    },
  }
}
