import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApp, errorTable } from 'rookery'
import { asyncapi } from 'rookery/asyncapi'
import { auth } from 'rookery/auth'
import { http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { describe, expect, it } from 'vitest'
import { brokenLinks, ROOT, readPages } from '../support/docs.ts'
import { type Running, run, typeCheck } from '../support/docs-run.ts'

const pages = readPages()
const blocks = pages.flatMap((page) => page.blocks)

const START = 'docs/getting-started.md'

/** The code of a named sample of a page. */
const sample = (name: string, language?: string, page = START): string => {
  const named = blocks.filter((block) => block.page === page && block.name === name)
  const found = named.filter((block) => !language || block.language === language)
  expect(found, `blocks called '${name}'`).toHaveLength(1)
  return found[0]?.code as string
}

const replace = (code: string, from: string, to: string): string => {
  expect(code).toContain(from)
  return code.replaceAll(from, to)
}

/** Runs a server of the page "Getting started", with its contract, on a free port. */
const serve = async (name: string, contract: string): Promise<Running & { readonly url: string }> => {
  const code = replace(sample(name, 'ts'), 'port: 3000', 'port: 0')
  const server = run({ [contract]: sample(contract), [name]: code })
  const [, url = ''] = await server.until(/"url":"([^"]+)"/)
  return { ...server, url }
}

const typed = blocks.filter(({ language, name }) => /^tsx?$/.test(language) && name !== 'no-check')

const EXPECTED_ERROR = /^\s*\/\/ @ts-expect-error: (.*)$/

describe('the samples of the documentation', () => {
  it('type-check, each as a separate module', async () => {
    expect(typed.length).toBeGreaterThan(10)
    expect(await typeCheck(typed)).toEqual([])
  }, 60_000)

  it('quote the errors of the compiler', async () => {
    const quoted = typed.flatMap(({ page, line, code }) =>
      code.split('\n').flatMap((text, index) => {
        const error = EXPECTED_ERROR.exec(text)?.[1]
        return error === undefined ? [] : [{ place: `${page}:${line + index + 2}: `, error }]
      }),
    )
    expect(quoted.length).toBeGreaterThan(3)
    const unmarked = typed.map((block) => ({ ...block, code: block.code.replaceAll('@ts-expect-error', '') }))
    const found = await typeCheck(unmarked)
    expect(
      quoted.filter(
        ({ place, error }) => !found.some((text) => text.startsWith(place) && text.includes(error)),
      ),
      found.join('\n'),
    ).toEqual([])
  }, 60_000)

  it('with a type error are reported with page and line', async () => {
    const wrong = {
      page: 'docs/page.md',
      line: 40,
      language: 'ts',
      name: '',
      code: '\nconst n: number = ""\n',
    }
    expect(await typeCheck([wrong])).toEqual([expect.stringMatching(/^docs\/page\.md:42: error TS2322/)])
  }, 60_000)

  it.each([
    ['server.ts', 'client.ts', 'contract.ts'],
    ['chat-server.ts', 'chat-client.ts', 'chat-contract.ts'],
  ])('of the page "Getting started" run: %s with %s', async (serverName, clientName, contract) => {
    const server = await serve(serverName, contract)
    const client = run({
      [contract]: sample(contract),
      [clientName]: replace(sample(clientName, 'ts'), 'http://localhost:3000', server.url),
    })
    const exit = await client.exit
    expect(client.output()).toBe(sample(clientName, 'text'))
    expect(exit).toBe(0)
    server.child.kill('SIGTERM')
    expect(await server.exit).toBe(0)
    expect(server.output()).toContain('"msg":"stopped"')
  })

  it('of the page "Getting started" run without the library', async () => {
    const { url } = await serve('chat-server.ts', 'chat-contract.ts')
    const code = replace(sample('console.js'), 'ws://localhost:3000', url.replace('http', 'ws'))
    const browser = run({ 'console.mjs': `import { WebSocket } from 'ws'\n${code}` })
    await browser.until(/"type":"welcome"/)
    await browser.until(/"topic":"rooms\/42\/messages","payload":\{"from":"eve","text":"hi"\}/)
    await browser.until(/"type":"reply","id":1,"payload":\{"sent":true\}/)
  })

  it.each([
    ['docs/plugins.md', ['presence.ts', 'presence.test.ts'], 2],
    ['docs/testing.md', ['chat-contract.ts', 'chat.ts', 'chat.test.ts'], 5],
    ['docs/skills.md', ['contract.ts', 'app.ts', 'app.test.ts'], 3],
  ])('of %s pass the tests on that page', async (page, names, count) => {
    const tests = run(Object.fromEntries(names.map((name) => [name, sample(name, 'ts', page)])))
    const exit = await tests.exit
    expect(tests.output()).toContain(`pass ${count}\n`)
    expect(exit, tests.output()).toBe(0)
  })
})

