import { accessSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'

type ContextOptions = NonNullable<Parameters<Browser['newContext']>[0]>

/** Console messages when the server cannot be reached. They are expected in tests that stop the server. */
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
  if (!found) throw new Error('chromium is not on the PATH. Run: node test/support/required-programs.mjs')
  return found
}

interface Expectations {
  /** Whether the server refuses requests of the page, which the console reports. */
  readonly refusals?: boolean
}

export interface Pages {
  /**
   * Opens a page with its own storage. The test fails if the page throws, or if its console has an error other than an
   * unreachable server.
   */
  open(options?: ContextOptions, expectations?: Expectations): Promise<Page>
  /** Opens a page in an existing context, like another tab. */
  openIn(context: BrowserContext, expectations?: Expectations): Promise<Page>
}

/** Console messages when the server refuses a page of another origin, or answers 404. */
const REFUSED = /^WebSocket connection to '\S+' failed|blocked by CORS policy|^Failed to load resource: /

/** Also covers the event stream of the fallback, and the request that asks why a WebSocket failed. */
const isUnreachable = (text: string, url: string): boolean =>
  UNREACHABLE.test(text) ||
  (/^\/api\/v1\/(sse|ws$)/.test(new URL(url, 'http://page').pathname) && REQUEST_LOST.test(text))

/** A page names its icon. For a document without HTML, the browser itself asks for one. */
const isIconOfDocument = (page: Page, url: string): boolean =>
  page.url().endsWith('.json') && url.endsWith('/favicon.ico')

const REQUEST_LOST =
  /^Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INTERNET_DISCONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)$/

/** Starts one Chromium for the tests of a file. Closes each context at the end of its test. */
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
    const errors: string[] = []
    const page = await context.newPage()
    page.setDefaultTimeout(60_000)
    page.on('pageerror', (error) => errors.push(error.stack ?? String(error)))
    page.on('console', (message) => {
      const { url } = message.location()
      if (message.type() !== 'error') return
      if (isUnreachable(message.text(), url) || isIconOfDocument(page, url)) return
      if (refusals && REFUSED.test(message.text())) return
      errors.push(`${message.text()} (${url})`)
    })
    onTestFinished(() => expect(errors).toEqual([]))
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