describe('the documentation', () => {
  it('has no broken links', () => {
    expect(brokenLinks(pages)).toEqual([])
  })

  it('names only files and folders of the repository that exist', () => {
    const paths = pages.flatMap(({ path, terms }) =>
      terms
        .filter(({ text }) => /^(core|plugins|client|examples|test|docs)\/[\w./-]*$/.test(text))
        .map(({ text, line }) => ({ text, place: `${path}:${line} ${text}` })),
    )
    expect(paths.length).toBeGreaterThan(30)
    expect(paths.filter(({ text }) => !existsSync(join(ROOT, text))).map(({ place }) => place)).toEqual([])
  })

  it('names only error codes that exist', () => {
    const unknown = pages.flatMap(({ path, terms }) =>
      terms
        // Settings of nginx and nats-server begin with `proxy_`, `fail_` and `allow_`. `preferred_username` is a claim of
        // OpenID Connect.
        .filter(
          ({ text }) =>
            /^(?!proxy_|fail_|allow_|preferred_username)[a-z]+(_[a-z]+)+$/.test(text) &&
            !Object.hasOwn(errorTable, text),
        )
        .map(({ text, line }) => `${path}:${line}: ${text}`),
    )
    expect(unknown).toEqual([])
  })

  it.each<[string, string, (options: never) => unknown]>([
    ['createApp()', 'concepts', (options) => createApp(options)],
    ['limits', 'concepts', (limits) => createApp({ limits })],
    ['limits', 'security', (limits) => createApp({ limits })],
    ['bus', 'concepts', (bus) => createApp({ bus })],
    ['http()', 'http', (options) => http(options)],
    ['websocket()', 'http', (options) => websocket(options)],
    ['rooms()', 'rooms', (options) => rooms(options)],
    ['nats()', 'clustering', (options) => nats(options)],
    ['auth()', 'auth', (options) => auth(options)],
    ['asyncapi()', 'asyncapi', (options) => asyncapi(options)],
  ])('has a row for every option of %s', (_what, name, call) => {
    let message = ''
    try {
      call({ no: 'such option' } as never)
    } catch (error) {
      message = (error as Error).message
    }
    const options = /the options are (.*)$/.exec(message)?.[1]?.split(', ') ?? []
    expect(options).not.toEqual([])
    const page = pages.find(({ path }) => path === `docs/${name}.md`)
    // The row `limits.maxPayload` counts for `limits` and for `maxPayload`.
    const terms = page?.terms.flatMap(({ text }) => text.split('.')) ?? []
    expect(options.filter((option) => !terms.includes(option))).toEqual([])
  })

  it('has a row for every option of createClient()', () => {
    const source = readFileSync(join(ROOT, 'client/options.ts'), 'utf8')
    const declared = /export interface ClientOptions \{(.*?)\n\}/s.exec(source)?.[1] ?? ''
    const options = [...declared.matchAll(/readonly (\w+)\?:/g)].map(([, option]) => option as string)
    expect(options).toContain('url')
    const terms = pages.find(({ path }) => path === 'docs/client.md')?.terms.map(({ text }) => text) ?? []
    expect(options.filter((option) => !terms.includes(option))).toEqual([])
  })
})
